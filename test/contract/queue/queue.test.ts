/** Orders and observations: Redis with BullMQ, and the simulated queue, by the same tests. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { HostSnapshot } from '../../../src/plan/snapshot.ts';
import { type Mirror, ObservationMirror } from '../../../src/queue/observation-mirror.ts';
import { type Publisher, SnapshotPublisher } from '../../../src/queue/observations.ts';
import { OrderBook, type OrdersOfHost, StandingOrders } from '../../../src/queue/orders.ts';
import type { Order } from '../../../src/queue/order.ts';
import { connectRedis } from '../../../src/queue/redis-connection.ts';
import { OrderWorker } from '../../../src/queue/worker.ts';
import { generateSealingKeys } from '../../../src/queue/sealing.ts';
import { generateSigningKeys } from '../../../src/queue/signature.ts';
import type { SnapshotContent } from '../../../src/queue/snapshot-fields.ts';
import { noFaults } from '../../../src/simulation/faults.ts';
import { SimulatedQueue } from '../../../src/simulation/queue.ts';
import { Random } from '../../../src/simulation/random.ts';
import { Process, Scheduler, settled } from '../../../src/simulation/scheduler.ts';
import { snapshot } from '../../unit/kinds/builders.ts';
import { startRedis } from './redis-server.ts';

jest.setTimeout(30_000);

/** One controller and the agent of host h1, over one queue. */
interface Subject {
  mirror: Mirror;
  put(order: Order): Promise<'written' | 'superseded'>;
  orders: OrdersOfHost;
  /** The agent answers its doorbells from now on. */
  answerDoor(handle: (uid: string) => Promise<void>): Promise<void>;
  /** A start of the agent: begins to publish under a new incarnation. */
  publisher(incarnation: string): Promise<Publisher & { start(): void }>;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const agentUid = 'agent-1';
const hostName = 'h1';

async function real(): Promise<Subject> {
  const server = await startRedis();
  const mirror = await ObservationMirror.connect(server.address);
  const book = await OrderBook.connect({
    redis: server.address,
    signingKey: generateSigningKeys().privateKey,
  });
  const redis = await connectRedis(server.address, 'reader');
  const publishers: SnapshotPublisher[] = [];
  const workers: OrderWorker[] = [];
  return {
    mirror,
    put: (order) => book.put(order),
    orders: new StandingOrders(redis, agentUid),
    answerDoor: async (handle) => {
      const worker = new OrderWorker({ redis: server.address, agentUid, handle, onError: () => undefined });
      workers.push(worker);
      await worker.ready();
    },
    publisher: async (incarnation) => {
      const sealingKey = generateSealingKeys().publicKey;
      const made = new SnapshotPublisher({
        redis,
        hostName,
        agentUid,
        incarnation,
        sealingKey,
        onError: () => undefined,
      });
      for (const before of publishers.splice(0)) await before.stop();
      publishers.push(made);
      return made;
    },
    flush: async () => void (await server.client.flushall()),
    stop: async () => {
      for (const publisher of publishers) await publisher.stop();
      for (const worker of workers) await worker.close(1_000);
      redis.disconnect();
      await book.close();
      await mirror.close();
      await server.stop();
    },
  };
}

async function simulated(): Promise<Subject> {
  const random = new Random(1);
  const scheduler = new Scheduler(random, () => undefined);
  const queue = new SimulatedQueue(scheduler, noFaults(random));
  const controller = new Process('controller', scheduler);
  const mirror = queue.mirrorFor(controller);
  let agent = new Process('agent', scheduler);
  let running = true;
  const ran = (async () => {
    while (running) {
      await scheduler.step();
      await settled();
    }
  })();
  await mirror.connect();
  return {
    mirror,
    put: (order) => queue.ordersFor(controller).put(order),
    orders: queue.ordersOf(agentUid, new Process('desk', scheduler)),
    answerDoor: async (handle) => queue.answerDoor(agentUid, agent, (uid) => void handle(uid)),
    publisher: async (incarnation) => {
      agent.kill();
      agent = new Process('agent', scheduler);
      return queue.publisherFor({ hostName, agentUid, incarnation, process: agent });
    },
    flush: async () => queue.flush(),
    stop: async () => {
      running = false;
      await ran;
    },
  };
}

function content(seeds: Record<string, string> = {}): SnapshotContent {
  const { incarnation: _incarnation, sequence: _sequence, ...rest } = snapshot({ hostName, agentUid, seeds });
  return rest;
}

const order = (changes: Partial<Order> = {}): Order => ({
  orderId: `${changes.epoch ?? 2}/${changes.generation ?? 3}/${changes.basis ?? 4}`,
  installationUid: 'i',
  hostUid: agentUid,
  uid: 'u',
  kind: 'Disk',
  name: 'd',
  generation: 3,
  epoch: 2,
  incarnation: 'n1',
  basis: 4,
  action: { name: 'disk.grow', arguments: { sizeBytes: 1 } },
  lock: ['u'],
  issuedAt: 0,
  ...changes,
});

describe.each([
  ['Redis and BullMQ', real],
  ['the simulated queue', simulated],
])('%s', (_name, start) => {
  let subject: Subject;
  beforeEach(async () => {
    subject = await start();
  });
  afterEach(() => subject.stop());

  const publish = async (to: Publisher, seeds: Record<string, string> = {}): Promise<void> => {
    to.update(content(seeds));
    await to.push();
  };

  /** Resolves with the first snapshot of the host that fits. */
  const until = async (
    fits: (seen: HostSnapshot | 'unknown') => boolean,
  ): Promise<HostSnapshot | 'unknown'> => {
    const { promise, resolve } = Promise.withResolvers<HostSnapshot | 'unknown'>();
    const look = (): void => {
      const seen = subject.mirror.get(hostName);
      if (fits(seen)) resolve(seen);
    };
    const stop = subject.mirror.onChange(look);
    look();
    return promise.finally(stop);
  };
  const seedOf = (seen: HostSnapshot | 'unknown'): string | undefined =>
    seen === 'unknown' ? undefined : seen.seeds['m'];
  const standing = async (): Promise<string | undefined> => {
    const record = await subject.orders.read('u');
    return record === undefined ? undefined : (JSON.parse(record) as { orderId: string }).orderId;
  };

  describe('of two orders for one object', () => {
    beforeEach(async () => publish(await subject.publisher('n1')));

    test.each<[string, Partial<Order>, 'written' | 'superseded']>([
      ['the later epoch stands', { epoch: 3, generation: 1, basis: 1 }, 'written'],
      ['an earlier epoch never replaces it', { epoch: 1, generation: 9, basis: 9 }, 'superseded'],
      ['the later generation stands', { generation: 4, basis: 1 }, 'written'],
      ['an earlier generation never replaces it', { generation: 2, basis: 9 }, 'superseded'],
      ['the later basis stands', { basis: 5 }, 'written'],
      ['an earlier basis never replaces it', { basis: 3 }, 'superseded'],
      ['an equal one replaces it', { orderId: 'equal' }, 'written'],
      ['bases of two incarnations are not compared', { incarnation: 'n2', basis: 1 }, 'written'],
    ])('%s', async (_title, changes, expected) => {
      await subject.put(order());
      expect(await subject.put(order(changes))).toBe(expected);
      const replaced = expected === 'written';
      expect(await standing()).toBe(replaced ? order(changes).orderId : order().orderId);
    });
  });

  test('an order goes when it was dealt with, unless a newer one took its place', async () => {
    await publish(await subject.publisher('n1'));
    await subject.put(order());
    const record = (await subject.orders.read('u')) ?? '';
    await subject.put(order({ generation: 4 }));
    await subject.orders.remove('u', record, order().orderId);
    expect(await standing()).toBe(order({ generation: 4 }).orderId);
    await subject.orders.remove('u', (await subject.orders.read('u')) ?? '', '');
    expect(await subject.orders.read('u')).toBeUndefined();
    expect(await subject.orders.uids()).toEqual([]);
  });

  test('a newer order is dealt with after it was written, also when the one before is still in work', async () => {
    await publish(await subject.publisher('n1'));
    const first = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const seen: (string | undefined)[] = [];
    const second = Promise.withResolvers<void>();
    await subject.answerDoor(async (uid) => {
      expect(uid).toBe('u');
      seen.push(await standing());
      if (seen.length === 1) {
        first.resolve();
        await release.promise;
      } else second.resolve();
    });

    await subject.put(order());
    await first.promise;
    const newer = order({ generation: 4 });
    await subject.put(newer);
    release.resolve();
    await second.promise;
    expect(seen).toEqual([order().orderId, newer.orderId]);
  });

  test('an order for a host that never published itself is refused', async () => {
    await expect(subject.put(order())).rejects.toThrow('has published itself yet');
  });

  test('a host is unknown until it publishes, and followed then', async () => {
    expect(subject.mirror.get(hostName)).toBe('unknown');
    const agent = await subject.publisher('n1');
    await publish(agent, { m: 'a' });
    expect(await until((seen) => seedOf(seen) === 'a')).toMatchObject({ incarnation: 'n1', hostName });
    await publish(agent, { m: 'b' });
    await until((seen) => seedOf(seen) === 'b');
  });

  test('what did not change makes no new sequence', async () => {
    const agent = await subject.publisher('n1');
    expect([agent.update(content()), agent.update(content()), agent.sequence]).toEqual([
      'changed',
      'same',
      1,
    ]);
  });

  test('a new incarnation is read whole, however its sequence compares', async () => {
    const before = await subject.publisher('n1');
    for (const seed of ['a', 'b', 'c']) await publish(before, { m: seed });
    await until((seen) => seedOf(seen) === 'c');
    await publish(await subject.publisher('n2'), { m: 'd' });
    expect(await until((seen) => seedOf(seen) === 'd')).toMatchObject({ incarnation: 'n2', sequence: 1 });
  });

  test('what an earlier life published, out of an older copy, is not believed', async () => {
    await publish(await subject.publisher('2.b'), { m: 'now' });
    await until((seen) => seedOf(seen) === 'now');
    await publish(await subject.publisher('1.a'), { m: 'then' });
    await until((seen) => seen === 'unknown');
    await publish(await subject.publisher('3.c'), { m: 'again' });
    await until((seen) => seedOf(seen) === 'again');
  });

  test('after a flush the host is published again by itself, and orders are gone', async () => {
    const agent = await subject.publisher('n1');
    await publish(agent, { m: 'a' });
    agent.start();
    await until((seen) => seedOf(seen) === 'a');
    await subject.put(order());
    await subject.flush();
    expect(await subject.orders.read('u')).toBeUndefined();
    await publish(agent, { m: 'b' });
    await until((seen) => seedOf(seen) === 'b');
  });
});
