import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LibvirtConnection } from '../../../src/host/libvirt/connection.ts';
import { parseDomainXml } from '../../../src/host/libvirt/domain-parse.ts';
import type { DomainSpec } from '../../../src/host/libvirt/domain-spec.ts';
import { buildDomainXml } from '../../../src/host/libvirt/domain-xml.ts';
import { refByUuid } from '../../../src/host/libvirt/rpc/domain-ref.ts';
import type { DomainEvent } from '../../../src/host/libvirt/rpc/events.ts';
import { procedures } from '../../../src/host/libvirt/rpc/procedures.ts';
import { makePrivateHost, type PrivateHost } from './private-host.ts';

let host: PrivateHost;
let connection: LibvirtConnection;
const events: DomainEvent[] = [];

beforeAll(async () => {
  host = await makePrivateHost();
  await host.libvirt.ensureRunning();
  connection = new LibvirtConnection({ socketPath: host.libvirt.socketPath });
  connection.on('domain', (event) => events.push(event));
  connection.start();
  await once(connection, 'connected');
}, 60_000);

afterAll(async () => {
  await connection.close();
  await host.remove();
}, 60_000);

function firmwareOnlyGuest(): DomainSpec {
  const uuid = randomUUID();
  return {
    uuid,
    metadata: {
      namespace: 'default',
      name: 'x & <y>',
      installationUid: 'i',
      generation: 1,
      definitionHash: 'h',
    },
    accelerator: 'qemu',
    cpus: 1,
    maxCpus: 2,
    memoryBytes: 32 * 1024 * 1024,
    firmware: { type: 'bios' },
    disks: [],
    interfaces: [],
    consoleLogPath: join(host.directory, 'guests', `${uuid}.log`),
  };
}

/** Waits for an event about this domain; one that came already counts. */
async function eventOf(uuid: string, matches: (event: DomainEvent) => boolean): Promise<DomainEvent> {
  for (;;) {
    const found = events.find((event) => event.domain.uuid === uuid && matches(event));
    if (found !== undefined) return found;
    await once(connection, 'domain', { signal: AbortSignal.timeout(20_000) });
  }
}

const lifecycle = (name: string) => (event: DomainEvent) =>
  event.kind === 'lifecycle' && event.event === name;

async function define(): Promise<DomainSpec> {
  const spec = firmwareOnlyGuest();
  await connection.call(procedures.domainDefineXmlFlags, buildDomainXml(spec), 0);
  return spec;
}

async function remove(uuid: string): Promise<void> {
  await connection.call(procedures.domainDestroyFlags, refByUuid(uuid), 0).catch(() => {});
  await connection.call(procedures.domainUndefineFlags, refByUuid(uuid), 0);
}

test('answers about itself', async () => {
  expect(await connection.call(procedures.connectGetLibVersion)).toBeGreaterThanOrEqual(9_000_000);
  expect(await connection.call(procedures.connectGetVersion)).toBeGreaterThanOrEqual(7_000_000);
  const node = await connection.call(procedures.nodeGetInfo);
  expect(node.model).toBe('x86_64');
  expect(node.cpus).toBeGreaterThan(0);
  expect(await connection.call(procedures.connectGetCapabilities)).toContain('<capabilities>');
});

test('a guest is defined, started, seen, stopped and gone, with an event for each', async () => {
  const spec = await define();
  const { uuid } = spec;
  const domain = await connection.call(procedures.domainLookupByUuid, uuid);
  expect(domain).toEqual({ name: `purlin-${uuid}`, uuid, id: -1 });

  const started = await connection.call(procedures.domainCreateWithFlags, domain, 0);
  expect(started.id).toBeGreaterThan(0);
  expect(await connection.call(procedures.domainGetState, domain, 0)).toEqual({ state: 1, reason: 1 });
  expect(await connection.call(procedures.connectListAllDomains, 0)).toContainEqual(started);

  const live = parseDomainXml(await connection.call(procedures.domainGetXmlDesc, domain, 0));
  expect(live).toMatchObject({
    uuid,
    metadata: spec.metadata,
    cpus: 1,
    maxCpus: 2,
    memoryBytes: spec.memoryBytes,
  });

  await connection.call(procedures.domainSuspend, domain);
  expect((await connection.call(procedures.domainGetState, domain, 0)).state).toBe(3);
  await connection.call(procedures.domainResume, domain);

  await connection.call(procedures.domainDestroyFlags, domain, 0);
  await connection.call(procedures.domainUndefineFlags, domain, 0);
  await eventOf(uuid, lifecycle('undefined'));
  const names = events.filter((event) => event.domain.uuid === uuid && event.kind === 'lifecycle');
  expect(names.map((event) => event.kind === 'lifecycle' && event.event)).toEqual(
    expect.arrayContaining(['defined', 'started', 'suspended', 'resumed', 'stopped', 'undefined']),
  );
  await expect(connection.call(procedures.domainLookupByUuid, uuid)).rejects.toMatchObject({
    code: 42,
    codeName: 'NO_DOMAIN',
  });
}, 60_000);

test('calls are pipelined, and each answer finds its call', async () => {
  const spec = await define();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0
        ? connection.call(procedures.domainLookupByUuid, spec.uuid).then((domain) => domain.uuid)
        : connection.call(procedures.connectGetLibVersion).then(() => spec.uuid),
    ),
  );
  expect(new Set(answers)).toEqual(new Set([spec.uuid]));
  await remove(spec.uuid);
});

test('a call to a libvirtd that hangs ends with a timeout; once it goes on, so does the connection', async () => {
  const pid = (await host.libvirt.status()).libvirtd?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  try {
    await expect(connection.callWithin(100, procedures.connectGetLibVersion)).rejects.toMatchObject({
      name: 'LibvirtTimeout',
    });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(await connection.call(procedures.connectGetLibVersion)).toBeGreaterThan(0);
});

test('a killed QEMU is told by an event', async () => {
  const { uuid } = await define();
  await connection.call(procedures.domainCreateWithFlags, refByUuid(uuid), 0);
  process.kill(await qemuPid(uuid), 'SIGKILL');
  // VIR_DOMAIN_EVENT_STOPPED_FAILED
  expect(await eventOf(uuid, lifecycle('stopped'))).toMatchObject({ detail: 5 });
  await remove(uuid);
}, 60_000);

test('a killed libvirtd: calls fail at once, the guest survives, a restart reconnects with events', async () => {
  const { uuid } = await define();
  await connection.call(procedures.domainCreateWithFlags, refByUuid(uuid), 0);
  const pid = await qemuPid(uuid);

  const disconnected = once(connection, 'disconnected');
  const { libvirtd, virtlogd } = await host.libvirt.status();
  process.kill(libvirtd?.pid ?? 0, 'SIGKILL');
  await disconnected;
  await expect(connection.call(procedures.connectGetLibVersion)).rejects.toMatchObject({
    name: 'LibvirtUnavailable',
  });

  const connected = once(connection, 'connected');
  await host.libvirt.ensureRunning();
  connection.retryNow();
  await connected;
  expect((await host.libvirt.status()).virtlogd).toEqual(virtlogd);
  expect((await connection.call(procedures.domainGetState, refByUuid(uuid), 0)).state).toBe(1);
  expect(await qemuPid(uuid)).toBe(pid);
  // libvirtd takes its guests up again in the background; a suspend waits until it has this one.
  await connection.call(procedures.domainSuspend, refByUuid(uuid));
  await connection.call(procedures.domainResume, refByUuid(uuid));

  events.length = 0;
  await connection.call(procedures.domainDestroyFlags, refByUuid(uuid), 0);
  await eventOf(uuid, lifecycle('stopped'));
  await remove(uuid);
}, 60_000);

/** From the pid file that libvirt keeps of each guest. */
async function qemuPid(uuid: string): Promise<number> {
  return Number(await readFile(join(host.libvirt.layout.root, 'run', 'qemu', `purlin-${uuid}.pid`), 'utf8'));
}
