/** What controllers rely on in a Kubernetes API: the embedded server over HTTPS, and the simulated one, by the same tests. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CRDS_DIR } from '../../../src/compose/embedded-api.ts';
import { type Api, ApiError, type WatchEvent } from '../../../src/reconcile/api.ts';
import { ApiClient } from '../../../src/reconcile/api-client.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { SimulatedApi } from '../../../src/simulation/api-client.ts';
import { ApiStore } from '../../../src/simulation/api-store.ts';
import { readCollections } from '../../../src/simulation/collections.ts';
import { noFaults } from '../../../src/simulation/faults.ts';
import { Underway } from '../../../src/simulation/underway.ts';
import { Random } from '../../../src/simulation/random.ts';
import { Process, Scheduler, settled } from '../../../src/simulation/scheduler.ts';
import { startTestServer } from '../apiserver/harness.ts';

interface Subject {
  api: Api;
  stop(): Promise<void>;
}

async function realApi(): Promise<Subject> {
  const testServer = await startTestServer(CRDS_DIR);
  const { server } = testServer;
  const api = new ApiClient({
    server: server.url,
    tls: { ca: server.caPem },
    authorize: async () => ({ authorization: `Bearer ${server.loopbackToken}` }),
  });
  return {
    api,
    stop: async () => {
      api.close();
      await testServer.stop();
    },
  };
}

async function simulatedApi(): Promise<Subject> {
  const random = new Random(1);
  const scheduler = new Scheduler(random, () => undefined);
  const store = new ApiStore({
    collections: await readCollections(CRDS_DIR),
    newUid: () => random.uuid(),
    now: () => Date.UTC(2026, 0, 1) + scheduler.nowMs,
  });
  const nothingFails = noFaults(random);
  const api = new SimulatedApi({
    store,
    process: new Process('test', scheduler),
    faults: nothingFails,
    underway: new Underway(),
  });
  let running = true;
  const run = async (): Promise<void> => {
    while (running) {
      await scheduler.step();
      await settled();
    }
  };
  const ran = run();
  return {
    api,
    stop: async () => {
      running = false;
      await ran;
    },
  };
}

const machines = { group: 'purlin.dev', version: 'v1alpha1', plural: 'machines' };
const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

let serial = 0;
const machine = (more: object = {}) => {
  serial += 1;
  return {
    apiVersion: 'purlin.dev/v1alpha1',
    kind: 'Machine',
    metadata: { name: `m-${serial}`, ...more },
    spec: { cpus: 1, memory: '64Mi' },
  };
};

const rejection = async (call: Promise<unknown>): Promise<{ code: number; reason: string }> => {
  const error: unknown = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw error;
  return { code: error.code, reason: error.reason };
};

describe.each([
  ['the embedded API server', realApi],
  ['the simulated API', simulatedApi],
])('%s', (_name, start) => {
  let subject: Subject;
  let api: Api;

  beforeAll(async () => {
    subject = await start();
    ({ api } = subject);
  });
  afterAll(() => subject.stop());

  const create = (more: object = {}): Promise<Resource> => api.create(machines, 'default', machine(more));

  test('a new object has what the server gives: uid, version, generation 1, defaults, and no status of its maker', async () => {
    const made = await api.create<Resource>(machines, 'default', {
      ...machine(),
      status: { phase: 'Running' },
    });
    expect(made).toMatchObject({
      apiVersion: 'purlin.dev/v1alpha1',
      kind: 'Machine',
      metadata: { namespace: 'default', generation: 1, uid: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      spec: { runStrategy: 'Always', firmware: 'BIOS' },
    });
    expect(made.status).toBeUndefined();
    expect(await api.get(machines, made.metadata)).toEqual(made);
  });

  test('a name is taken once', async () => {
    const { metadata } = await create();
    const again = { ...machine(), metadata: { name: metadata.name } };
    expect(await rejection(api.create(machines, 'default', again))).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
    });
  });

  test('what is not there is not found', async () => {
    const nowhere = { namespace: 'default', name: 'nowhere' };
    expect((await rejection(api.get(machines, nowhere))).code).toBe(404);
    expect((await rejection(api.patch(machines, nowhere, { spec: { cpus: 2 } }))).code).toBe(404);
    expect((await rejection(api.delete(machines, nowhere, 'x'))).code).toBe(404);
  });

  test('a change of the spec makes a generation, one of metadata or status does not, and each a version', async () => {
    const first = await create();
    const spec = await api.patch<Resource>(machines, first.metadata, { spec: { cpus: 2 } });
    const labels = await api.patch<Resource>(machines, first.metadata, { metadata: { labels: { a: 'b' } } });
    const status = await api.patch<Resource>(
      machines,
      first.metadata,
      { status: { phase: 'Running' } },
      'status',
    );
    expect([spec, labels, status].map(({ metadata }) => metadata.generation)).toEqual([2, 2, 2]);
    const versions = [first, spec, labels, status].map(({ metadata }) => Number(metadata.resourceVersion));
    expect([...new Set(versions)].sort((a, b) => a - b)).toEqual(versions);
  });

  test('the object and its status are written apart', async () => {
    const { metadata } = await create();
    await api.patch(machines, metadata, { spec: { cpus: 3 }, status: { phase: 'Running' } });
    await api.patch(machines, metadata, { spec: { cpus: 4 }, status: { phase: 'Stopped' } }, 'status');
    expect(await api.get(machines, metadata)).toMatchObject({
      spec: { cpus: 3 },
      status: { phase: 'Stopped' },
    });
  });

  test('a patch that changes nothing makes no version', async () => {
    const { metadata } = await create();
    const same = await api.patch<Resource>(machines, metadata, { spec: { cpus: 1 } });
    expect(same.metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  test('null removes a member', async () => {
    const { metadata } = await create({ annotations: { a: '1', b: '2' } });
    const answer = await api.patch<Resource>(machines, metadata, { metadata: { annotations: { a: null } } });
    expect(answer.metadata.annotations).toEqual({ b: '2' });
  });

  test('an older version or another uid is a conflict', async () => {
    const first = await create();
    await api.patch(machines, first.metadata, { spec: { cpus: 2 } });
    const { uid, resourceVersion } = first.metadata;
    const stale = { metadata: { resourceVersion }, spec: { cpus: 3 } };
    expect(await rejection(api.patch(machines, first.metadata, stale))).toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
    const other = { metadata: { uid: '00000000-0000-4000-8000-000000000000' }, spec: { cpus: 3 } };
    expect((await rejection(api.patch(machines, first.metadata, other))).code).toBe(409);
    expect((await rejection(api.delete(machines, first.metadata, 'another'))).code).toBe(409);
    await api.delete(machines, first.metadata, uid);
  });

  test('a Lease is replaced only at the version that was read', async () => {
    const type = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
    const body = { ...type, metadata: { name: `lease-${(serial += 1)}` }, spec: { holderIdentity: 'a' } };
    const lease = await api.create<Resource>(leases, 'default', body);
    const taken = { ...lease, spec: { holderIdentity: 'b' } };
    const answer = await api.replace<Resource>(leases, lease.metadata, taken);
    expect(answer.spec).toMatchObject({ holderIdentity: 'b' });
    expect((await rejection(api.replace(leases, lease.metadata, taken))).code).toBe(409);
  });

  test('a finalizer holds a deleted object until it is taken away; the name is free afterwards', async () => {
    const { metadata } = await create({ finalizers: ['test.purlin.dev/wait'] });
    await api.delete(machines, metadata, metadata.uid);
    const deleting = await api.get<Resource>(machines, metadata);
    expect(deleting.metadata).toMatchObject({ deletionTimestamp: expect.any(String), generation: 2 });
    await api.delete(machines, metadata, metadata.uid);
    await api.patch(machines, metadata, { metadata: { finalizers: [] } });
    expect((await rejection(api.get(machines, metadata))).code).toBe(404);
    const next = await api.create<Resource>(machines, 'default', {
      ...machine(),
      metadata: { name: metadata.name },
    });
    expect(next.metadata.uid).not.toBe(metadata.uid);
  });

  test('a watch from a list tells every later change in order', async () => {
    const { items, resourceVersion } = await api.list<Resource>(machines);
    expect(items.length).toBeGreaterThan(0);
    const stop = new AbortController();
    const events: string[] = [];
    const { metadata } = await create({ finalizers: ['test.purlin.dev/wait'] });
    await api.patch(machines, metadata, { spec: { cpus: 2 } });
    const follow = async (): Promise<void> => {
      for await (const event of api.watch<Resource>(machines, resourceVersion, stop.signal)) {
        if (describeEvent(event, metadata.name, events) === 'DELETED') return;
      }
    };
    const followed = follow();
    await api.delete(machines, metadata, metadata.uid);
    await api.patch(machines, metadata, { metadata: { finalizers: [] } });
    await followed;
    stop.abort();
    expect(events).toEqual(['ADDED 1', 'MODIFIED 2', 'MODIFIED 3', 'DELETED 3']);
  });
});

test('a connection that nobody uses is closed before the server does it, and one with a watch is not', async () => {
  const testServer = await startTestServer(CRDS_DIR);
  const { server } = testServer;
  const closed = Promise.withResolvers<void>();
  const between = createServer((socket) => {
    socket.on('end', closed.resolve).on('error', closed.reject);
    const onward = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(between, 'listening');
  const client = new ApiClient(
    {
      server: `https://127.0.0.1:${(between.address() as AddressInfo).port}`,
      tls: { ca: server.caPem },
      authorize: async () => ({ authorization: `Bearer ${server.loopbackToken}` }),
    },
    { idleMs: 50 },
  );
  const stop = new AbortController();
  try {
    const { resourceVersion } = await client.list(machines);
    const told = client.watch<Resource>(machines, resourceVersion, stop.signal).next();
    await client.list(machines);
    await closed.promise;
    const { metadata } = await client.create<Resource>(machines, 'default', machine());
    expect(await told).toMatchObject({
      value: { type: 'ADDED', object: { metadata: { uid: metadata.uid } } },
    });
  } finally {
    stop.abort();
    client.close();
    between.close();
    await testServer.stop();
  }
});

/** Notes an event about one object with its generation. */
function describeEvent(event: WatchEvent<Resource>, name: string, events: string[]): string | undefined {
  if (event.type === 'BOOKMARK' || event.object.metadata.name !== name) return undefined;
  events.push(`${event.type} ${event.object.metadata.generation}`);
  return event.type;
}
