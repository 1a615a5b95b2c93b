import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { snapshotKey } from '../../../src/queue/keys.ts';
import { OrderBook, StandingOrders } from '../../../src/queue/orders.ts';
import { connectRedis } from '../../../src/queue/redis-connection.ts';
import { generateSealingKeys } from '../../../src/queue/sealing.ts';
import { generateSigningKeys } from '../../../src/queue/signature.ts';
import { sealingKeyField } from '../../../src/queue/snapshot-fields.ts';
import { OrderWorker } from '../../../src/queue/worker.ts';
import { orderFor } from './orders.ts';
import { startRedis, type TestRedis } from './redis-server.ts';

const agentUid = 'agent-1';

let redis: TestRedis;
let book: OrderBook;
beforeEach(async () => {
  redis = await startRedis();
  book = await OrderBook.connect({
    redis: redis.address,
    signingKey: generateSigningKeys().privateKey,
  });
});
afterEach(async () => {
  await book.close();
  await redis.stop();
});

test('a book is closed also while Redis is away', async () => {
  expect(await book.depth(agentUid)).toEqual({ orders: 0, waiting: 0, active: 0 });
  redis.process.kill('SIGKILL');
  await once(redis.process, 'exit');
  await expect(book.close()).resolves.toBeUndefined();
});

test('however often somebody rings for an object, one doorbell waits', async () => {
  await redis.client.hset(snapshotKey(agentUid), sealingKeyField, generateSealingKeys().publicKey);
  for (const uid of ['u', 'u', 'other', 'u']) await book.put(orderFor(uid, agentUid));
  expect(await book.depth(agentUid)).toEqual({ orders: 2, waiting: 2, active: 0 });
});

test('whoever rings while an agent that starts clears its queues is heard when it rings again', async () => {
  await redis.client.hset(snapshotKey(agentUid), sealingKeyField, generateSealingKeys().publicKey);
  const put = (uid: string) => book.put(orderFor(uid, agentUid));
  await put('before');
  // Of other agents and objects: enough that the queues of one are not found at a glance.
  const others = Array.from({ length: 20_000 }, (_, each) => [`other:${each}`, '']).flat();
  await redis.client.mset(others);
  const connection = await connectRedis(redis.address, 'reader');
  const meanwhile: string[] = [];
  let cleared = false;
  const clearing = new StandingOrders(connection, agentUid).forgetDoorbells().then(() => {
    cleared = true;
  });
  do {
    const uid = `u${meanwhile.length}`;
    meanwhile.push(uid);
    await put(uid);
  } while (!cleared);
  await clearing;
  connection.disconnect();

  const rung = new Set<string>();
  const everybody = Promise.withResolvers<void>();
  const worker = new OrderWorker({
    redis: redis.address,
    agentUid,
    handle: async (uid) => {
      rung.add(uid);
      if (meanwhile.every((each) => rung.has(each))) everybody.resolve();
    },
    onError: () => undefined,
  });
  await worker.ready();
  for (const uid of meanwhile) await put(uid);
  await everybody.promise;
  await worker.close(0);
});
