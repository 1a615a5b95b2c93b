import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ordersKey } from '../../../src/queue/keys.ts';
import { OrderBook } from '../../../src/queue/orders.ts';
import { generateSigningKeys } from '../../../src/queue/signature.ts';
import { FullBook } from './full-book.ts';
import { World } from './world.ts';

jest.setTimeout(30_000);

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(async () => {
  await world.stop();
});

const create = { name: 'disk.create', arguments: { sizeBytes: 2 ** 20, format: 'qcow2' } } as const;
const remove = { name: 'disk.delete', arguments: {} } as const;

describe('an order', () => {
  test('is carried out, and its result comes with a snapshot that shows the effect', async () => {
    const agent = await world.startAgent();
    const uid = randomUUID();

    const result = await world.carryOut(world.plan(uid, create));

    expect(result).toMatchObject({ outcome: 'done', action: 'disk.create' });
    const seen = await world.until(({ sequence }) => sequence >= result.atSequence);
    expect(seen.disks[uid]).toMatchObject({ sizeBytes: 2 ** 20, format: 'qcow2' });
    expect(await world.redis.client.hlen(ordersKey(agent.agentUid))).toBe(0);
  });

  test('that fails says why, and whether repeating can help', async () => {
    await world.startAgent();
    const uid = randomUUID();

    const result = await world.carryOut(
      world.plan(uid, { name: 'disk.grow', arguments: { sizeBytes: 2 ** 20 } }),
    );

    expect(result).toMatchObject({ outcome: 'failed', reason: 'DiskNotFound', retryable: true });
  });

  test.each([
    { what: 'before its effect', call: 'admit', action: create, disks: 0 },
    { what: 'as a removal', call: 'recordRemoval', action: remove, disks: 0 },
  ])('that cannot be recorded $what has failed, until it can', async ({ call, action, disks }) => {
    const book = new FullBook(call);
    await world.startAgent({ around: book.around });
    const uid = randomUUID();

    book.full = true;
    const failed = await world.carryOut(world.plan(uid, action));
    expect(failed).toMatchObject({ outcome: 'failed', message: 'database or disk is full', retryable: true });
    expect(failed.generation).toBe(call === 'admit' ? undefined : 1);
    expect((await world.ports.storage.list()).disks).toHaveLength(disks);
    const seen = world.mirror.get('h1');
    expect(seen !== 'unknown' && uid in seen.removed).toBe(false);

    book.full = false;
    expect(await world.carryOut(world.plan(uid, action))).toMatchObject({ outcome: 'done', generation: 1 });
  });

  test('of deletion leaves the proof that nothing is left', async () => {
    await world.startAgent();
    const uid = randomUUID();
    await world.carryOut(world.plan(uid, create));

    await world.carryOut(world.plan(uid, remove, { generation: 2 }));

    const seen = await world.until(({ removed }) => uid in removed);
    expect(seen.removed[uid]).toBe(2);
    expect(seen.disks[uid]).toBeUndefined();
  });
});

test.each(['{}', '5', 'null', '[1]', 'no JSON', '{"epoch":"x","generation":{},"basis":null}'])(
  'what stands in Redis in its place and is no order (%s) makes room for one',
  async (rubbish) => {
    const agent = await world.startAgent();
    const order = world.plan(randomUUID(), create);
    await world.redis.client.hset(ordersKey(agent.agentUid), order.uid, rubbish);
    expect((await world.carryOut(order)).outcome).toBe('done');
    expect(await world.redis.client.hlen(ordersKey(agent.agentUid))).toBe(0);
  },
);

describe('refused is an order', () => {
  test('of an older generation', async () => {
    await world.startAgent();
    const uid = randomUUID();
    await world.carryOut(world.plan(uid, create, { generation: 3 }));

    const result = await world.carryOut(world.plan(uid, remove, { generation: 2 }));

    expect(result).toMatchObject({ outcome: 'refused', reason: 'StaleGeneration' });
    expect((await world.ports.storage.list()).disks).toHaveLength(1);
  });

  test('of an older epoch', async () => {
    await world.startAgent();
    const uid = randomUUID();
    await world.carryOut(world.plan(uid, create, { epoch: 5 }));

    const result = await world.carryOut(world.plan(uid, remove, { epoch: 4 }));

    expect(result).toMatchObject({ outcome: 'refused', reason: 'StaleEpoch' });
  });

  test('planned before the last effect on its object', async () => {
    await world.startAgent();
    const uid = randomUUID();
    const stale = world.plan(uid, remove);
    await world.carryOut(world.plan(uid, create));

    const result = await world.carryOut(stale);

    expect(result).toMatchObject({ outcome: 'refused', reason: 'StaleBasis' });
    expect((await world.ports.storage.list()).disks).toHaveLength(1);
  });

  test('planned before an effect that touched its object on behalf of another', async () => {
    await world.startAgent();
    const [uid, other] = [randomUUID(), randomUUID()];
    await world.carryOut(world.plan(uid, create));
    const stale = world.plan(uid, remove);
    await world.carryOut(world.plan(other, create, { lock: [other, uid] }));

    expect(await world.carryOut(stale)).toMatchObject({ outcome: 'refused', reason: 'StaleBasis' });
  });

  test('planned for an earlier start of the agent', async () => {
    const dataDir = await world.newDirectory();
    const first = await world.startAgent({ dataDir });
    const uid = randomUUID();
    const stale = world.plan(uid, create);
    await first.close();
    await world.startAgent({ dataDir });

    expect(await world.carryOut(stale)).toMatchObject({ outcome: 'refused', reason: 'StaleBasis' });
  });

  test('that somebody else signed', async () => {
    await world.startAgent();
    const uid = randomUUID();
    const forger = await OrderBook.connect({
      redis: world.redis.address,
      signingKey: generateSigningKeys().privateKey,
    });
    await forger.put(world.plan(uid, create));
    await forger.close();

    const { results } = await world.until((seen) => uid in seen.results);

    expect(results[uid]).toMatchObject({ outcome: 'refused', reason: 'BadSignature' });
    expect((await world.ports.storage.list()).disks).toHaveLength(0);
  });

  test('of another installation', async () => {
    await world.startAgent();
    const uid = randomUUID();

    const result = await world.carryOut(world.plan(uid, create, { installationUid: randomUUID() }));

    expect(result).toMatchObject({ outcome: 'refused', reason: 'ForeignInstallation' });
  });
});
