import { beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { type Api, ApiError } from '../../../src/reconcile/api.ts';
import { type Leadership, acquireLeadership } from '../../../src/reconcile/leader.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { ApiStore } from '../../../src/simulation/api-store.ts';
import { settled } from '../../../src/simulation/scheduler.ts';
import { HandClock } from '../../support/hand-clock.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const path = { namespace: 'purlin-system', name: 'purlin-controller' };

let clock: HandClock;
let store: ApiStore;
let reachable: boolean;
let lost: string[];
let reported: number;

beforeEach(async () => {
  clock = new HandClock();
  await clock.pass(1_000_000);
  const collections = [{ kind: 'Lease', plural: 'leases', statusSubresource: false }];
  store = new ApiStore({ collections, newUid: () => 'uid', now: () => clock.now() });
  [reachable, lost, reported] = [true, [], 0];
});

const answering = async <Answer>(answer: () => Answer): Promise<Answer> => {
  if (!reachable) throw new ApiError(500, 'InternalError', 'not now');
  return answer();
};

const client = {
  get: (type, where) => answering(() => store.get(type, where)),
  create: (type, namespace, object) => answering(() => store.create(type, namespace, object)),
  replace: (type, where, object) => answering(() => store.replace(type, where, object)),
} as Partial<Api> as Api;

const acquire = (identity: string): Promise<Leadership> =>
  acquireLeadership(
    {
      client,
      clock,
      namespace: path.namespace,
      identity,
      reportedEpoch: () => reported,
      onLost: (reason) => lost.push(reason),
      logger: pino({ level: 'silent' }),
    },
    new AbortController().signal,
  );

const lease = (): Resource & { spec: { holderIdentity: string } } => store.get(leases, path) as never;

describe('the epoch', () => {
  test('is above what the Lease says, what hosts report, and every one that another clock can have given before', async () => {
    const first = await acquire('a');
    expect(first.epoch).toBe(1_000_001);
    await first.release();
    reported = 5_000_000;
    const second = await acquire('a');
    expect(second.epoch).toBe(5_000_001);
    await second.release();
    reported = 0;
    expect((await acquire('a')).epoch).toBe(5_000_002);
  });
});

describe('another replica', () => {
  test('takes over when the Lease has not changed before its eyes for as long as it lasts', async () => {
    const first = await acquire('a');
    const second = acquire('b');
    let leads = false;
    void second.then(() => (leads = true));
    await clock.pass(60_000);
    expect([leads, lease().spec.holderIdentity]).toEqual([false, 'a']);
    reachable = false;
    await clock.pass(14_000);
    expect([first.certain(), lost]).toEqual([false, []]);
    reachable = true;
    await first.release();
    await clock.pass(20_000);
    expect([leads, lease().spec.holderIdentity]).toEqual([true, 'b']);
    expect((await second).epoch).toBeGreaterThan(first.epoch);
  });

  test('whose Lease was taken meanwhile ends the first', async () => {
    await acquire('a');
    store.patch(leases, path, { spec: { holderIdentity: 'b' } });
    await clock.pass(5_000);
    expect(lost).toEqual([expect.stringMatching(/^the lease was changed by another/)]);
  });
});

describe('whether the store may be older than what hosts have', () => {
  test('with a Lease that was not there, until everything is settled, through all leaderships', async () => {
    const first = await acquire('a');
    expect(first.settling).toBe(true);
    await first.release();
    const second = await acquire('b');
    expect(second.settling).toBe(true);
    second.settled();
    await clock.pass(5_000);
    await second.release();
    expect((await acquire('a')).settling).toBe(false);
  });

  test('with a Lease that is older than what a host has obeyed', async () => {
    const first = await acquire('a');
    first.settled();
    await clock.pass(5_000);
    await first.release();
    reported = 9_000_000;
    expect((await acquire('a')).settling).toBe(true);
  });

  test('settled while the Lease cannot be renewed: said with the next renewal', async () => {
    const first = await acquire('a');
    reachable = false;
    first.settled();
    await clock.pass(5_000);
    expect(lease().metadata.annotations).toHaveProperty(['purlin.dev/settling']);
    reachable = true;
    await clock.pass(5_000);
    await settled();
    expect(lease().metadata.annotations).not.toHaveProperty(['purlin.dev/settling']);
  });
});
