import { beforeEach, describe, expect, test } from '@jest/globals';
import type { HostStep } from '../../../src/plan/outcome.ts';
import type { HostSnapshot, OrderResult } from '../../../src/plan/snapshot.ts';
import { type Order, orderId } from '../../../src/queue/order.ts';
import { type Dispatch, Dispatcher } from '../../../src/reconcile/dispatch.ts';
import { machine, snapshot } from '../kinds/builders.ts';

const web = machine();
const { uid } = web.metadata;
const step: HostStep = {
  on: 'host',
  hostName: 'h1',
  action: { name: 'machine.start', arguments: { interfaces: [] } },
  lock: ['b', 'a', 'b'],
};
const id = orderId({ action: step.action, uid, generation: 1 });

/** A dispatcher over a book that only remembers, and a clock that is moved by hand. */
class Desk {
  readonly orders: Order[] = [];
  answer: 'written' | 'superseded' = 'written';
  nowMs = 1_000_000;
  #seen: HostSnapshot = snapshot();
  readonly #dispatcher = new Dispatcher({
    orders: { put: async (order) => (this.orders.push(order), this.answer) },
    installationUid: 'installation',
    epoch: () => 3,
    clock: {
      now: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      uptimeMs: () => this.nowMs,
      after: () => () => {},
    },
  });

  dispatch(): Promise<Dispatch> {
    return this.#dispatcher.dispatch(web, step, this.#seen);
  }

  /** The host's next snapshot shows how the order ended. */
  result(outcome: OrderResult['outcome'], more: Partial<OrderResult> = {}): void {
    const sequence = this.#seen.sequence + 1;
    const result = { orderId: id, action: 'machine.start', outcome, atSequence: sequence, ...more };
    this.#seen = snapshot({ incarnation: this.#seen.incarnation, sequence, results: { [uid]: result } });
  }

  restartAgent(): void {
    this.#seen = snapshot({ incarnation: 'incarnation-2', sequence: 1 });
  }

  forget(): void {
    this.#dispatcher.forget(uid);
  }

  /** Milliseconds until the step is sent again, when nothing else happens. */
  async delayUntilSent(): Promise<number> {
    const from = this.nowMs;
    const before = this.orders.length;
    for (;;) {
      const dispatch = await this.dispatch();
      if (this.orders.length > before) return this.nowMs - from;
      if (dispatch.state === 'sent') throw new Error('sent without an order');
      this.nowMs += dispatch.recheckMs;
    }
  }
}

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});

test('an order says who, what, from which view, under which leader, with every lock once and sorted', async () => {
  expect(await desk.dispatch()).toEqual({ state: 'sent' });
  expect(desk.orders).toEqual([
    expect.objectContaining({
      orderId: id,
      installationUid: 'installation',
      hostUid: 'agent-1',
      uid,
      kind: 'Machine',
      namespace: 'default',
      name: 'web',
      generation: 1,
      epoch: 3,
      incarnation: 'incarnation-1',
      basis: 10,
      action: step.action,
      lock: ['a', 'b'],
    }),
  ]);
});

describe('what is under way is not sent again', () => {
  test('until 15 s passed without an answer', async () => {
    await desk.dispatch();
    desk.nowMs += 5_000;
    expect(await desk.dispatch()).toEqual({ state: 'underway', recheckMs: 10_000 });
    expect(await desk.delayUntilSent()).toBe(10_000);
  });

  test('unless the agent started anew', async () => {
    await desk.dispatch();
    desk.restartAgent();
    expect(await desk.delayUntilSent()).toBe(0);
  });

  test('unless it was forgotten', async () => {
    await desk.dispatch();
    desk.forget();
    expect(await desk.delayUntilSent()).toBe(0);
  });

  test('when a newer order stands already, it is looked at soon', async () => {
    desk.answer = 'superseded';
    expect(await desk.dispatch()).toEqual({ state: 'underway', recheckMs: 1_000 });
  });
});

describe('a step that failed', () => {
  test('is sent again after 1, 2, 4 … seconds, at most 60', async () => {
    await desk.dispatch();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      desk.result('failed', { reason: 'OutOfMemory', message: 'cannot allocate', retryable: true });
      delays.push(await desk.delayUntilSent());
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  test('is told in its own words, also while it is sent again', async () => {
    await desk.dispatch();
    desk.result('failed', { reason: 'OutOfMemory', message: 'cannot allocate', retryable: true });
    const failure = { reason: 'OutOfMemory', message: 'cannot allocate', retryable: true };
    expect(await desk.dispatch()).toEqual({ state: 'failed', failure, recheckMs: 1_000 });
    desk.nowMs += 1_000;
    expect(await desk.dispatch()).toMatchObject({ state: 'failed', failure });
  });

  test('for good is sent again every five minutes only', async () => {
    await desk.dispatch();
    desk.result('failed', { reason: 'ChecksumMismatch', message: 'no', retryable: false });
    expect(await desk.delayUntilSent()).toBe(300_000);
  });

  test('without words gets some', async () => {
    await desk.dispatch();
    desk.result('failed');
    expect(await desk.dispatch()).toMatchObject({
      failure: { reason: 'Failed', message: 'machine.start failed', retryable: true },
    });
  });
});

describe('a step that was done and is needed again', () => {
  test('is sent at once the first time, then more and more slowly: a guest that crashes while it boots', async () => {
    await desk.dispatch();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      desk.result('done');
      delays.push(await desk.delayUntilSent());
    }
    expect(delays).toEqual([0, 1_000, 2_000, 4_000, 8_000]);
  });

  test('is sent at once when its effect had lasted', async () => {
    await desk.dispatch();
    for (let kill = 0; kill < 5; kill += 1) {
      desk.result('done');
      desk.nowMs += 20_000;
      expect(await desk.delayUntilSent()).toBe(0);
    }
  });
});

test('an answer to another order is no answer to this one', async () => {
  await desk.dispatch();
  desk.result('failed', { orderId: 'another' });
  expect(await desk.dispatch()).toMatchObject({ state: 'underway' });
});
