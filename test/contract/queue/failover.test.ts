/** What becomes of connections when another Redis takes over, and when their path is lost without a word. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { watchEpoch } from '../../../src/queue/epoch.ts';
import { heartbeatKey, ordersKey, queueName } from '../../../src/queue/keys.ts';
import { ObservationMirror } from '../../../src/queue/observation-mirror.ts';
import { SnapshotPublisher } from '../../../src/queue/observations.ts';
import { OrderBook } from '../../../src/queue/orders.ts';
import { connectRedis } from '../../../src/queue/redis-connection.ts';
import { generateSealingKeys } from '../../../src/queue/sealing.ts';
import { generateSigningKeys } from '../../../src/queue/signature.ts';
import { OrderWorker } from '../../../src/queue/worker.ts';
import { type MuteProxy, startMuteProxy } from '../../support/mute-proxy.ts';
import { snapshot } from '../../unit/kinds/builders.ts';
import { orderFor } from './orders.ts';
import { startRedis, type TestRedis } from './redis-server.ts';

jest.setTimeout(50_000);

const agentUid = 'agent-1';
const { incarnation: _incarnation, sequence: _sequence, ...content } = snapshot({ agentUid });

/** Everybody who uses Redis, all by one way to it. */
interface Users {
  mirror: ObservationMirror;
  publisher: SnapshotPublisher;
  book: OrderBook;
  rung: string[];
  subscriber: Redis;
  stop(): Promise<void>;
}

async function startUsers(path: string): Promise<Users> {
  const redis = await connectRedis({ path }, 'reader');
  const subscriber = await connectRedis({ path }, 'reader');
  const publisher = new SnapshotPublisher({
    redis,
    hostName: 'h1',
    agentUid,
    incarnation: '1.x',
    sealingKey: generateSealingKeys().publicKey,
    onError: () => undefined,
  });
  publisher.update(content);
  await publisher.push();
  publisher.start();
  const stopWatching = await watchEpoch(redis, subscriber, () => undefined);
  const rung: string[] = [];
  const worker = new OrderWorker({
    redis: { path },
    agentUid,
    handle: async (uid) => void rung.push(uid),
    onError: () => undefined,
  });
  await worker.ready();
  const mirror = await ObservationMirror.connect({ path });
  const book = await OrderBook.connect({
    redis: { path },
    signingKey: generateSigningKeys().privateKey,
  });
  return {
    mirror,
    publisher,
    book,
    rung,
    subscriber,
    stop: async () => {
      await publisher.stop();
      stopWatching();
      await worker.close(0);
      await book.close();
      await mirror.close();
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}

/** Asks until it holds. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** An order that is refused or not answered is planned and written again. */
const written = ({ book }: Users, uid: string) =>
  until(() =>
    book.put(orderFor(uid, agentUid)).then(
      () => true,
      () => false,
    ),
  );

let first: TestRedis;
let proxy: MuteProxy;
let path: string;
const to = { path: '' };
let users: Users;
let second: TestRedis | undefined;
beforeEach(async () => {
  first = await startRedis();
  to.path = first.address.path;
  path = join(first.directory, 'way.sock');
  proxy = await startMuteProxy(to, path);
  users = await startUsers(path);
});
afterEach(async () => {
  await users.stop();
  await proxy.close();
  await first.stop();
  await second?.stop();
  second = undefined;
});

describe('a primary that is demoted and keeps its connections', () => {
  test('is left by everybody: what is published, ordered and read goes by the new one', async () => {
    const { address, client } = (second = await startRedis());
    to.path = address.path;
    // As after a failover; that nothing is copied to the new one is the worst that can be.
    await first.client.replicaof('127.0.0.1', '1');
    await until(async () => (await client.exists(heartbeatKey(agentUid))) === 1);
    await until(() => users.mirror.get('h1') !== 'unknown');
    users.publisher.update({ ...content, foreignDomains: 7 });
    await users.publisher.push();
    await until(() => {
      const seen = users.mirror.get('h1');
      return seen !== 'unknown' && seen.foreignDomains === 7;
    });
    await written(users, 'disk-1');
    expect(await client.hexists(ordersKey(agentUid), 'disk-1')).toBe(1);
    await until(() => users.rung.includes('disk-1'));
    expect(await client.keys(`bull:${queueName(agentUid)}:*`)).not.toEqual([]);
  });
});

describe('connections that nobody knows to be dead', () => {
  test('are given up while their commands wait, and others take their place', async () => {
    const before = performance.now();
    proxy.mute();
    const ready = new Promise((resolve) => users.subscriber.once('ready', resolve));
    await first.client.del(heartbeatKey(agentUid));
    await until(async () => (await first.client.exists(heartbeatKey(agentUid))) === 1);
    await written(users, 'disk-1');
    await ready;
    await until(() => users.mirror.get('h1') !== 'unknown');
    expect(performance.now() - before).toBeLessThan(30_000);
    await until(() => users.rung.includes('disk-1'));
    expect(performance.now() - before).toBeLessThan(40_000);
  });
});
