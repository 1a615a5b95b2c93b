import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { HostSnapshot } from '../../../src/plan/snapshot.ts';
import { changesKey, heartbeatKey, snapshotKey } from '../../../src/queue/keys.ts';
import { ObservationMirror } from '../../../src/queue/observation-mirror.ts';
import { SnapshotPublisher } from '../../../src/queue/observations.ts';
import { connectRedis } from '../../../src/queue/redis-connection.ts';
import type { SnapshotContent } from '../../../src/queue/snapshot-fields.ts';
import { startRedis, type TestRedis } from './redis-server.ts';

jest.setTimeout(30_000);

let server: TestRedis;
let mirror: ObservationMirror;
const connections: Redis[] = [];
const publishers: SnapshotPublisher[] = [];

beforeEach(async () => {
  server = await startRedis();
  mirror = await ObservationMirror.connect(server.address);
});
afterEach(async () => {
  for (const publisher of publishers.splice(0)) await publisher.stop();
  for (const connection of connections.splice(0)) connection.disconnect();
  await mirror.close();
  await server.stop();
});

function content(overrides: Partial<SnapshotContent> = {}): SnapshotContent {
  return {
    hostName: 'h1',
    agentUid: 'a1',
    bootId: 'b',
    complete: true,
    earlierOrdersEnded: true,
    epoch: 1,
    facts: {
      cpus: 2,
      memoryBytes: 1,
      accelerator: 'TCG',
      acceleratorReason: '',
      versions: { purlin: '', libvirt: '', qemu: '', kernel: '' },
      architecture: 'x86_64',
    },
    domains: {},
    foreignDomains: 0,
    disks: {},
    images: {},
    seeds: {},
    segments: {},
    ports: {},
    hostCidrs: [],
    storage: { freeBytes: 1, totalBytes: 2 },
    results: {},
    removed: {},
    ...overrides,
  };
}

async function publisher(overrides: { hostName?: string; agentUid?: string; incarnation?: string } = {}) {
  const redis = await connectRedis(server.address, 'reader');
  connections.push(redis);
  const made = new SnapshotPublisher({
    redis,
    hostName: 'h1',
    agentUid: 'a1',
    incarnation: 'n1',
    sealingKey: 'k',
    onError: () => {},
    ...overrides,
  });
  publishers.push(made);
  return made;
}

async function publish(to: SnapshotPublisher, overrides: Partial<SnapshotContent> = {}): Promise<void> {
  to.update(content(overrides));
  await to.push();
}

async function until(
  fits: (seen: HostSnapshot | 'unknown') => boolean,
  hostName = 'h1',
): Promise<HostSnapshot | 'unknown'> {
  if (fits(mirror.get(hostName))) return mirror.get(hostName);
  const { promise, resolve } = Promise.withResolvers<HostSnapshot | 'unknown'>();
  const stop = mirror.onChange(() => {
    const seen = mirror.get(hostName);
    if (fits(seen)) resolve(seen);
  });
  const seen = await promise;
  stop();
  return seen;
}

const seeds = (seen: HostSnapshot | 'unknown') => (seen === 'unknown' ? undefined : seen.seeds);

describe('the mirror', () => {
  test('knows nothing of a host that never published', () => {
    expect(mirror.get('h1')).toBe('unknown');
    expect(mirror.hosts()).toEqual([]);
  });

  test('follows every change, and says whom it concerns', async () => {
    const agent = await publisher();
    await publish(agent);
    await until((seen) => seen !== 'unknown');
    const heard: (ReadonlySet<string> | 'all')[] = [];
    mirror.onChange((_host, changed) => heard.push(changed));

    await publish(agent, { seeds: { m1: 'x' } });
    await publish(agent, { seeds: { m1: 'x', m2: 'y' } });

    expect(seeds(await until((seen) => seeds(seen)?.m2 === 'y'))).toEqual({ m1: 'x', m2: 'y' });
    expect(heard).toEqual([new Set(['m1']), new Set(['m2'])]);
  });

  test('a change of a domain concerns the Disks that it opens, and those that it lets go', async () => {
    const hardware = {
      cpus: 1,
      maxCpus: 1,
      memoryBytes: 1,
      interfaces: [],
      disks: [{ diskUid: 'd1', target: 'vda' }],
    };
    const domain = { machineUid: 'm1', power: 'running' as const, persistent: true };
    const agent = await publisher();
    await publish(agent);
    await until((seen) => seen !== 'unknown');
    const heard: (ReadonlySet<string> | 'all')[] = [];
    mirror.onChange((_host, changed) => heard.push(changed));

    await publish(agent, { domains: { m1: { ...domain, live: hardware } } });
    await publish(agent);

    await until((seen) => seen !== 'unknown' && seen.domains['m1'] === undefined && heard.length === 2);
    expect(heard).toEqual([new Set(['m1', 'd1']), new Set(['m1', 'd1'])]);
  });

  test('a snapshot that was handed out never changes', async () => {
    const agent = await publisher();
    await publish(agent, { seeds: { m1: 'x' } });
    const before = await until((seen) => seen !== 'unknown');
    await publish(agent, { seeds: { m2: 'y' } });
    await until((seen) => seeds(seen)?.m2 === 'y');
    expect(seeds(before)).toEqual({ m1: 'x' });
  });

  test('reads everything again after a gap in the stream', async () => {
    const agent = await publisher();
    await publish(agent);
    await until((seen) => seen !== 'unknown');
    const change = { from: 'n1/7', to: 'n1/8', set: { 'seeds/m9': '"forged"' }, removed: [] };
    await server.client.xadd(changesKey('a1'), '*', 'change', JSON.stringify(change));
    await publish(agent, { seeds: { m1: 'x' } });

    expect(seeds(await until((seen) => seeds(seen)?.m1 === 'x'))).toEqual({ m1: 'x' });
  });

  test('does not know a host without a sign of life, until it lives again', async () => {
    const agent = await publisher();
    await publish(agent);
    await until((seen) => seen !== 'unknown');

    await server.client.del(heartbeatKey('a1'));
    await until((seen) => seen === 'unknown');
    expect(mirror.hosts()).toMatchObject([{ hostName: 'h1', alive: false, snapshot: { hostName: 'h1' } }]);

    agent.start();
    await until((seen) => seen !== 'unknown');
  });

  test('does not know any host while Redis hangs, and knows it again afterwards', async () => {
    const agent = await publisher();
    await publish(agent);
    agent.start();
    await until((seen) => seen !== 'unknown');

    server.process.kill('SIGSTOP');
    await until((seen) => seen === 'unknown');
    server.process.kill('SIGCONT');

    await until((seen) => seen !== 'unknown');
  });

  test('reads everything again when the stream lost what the hash has', async () => {
    const agent = await publisher();
    await publish(agent);
    await until((seen) => seen !== 'unknown');
    await server.client.hset(snapshotKey('a1'), 'version', 'n1/2', 'seeds/m1', '"x"');

    expect(seeds(await until((seen) => seeds(seen)?.m1 === 'x'))).toEqual({ m1: 'x' });
  });

  test('does not take an old copy of Redis for news', async () => {
    const agent = await publisher();
    await publish(agent, { seeds: { m1: 'x' } });
    await until((seen) => seen !== 'unknown');
    const old = await server.client.hgetall(snapshotKey('a1'));
    await publish(agent, { seeds: { m2: 'y' } });
    await until((seen) => seeds(seen)?.m2 === 'y');

    await server.client.multi().del(snapshotKey('a1')).hset(snapshotKey('a1'), old).exec();
    await until((seen) => seen === 'unknown');

    await publish(agent, { seeds: { m3: 'z' } });
    expect(seeds(await until((seen) => seen !== 'unknown'))).toEqual({ m3: 'z' });
  });

  test('believes an agent that counts its starts from a backup of its disk, once it has lived on', async () => {
    const patient = await ObservationMirror.connect(server.address, { believeAfterMs: 4_000 });
    const knows = (start: string) => {
      const seen = patient.get('h1');
      return seen !== 'unknown' && seen.incarnation === start;
    };
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await publish(await publisher({ incarnation: '7.a' }));
    await until(() => knows('7.a'));

    const restored = await publisher({ incarnation: '3.b' });
    const startedAt = performance.now();
    await publish(restored);
    restored.start();
    await until(() => patient.get('h1') === 'unknown');
    await until(() => knows('3.b'));
    expect(performance.now() - startedAt).toBeGreaterThan(4_000);

    await publish(restored, { seeds: { m1: 'x' } });
    await until(() => seeds(patient.get('h1'))?.m1 === 'x');
    await patient.close();
  });

  test('believes nothing of an earlier start of which only a copy is left', async () => {
    const patient = await ObservationMirror.connect(server.address, { believeAfterMs: 4_000 });
    await publish(await publisher({ incarnation: '7.a' }));
    while (patient.get('h1') === 'unknown') await new Promise((resolve) => setTimeout(resolve, 50));
    await publish(await publisher({ incarnation: '3.b' }));
    // Its sign of life runs out after 15 s; this one does so sooner.
    await server.client.pexpire(heartbeatKey('a1'), 3_000);
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect(patient.get('h1')).toBe('unknown');
    await patient.close();
  });

  test('follows the agent over its restarts', async () => {
    await publish(await publisher(), { seeds: { m1: 'x' } });
    await until((seen) => seen !== 'unknown');
    await publish(await publisher({ incarnation: 'n2' }), { seeds: { m2: 'y' } });

    const seen = await until((now) => now !== 'unknown' && now.incarnation === 'n2');
    expect(seen).toMatchObject({ sequence: 1, seeds: { m2: 'y' } });
  });

  test('keeps hosts apart', async () => {
    await publish(await publisher(), { seeds: { m1: 'x' } });
    await publish(await publisher({ hostName: 'h2', agentUid: 'a2' }), {
      hostName: 'h2',
      seeds: { m2: 'y' },
    });
    expect(seeds(await until((seen) => seen !== 'unknown', 'h1'))).toEqual({ m1: 'x' });
    expect(seeds(await until((seen) => seen !== 'unknown', 'h2'))).toEqual({ m2: 'y' });
  });
});

describe('the publisher', () => {
  test('writes nothing when nothing changed', async () => {
    const agent = await publisher();
    await publish(agent, { seeds: { m1: 'x' } });
    const length = await server.client.xlen(changesKey('a1'));
    expect(agent.update(content({ seeds: { m1: 'x' } }))).toBe('same');
    await agent.push();
    expect(await server.client.xlen(changesKey('a1'))).toBe(length);
    expect(agent.sequence).toBe(1);
  });

  test('publishes everything when Redis does not have what it should', async () => {
    const agent = await publisher();
    await publish(agent, { seeds: { m1: 'x' } });
    await server.client.hset(snapshotKey('a1'), 'version', 'other/9', 'seeds/m7', '"wrong"');

    await publish(agent, { seeds: { m1: 'x', m2: 'y' } });

    expect(await server.client.hget(snapshotKey('a1'), 'seeds/m7')).toBeNull();
    expect(seeds(await until((seen) => seeds(seen)?.m2 === 'y'))).toEqual({ m1: 'x', m2: 'y' });
  });

  test('many changes at once arrive as the last of them', async () => {
    const agent = await publisher();
    const pushes = Array.from({ length: 50 }, (_, index) => {
      agent.update(content({ seeds: { m1: String(index) } }));
      return agent.push();
    });
    await Promise.all(pushes);
    expect(seeds(await until((seen) => seeds(seen)?.m1 === '49'))).toEqual({ m1: '49' });
    expect(await server.client.xlen(changesKey('a1'))).toBeLessThan(5);
  });

  test('does not speak for a host whose name another agent holds', async () => {
    await publish(await publisher());
    await expect(publish(await publisher({ agentUid: 'a2' }))).rejects.toThrow('belongs to the agent a1');
  });
});
