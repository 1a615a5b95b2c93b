import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Worker } from 'bullmq';
import { SimulatedStorage } from '../../../src/host/storage/simulated.ts';
import { type ImageSource, StorageError } from '../../../src/host/ports/storage.ts';
import { changesKey, queueName, hostsKey, ordersKey, snapshotKey } from '../../../src/queue/keys.ts';
import { generateSealingKeys } from '../../../src/queue/sealing.ts';
import { generateSigningKeys } from '../../../src/queue/signature.ts';
import { defining, World } from './world.ts';

jest.setTimeout(30_000);

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(async () => {
  await world.stop();
});

const create = { name: 'disk.create', arguments: { sizeBytes: 2 ** 20, format: 'qcow2' } } as const;

/** Storage whose imports take for ever, and end only when they are told to. */
class SlowImports extends SimulatedStorage {
  readonly begun = Promise.withResolvers<void>();
  readonly begunAgain = Promise.withResolvers<void>();
  readonly aborted = Promise.withResolvers<unknown>();
  fail: (error: Error) => void = () => {};
  #imports = 0;

  override async importImage(_source: ImageSource, signal: AbortSignal): Promise<void> {
    this.#imports += 1;
    (this.#imports === 1 ? this.begun : this.begunAgain).resolve();
    const { promise, reject } = Promise.withResolvers<void>();
    this.fail = (error) => reject(error);
    signal.addEventListener('abort', () => {
      this.aborted.resolve(signal.reason);
      reject(new Error('stopped'));
    });
    return promise;
  }
}

describe('identity', () => {
  test('is kept over restarts, with keys that only root can read', async () => {
    const dataDir = await world.newDirectory();
    const first = await world.startAgent({ dataDir });
    await first.close();
    const second = await world.startAgent({ dataDir });

    expect(second.agentUid).toBe(first.agentUid);
    expect(second.incarnation).not.toBe(first.incarnation);
    expect((await stat(join(dataDir, 'agent', 'identity.json'))).mode & 0o777).toBe(0o600);
  });

  test('an agent whose book of starts is out of a backup counts above what it published since', async () => {
    const dataDir = await world.newDirectory();
    for (let start = 0; start < 3; start += 1) await (await world.startAgent({ dataDir })).close();
    for (const name of await readdir(join(dataDir, 'agent')))
      if (name.startsWith('fence.sqlite')) await rm(join(dataDir, 'agent', name));
    // `startAgent` waits until the mirror, which has seen the third start, knows the host again.
    const restored = await world.startAgent({ dataDir });
    expect(restored.incarnation).toMatch(/^4\./);
    await restored.close();
    expect((await world.startAgent({ dataDir })).incarnation).toMatch(/^5\./);
  });

  test('a second agent with the same host name is refused', async () => {
    await world.startAgent();
    await expect(world.startAgent()).rejects.toThrow(/the host name "h1" belongs to the agent/);
  });

  test('a second agent on the same data directory is refused', async () => {
    const dataDir = await world.newDirectory();
    await world.startAgent({ dataDir });
    await expect(world.startAgent({ dataDir })).rejects.toThrow(/another agent runs on/);
  });

  test('a host obeys the installation and the key that it was first started for', async () => {
    const dataDir = await world.newDirectory();
    await (await world.startAgent({ dataDir })).close();
    const { installationUid } = world;
    const controllerPublicKey = generateSigningKeys().publicKey;

    await expect(
      world.startAgent({ dataDir, trust: { installationUid, controllerPublicKey } }),
    ).rejects.toThrow(/with another key/);
  });
});

describe('the host name', () => {
  test('lost to another agent while Redis was flushed: the agent says that it cannot go on', async () => {
    const agent = await world.startAgent();
    await world.redis.client.multi().flushall().hset(hostsKey, 'h1', 'another').exec();
    await expect(agent.failed).rejects.toThrow('belongs to the agent another');
  });
});

describe('events of the host', () => {
  test('reach the mirror without a listing of everything', async () => {
    await world.startAgent();
    const uid = randomUUID();
    await world.ports.storage.createDisk({ diskUid: uid, sizeBytes: 1024, format: 'raw' });
    const seen = await world.until(({ disks }) => uid in disks);
    expect(seen.disks[uid]?.sizeBytes).toBe(1024);
  });

  test('that change nothing publish nothing', async () => {
    const agent = await world.startAgent();
    const uid = randomUUID();
    await world.ports.storage.createDisk({ diskUid: uid, sizeBytes: 1024, format: 'raw' });
    const { sequence } = await world.until(({ disks }) => uid in disks);
    const entries = await world.redis.client.xlen(changesKey(agent.agentUid));

    await world.ports.storage.createDisk({ diskUid: uid, sizeBytes: 1024, format: 'raw' });
    await world.carryOut(world.plan(uid, { name: 'disk.retain', arguments: {} }));
    const after = await world.until(({ disks }) => disks[uid]?.retained === true);

    expect(after.sequence).toBeLessThanOrEqual(sequence + 2); // the disk, and the result
    expect(await world.redis.client.xlen(changesKey(agent.agentUid))).toBeLessThanOrEqual(entries + 2);
  });

  test('a part that cannot be listed makes the snapshot incomplete until it can', async () => {
    await world.startAgent();
    world.ports.network.failNext('list', new Error('ip does not answer'));
    world.ports.network.setForeignCidrs(['192.168.7.0/24']);

    const unsure = await world.until(({ complete }) => !complete);
    const sure = await world.until(({ complete }) => complete);

    expect(sure.sequence).toBeGreaterThan(unsure.sequence);
  });
});

describe('Redis', () => {
  test('flushed: everything is published again, and orders are taken', async () => {
    await world.startAgent();
    const [uid, other] = [randomUUID(), randomUUID()];
    await world.carryOut(world.plan(uid, create));

    await world.redis.client.flushall();
    const unknown = Promise.withResolvers<void>();
    const stop = world.mirror.onChange(() => {
      if (world.mirror.get('h1') === 'unknown') unknown.resolve();
    });
    if (world.mirror.get('h1') !== 'unknown') await unknown.promise;
    stop();

    const seen = await world.until(({ disks }) => uid in disks);
    expect(seen.disks[uid]).toBeDefined();
    expect(await world.carryOut(world.plan(other, create))).toMatchObject({ outcome: 'done' });
  });

  test('killed and empty again: everything is published again, and orders are taken', async () => {
    await world.startAgent();
    const [uid, other] = [randomUUID(), randomUUID()];
    await world.carryOut(world.plan(uid, create));

    await world.redis.restart();

    await world.until(({ disks }) => uid in disks);
    expect(await carryOutInTheEnd(other)).toMatchObject({ outcome: 'done' });
  });

  /** The producer fails at once while Redis is away; a controller plans again, and so does this. */
  async function carryOutInTheEnd(uid: string) {
    for (;;) {
      try {
        return await world.carryOut(world.plan(uid, create));
      } catch {
        await world.until(() => true);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  test('holds no secret of a guest in clear, and nothing of a finished order', async () => {
    const agent = await world.startAgent();
    const uid = randomUUID();
    const order = world.plan(uid, defining('password: correct horse battery'));
    const written = Promise.withResolvers<string>();
    const monitor = await world.redis.client.monitor();
    monitor.on('monitor', (_time: string, args: string[]) => {
      const record = args.find((argument) => argument.includes('"signature"'));
      if (record) written.resolve(record);
    });

    const result = await world.carryOut(order);
    monitor.disconnect();

    expect(result).toMatchObject({ outcome: 'done' });
    expect(await written.promise).toContain('sealedSeed');
    expect(await written.promise).not.toContain('correct horse');
    expect(await world.redis.client.exists(ordersKey(agent.agentUid))).toBe(0);
    expect(await world.redis.client.exists(snapshotKey(agent.agentUid))).toBe(1);
  });
});

describe('somebody who can write to Redis', () => {
  test('gets nothing sealed to a key of his own', async () => {
    const agent = await world.startAgent();
    const uid = randomUUID();
    await world.carryOut(world.plan(uid, defining('first')));
    await world.redis.client.hset(snapshotKey(agent.agentUid), 'sealingKey', generateSealingKeys().publicKey);

    // The agent could not read what was sealed to another key.
    expect(await world.carryOut(world.plan(uid, defining('second')))).toMatchObject({ outcome: 'done' });
  });
});

describe('work under way', () => {
  test('a newer order cuts a long copy short and is carried out', async () => {
    const storage = new SlowImports();
    await world.startAgent({ ports: { ...world.ports, storage } });
    const uid = randomUUID();
    await world.orders.put(
      world.plan(uid, {
        name: 'image.import',
        arguments: { from: { file: '/a' }, format: 'raw', compression: 'None' },
      }),
    );
    await storage.begun.promise;

    const result = await world.carryOut(
      world.plan(uid, { name: 'image.delete', arguments: {} }, { generation: 2 }),
    );

    expect(await storage.aborted.promise).toMatchObject({ name: 'Superseded' });
    expect(result).toMatchObject({ action: 'image.delete' });
  });

  test('the same order delivered many times has one effect', async () => {
    let created = 0;
    class CountingStorage extends SimulatedStorage {
      override async createDisk(spec: Parameters<SimulatedStorage['createDisk']>[0]): Promise<void> {
        created += 1;
        return super.createDisk(spec);
      }
    }
    await world.startAgent({ ports: { ...world.ports, storage: new CountingStorage() } });
    const uid = randomUUID();
    const order = world.plan(uid, create);

    await Promise.all(Array.from({ length: 20 }, () => world.orders.put(order)));
    await world.until(({ results }) => uid in results);
    await world.orders.put(order);
    const { results } = await world.until((seen) => seen.results[uid]?.outcome === 'refused');

    expect(results[uid]).toMatchObject({ reason: 'StaleBasis' });
    expect(created).toBe(1);
  });

  test('an order sent again while it is carried out does not hide how it ended', async () => {
    const storage = new SlowImports();
    await world.startAgent({ ports: { ...world.ports, storage } });
    const uid = randomUUID();
    const importing = {
      name: 'image.import',
      arguments: { from: { file: '/a' }, format: 'raw', compression: 'None' },
    } as const;
    await world.orders.put(world.plan(uid, importing));
    await storage.begun.promise;
    await world.carryOut(world.plan(randomUUID(), create)); // the world moves on
    await world.orders.put(world.plan(uid, importing));

    storage.fail(new StorageError('DownloadFailed', 'HTTP 404', { retryable: true }));
    await world.until(({ results }) => uid in results);
    await world.until(({ results }) => results[uid]?.reason === 'DownloadFailed');
    // Whatever else stood for the object would be dealt with before an order that comes after it.
    await world.orders.put(world.plan(uid, importing));
    await storage.begunAgain.promise;

    const seen = await world.until(() => true);
    expect(seen.results[uid]).toMatchObject({ outcome: 'failed', reason: 'DownloadFailed' });
  });

  test('an older order never takes the place of a newer one', async () => {
    const agent = await world.startAgent();
    const uid = randomUUID();
    const older = world.plan(uid, create, { generation: 1 });
    await agent.close();

    expect(await world.orders.put({ ...older, generation: 2 })).toBe('written');
    expect(await world.orders.put(older)).toBe('superseded');
  });

  test('an agent that died over an order hears of it, and of the next one, as soon as it is back', async () => {
    const dataDir = await world.newDirectory();
    const first = await world.startAgent({ dataDir });
    const uid = randomUUID();
    const order = world.plan(uid, create);
    await first.close();
    const taken = Promise.withResolvers<void>();
    const dying = new Worker(
      queueName(first.agentUid),
      () => {
        taken.resolve();
        return new Promise(() => {});
      },
      { connection: world.redis.address },
    );
    await world.orders.put(order);
    await taken.promise;
    await dying.close(true);

    await world.startAgent({ dataDir });

    const { results } = await world.until((seen) => uid in seen.results);
    expect(results[uid]).toMatchObject({ outcome: 'refused', reason: 'StaleBasis' });
    expect(await world.carryOut(world.plan(uid, create))).toMatchObject({ outcome: 'done' });
  });

  test('closing does not wait for what never ends', async () => {
    const storage = new SlowImports();
    const agent = await world.startAgent({ ports: { ...world.ports, storage } });
    await world.orders.put(
      world.plan(randomUUID(), {
        name: 'image.import',
        arguments: { from: { file: '/a' }, format: 'raw', compression: 'None' },
      }),
    );
    await storage.begun.promise;

    await agent.close(200);

    expect(await storage.aborted.promise).toMatchObject({ name: 'WorkerClosing' });
  });

  test('a worker that cannot confirm its lock stops its copies, not its guests', async () => {
    const storage = new SlowImports();
    const guest = randomUUID();
    await world.startAgent({ ports: { ...world.ports, storage }, lockDurationMs: 1_000 });
    await world.ports.hypervisor.defineDomain({
      uuid: guest,
      metadata: {
        namespace: 'default',
        name: 'web',
        installationUid: world.installationUid,
        generation: 1,
        definitionHash: 'h',
      },
      accelerator: 'qemu',
      cpus: 1,
      maxCpus: 1,
      memoryBytes: 2 ** 28,
      firmware: { type: 'bios' },
      disks: [],
      interfaces: [],
      consoleLogPath: '/c',
    });
    await world.ports.hypervisor.startDomain(guest);
    await world.orders.put(
      world.plan(randomUUID(), {
        name: 'image.import',
        arguments: { from: { file: '/a' }, format: 'raw', compression: 'None' },
      }),
    );
    await storage.begun.promise;

    world.redis.process.kill('SIGSTOP'); // unreachable: no renewal, and no event that says so
    const reason = await storage.aborted.promise;
    world.redis.process.kill('SIGCONT');

    expect(reason).toMatchObject({ name: 'LockLost' });
    expect((await world.ports.hypervisor.findDomain(guest))?.power).toBe('running');
  });
});
