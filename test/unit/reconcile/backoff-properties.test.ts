import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pino } from 'pino';
import type { KindDefinition } from '../../../src/plan/kind.ts';
import type { Api } from '../../../src/reconcile/api.ts';
import { Controller } from '../../../src/reconcile/controller.ts';
import { Dispatcher } from '../../../src/reconcile/dispatch.ts';
import { EventRecorder } from '../../../src/reconcile/events.ts';
import { Informer } from '../../../src/reconcile/informer.ts';
import { Informers } from '../../../src/reconcile/informers.ts';
import { settled } from '../../../src/simulation/scheduler.ts';
import { disk } from '../kinds/builders.ts';
import { DisturbedCollection, disks } from './disturbed-collection.ts';
import { HandClock } from '../../support/hand-clock.ts';

const logger = pino({ level: 'silent' });

/** How an informer's attempt goes. */
type Attempt = 'the list fails' | 'the watch fails' | 'the watch expires' | 'the watch ends' | 'it lasts';

async function undergo(attempt: Attempt, server: DisturbedCollection, clock: HandClock): Promise<void> {
  if (attempt === 'the list fails') return server.fail('refused');
  server.answer({ behind: 0, count: 1 });
  await settled();
  switch (attempt) {
    case 'the watch fails':
      return server.fail('connection lost');
    case 'the watch expires':
      return server.expire('as an event');
    case 'it lasts':
      await clock.pass(5_001);
      return server.endStream();
    case 'the watch ends':
      return server.endStream();
  }
}

test('an informer pauses twice as long before each further attempt, up to 5 s, until one lasts', async () => {
  const attempts = fc.array(
    fc.constantFrom<Attempt>(
      'the list fails',
      'the watch fails',
      'the watch expires',
      'the watch ends',
      'it lasts',
    ),
    { maxLength: 15 },
  );
  await fc.assert(
    fc.asyncProperty(attempts, async (history) => {
      const clock = new HandClock();
      const server = new DisturbedCollection(0);
      const informer = new Informer({ client: server, clock, logger }, disks, () => undefined);
      informer.start();
      await settled();
      let pauseMs = 100;
      for (const attempt of history) {
        await undergo(attempt, server, clock);
        await settled();
        if (attempt === 'it lasts') pauseMs = 100;
        const before = server.requests;
        await clock.pass(pauseMs - 1);
        expect(server.requests).toBe(before);
        await clock.pass(1);
        expect(server.requests).toBe(before + 1);
        pauseMs = Math.min(pauseMs * 2, 5_000);
      }
      server.answer({ behind: 0, count: 1 });
      await informer.stop();
    }),
    { numRuns: 300 },
  );
});

/** A look at an object by the controller. */
interface Look {
  fails: boolean;
  /** Something happens to the object when half of the time until the next look is over. */
  eventHalfway: boolean;
}

const RECHECK_MS = 100_000;

/** A controller of one disk, each look at which fails or not as the test says. */
class FlakyBench {
  readonly clock = new HandClock();
  fails = false;
  looks = 0;
  readonly #disk = disk('data', { status: { observedGeneration: 1, conditions: [] } });
  readonly #controller: Controller;

  constructor() {
    // Nothing is asked of the API: the status is right already.
    const common = { client: {} as Api, clock: this.clock, logger };
    const kinds = [this.#kind()];
    const informers = new Informers({ ...common, kinds, hosts: () => [], listener: () => undefined });
    informers.put(this.#disk);
    this.#controller = new Controller({
      ...common,
      kinds,
      informers,
      dispatcher: new Dispatcher({
        orders: { put: async () => 'written' },
        installationUid: 'installation',
        epoch: () => 1,
        clock: this.clock,
      }),
      events: new EventRecorder(common),
      snapshotOf: () => 'unknown',
      mayAct: () => true,
      waitsFor: () => undefined,
    });
  }

  async happen(): Promise<void> {
    this.#controller.objectChanged(this.#disk, undefined, false);
    await settled();
  }

  close(): Promise<void> {
    return this.#controller.close();
  }

  #kind(): KindDefinition {
    return {
      kind: 'Disk',
      plural: disks.plural,
      watches: [],
      gather: () => undefined,
      plan: () => {
        this.looks += 1;
        if (this.fails) throw new Error('as the test says');
        return { type: 'waiting', reason: 'Test', on: 'the test', recheckMs: RECHECK_MS };
      },
      status: () => ({ conditions: [], fields: {} }),
    };
  }
}

test('a failing object is looked at after twice as long each time, up to 30 s, until a look succeeds', async () => {
  const looks = fc.array(
    fc.record<Look>({
      fails: fc.constantFrom(true, true, true, true, true, false),
      eventHalfway: fc.constantFrom(false, false, false, true),
    }),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(looks, async (history) => {
      const bench = new FlakyBench();
      let failures = 0;
      bench.fails = history[0]?.fails ?? false;
      await bench.happen();
      for (const [at, { fails, eventHalfway }] of history.entries()) {
        expect(bench.looks).toBe(at + 1);
        failures = fails ? failures + 1 : 0;
        const delayMs = fails ? Math.min(500 * 2 ** (failures - 1), 30_000) : RECHECK_MS;
        bench.fails = history[at + 1]?.fails ?? false;
        await bench.clock.pass(eventHalfway ? delayMs / 2 : delayMs - 1);
        expect(bench.looks).toBe(at + 1);
        await (eventHalfway ? bench.happen() : bench.clock.pass(1));
      }
      expect(bench.looks).toBe(history.length + 1);
      await bench.close();
    }),
    { numRuns: 300 },
  );
});
