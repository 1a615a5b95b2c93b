/** What starts and ends a leader's loop, with a real API server, Redis and an agent on a simulated host. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import { systemClock } from '../../../src/clock/clock.ts';
import { CRDS_DIR } from '../../../src/compose/embedded-api.ts';
import { kinds } from '../../../src/kinds/registry.ts';
import { announceEpoch } from '../../../src/queue/epoch.ts';
import { heartbeatKey } from '../../../src/queue/keys.ts';
import { type Api, ApiError } from '../../../src/reconcile/api.ts';
import { ApiClient } from '../../../src/reconcile/api-client.ts';
import { type Loop, startLoop } from '../../../src/reconcile/loop.ts';
import type { Disk, Machine, Subnet } from '../../../src/resources/kinds.ts';
import { startMuteProxy } from '../../support/mute-proxy.ts';
import { World } from '../agent/world.ts';
import { until } from '../apiserver/expecting.ts';
import { startTestServer, type TestServer } from '../apiserver/harness.ts';

jest.setTimeout(60_000);

const GROUP = '/apis/purlin.dev/v1alpha1';

let server: TestServer;
let world: World;
const ends: (() => unknown)[] = [];
beforeEach(async () => {
  [server, world] = await Promise.all([startTestServer(CRDS_DIR), World.make()]);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await Promise.all([server.stop(), world.stop()]);
});

function clientAt(url: string, times: { silenceMs?: number } = {}): ApiClient {
  const authorize = () => Promise.resolve({ authorization: `Bearer ${server.server.loopbackToken}` });
  const client = new ApiClient({ server: url, tls: { ca: server.server.caPem }, authorize }, times);
  ends.push(() => client.close());
  return client;
}

interface Circumstances {
  client?: Api;
  epoch?: number;
  signal?: AbortSignal;
  log?: (line: { msg: string; plural?: string; because?: string }) => void;
}

const superseded: string[] = [];

async function start({ client, epoch = 1, signal, log }: Circumstances = {}): Promise<Loop> {
  superseded.splice(0);
  const write = (line: string): void => log?.(JSON.parse(line));
  const loop = await startLoop(
    {
      kinds,
      client: client ?? clientAt(server.server.url),
      clock: systemClock,
      mirror: world.mirror,
      orders: world.orders,
      installationUid: world.installationUid,
      leadership: { epoch, certain: () => true, settling: false, settled: () => undefined },
      onSuperseded: (reason) => superseded.push(reason),
      logger: pino({ level: log ? 'warn' : 'silent' }, { write }),
    },
    signal,
  );
  ends.push(() => loop.close());
  return loop;
}

async function announce(epoch: number): Promise<void> {
  const stop = await announceEpoch({
    redis: world.redis.address,
    signingKey: world.keys.privateKey,
    record: { installationUid: world.installationUid, epoch },
    onSuperseded: () => undefined,
  });
  ends.push(stop);
  await world.until((snapshot) => snapshot.epoch === epoch);
}

test('the Host of an agent that is there comes back when somebody deletes it', async () => {
  await world.startAgent();
  await announce(1);
  const { objects } = await start();
  const registered = () => objects.get('Host', undefined, 'h1')?.metadata.uid;
  await until(() => registered() !== undefined);
  const first = registered();
  await server.call('DELETE', `${GROUP}/hosts/h1`);
  await until(() => ![first, undefined].includes(registered()));
});

test('a host whose agent is silent is gone when its Host is deleted: nothing waits for it any more', async () => {
  const agent = await world.startAgent();
  await announce(1);
  const { objects } = await start();
  const create = (kind: string, plural: string, name: string, spec: object) =>
    server.call('POST', `${GROUP}/namespaces/default/${plural}`, {
      apiVersion: 'purlin.dev/v1alpha1',
      kind,
      metadata: { name },
      spec,
    });
  await create('Subnet', 'subnets', 's', { cidr: '10.77.0.0/24' });
  await create('Machine', 'machines', 'm', {
    cpus: 1,
    memory: '64Mi',
    disks: [{ name: 'root', template: { spec: { size: '1Gi' } } }],
    interfaces: [{ name: 'eth0', subnetRef: { name: 's' } }],
  });
  const readiness = (kind: 'Subnet' | 'Machine' | 'Disk', name: string): string | undefined => {
    const { status } = objects.get<Subnet | Machine | Disk>(kind, 'default', name) ?? {};
    return status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  };
  await until(() => readiness('Machine', 'm') === 'Ready');
  await agent.close(1_000);
  await world.redis.client.del(heartbeatKey(agent.agentUid));
  await until(() => readiness('Machine', 'm') === 'HostUnknown');
  await server.call('DELETE', `${GROUP}/hosts/h1`);
  await until(() => readiness('Machine', 'm') === 'HostGone' && readiness('Disk', 'm-root') === 'HostGone');
  for (const object of ['machines/m', 'subnets/s'])
    await server.call('DELETE', `${GROUP}/namespaces/default/${object}`);
  const left = () =>
    ['Machine', 'Disk', 'IPAddress', 'Placement', 'Subnet', 'Host'].flatMap((kind) => objects.list(kind));
  await until(() => left().length === 0);
});

test.each(['before it began', 'while it runs'] as const)(
  'a leader whose host has obeyed a later one %s ends',
  async (when) => {
    await world.startAgent();
    const reason = 'host h1 obeys epoch 40, and that of this leader is 31';
    if (when === 'before it began') await announce(40);
    await start({ epoch: 31 });
    if (when === 'while it runs') {
      expect(superseded).toEqual([]);
      await announce(40);
    }
    await until(() => superseded.includes(reason));
  },
);

test('a kind that cannot be listed is told of, once, and the wait for it can be ended', async () => {
  const client = clientAt(server.server.url);
  let refusals = 0;
  const refusing = new Proxy(client, {
    get: (target, key: keyof ApiClient) => {
      if (key !== 'list') return (target[key] as () => unknown).bind(target);
      return (type: { plural: string }) => {
        if (type.plural !== 'secrets') return target.list(type as never);
        refusals += 1;
        return Promise.reject(new ApiError(403, 'Forbidden', 'secrets is forbidden'));
      };
    },
  });
  const stop = new AbortController();
  const told: object[] = [];
  const starting = start({
    client: refusing,
    signal: stop.signal,
    log: ({ msg, plural, because }) => told.push({ msg, plural, because }),
  });
  await until(() => refusals >= 3);
  expect(told).toEqual([{ msg: 'cannot be listed', plural: 'secrets', because: 'secrets is forbidden' }]);
  const why = new Error('stopping');
  stop.abort(why);
  await expect(starting).rejects.toBe(why);
});

test('a watch whose connection is dead without a word begins anew', async () => {
  await world.startAgent();
  const proxy = await startMuteProxy({ host: '127.0.0.1', port: server.server.port });
  ends.push(() => proxy.close());
  const client = clientAt(`https://127.0.0.1:${proxy.port}`, { silenceMs: 1_000 });
  const loop = await start({ client });
  proxy.mute();
  const subnet = {
    apiVersion: 'purlin.dev/v1alpha1',
    kind: 'Subnet',
    metadata: { name: 'late' },
    spec: { cidr: '10.77.0.0/24' },
  };
  const path = `${GROUP}/namespaces/default/subnets`;
  expect((await server.call('POST', path, subnet)).status).toBe(201);
  await until(() => loop.objects.get('Subnet', 'default', 'late') !== undefined);
});
