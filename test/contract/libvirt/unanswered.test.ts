/** What libvirt was asked, and goes on with when nobody waits for it any more. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LibvirtConnection } from '../../../src/host/libvirt/connection.ts';
import { LibvirtHypervisor } from '../../../src/host/libvirt/libvirt-hypervisor.ts';
import { refByUuid } from '../../../src/host/libvirt/rpc/domain-ref.ts';
import { LibvirtTimeout } from '../../../src/host/libvirt/rpc/error.ts';
import { procedures } from '../../../src/host/libvirt/rpc/procedures.ts';
import { makePrivateHost, type PrivateHost } from './private-host.ts';

const installationUid = randomUUID();

let host: PrivateHost;
const connections: LibvirtConnection[] = [];

beforeAll(async () => {
  host = await makePrivateHost();
  await host.libvirt.ensureRunning();
}, 60_000);

afterAll(async () => {
  const { hypervisor } = await connect();
  for (const { uuid } of (await hypervisor.listDomains()).domains) {
    await hypervisor.destroyDomain(uuid);
    await hypervisor.undefineDomain(uuid, { nvram: 'delete' });
  }
  for (const connection of connections) await connection.close();
  await host.remove();
}, 60_000);

async function connect(): Promise<{ connection: LibvirtConnection; hypervisor: LibvirtHypervisor }> {
  const connection = new LibvirtConnection({ socketPath: host.libvirt.socketPath });
  connections.push(connection);
  connection.start();
  await once(connection, 'connected');
  return { connection, hypervisor: new LibvirtHypervisor(connection, installationUid) };
}

async function define(hypervisor: LibvirtHypervisor): Promise<string> {
  const uuid = randomUUID();
  await hypervisor.defineDomain({
    uuid,
    metadata: { namespace: 'default', name: 'web', installationUid, generation: 1, definitionHash: 'one' },
    accelerator: 'qemu',
    cpus: 1,
    maxCpus: 1,
    memoryBytes: 64 * 2 ** 20,
    firmware: { type: 'bios' },
    disks: [],
    interfaces: [],
    consoleLogPath: join(host.directory, 'guests', `${uuid}.log`),
  });
  return uuid;
}

const startWithin = (connection: LibvirtConnection, ms: number, uuid: string): Promise<unknown> =>
  connection.callWithin(ms, procedures.domainCreateWithFlags, refByUuid(uuid), 0);

/**
 * As soon as there is a QEMU for the guest. The pid is written by a child of libvirtd that is not QEMU yet: whoever stops
 * that stops libvirtd, which waits for it with the lock that every definition needs.
 */
async function qemuPid(uuid: string): Promise<number> {
  const path = join(host.libvirt.layout.root, 'run', 'qemu', `purlin-${uuid}.pid`);
  for (;;) {
    const pid = Number(await readFile(path, 'utf8').catch(() => ''));
    const program = pid > 0 ? await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '') : '';
    if (program.startsWith('qemu-system')) return pid;
  }
}

test('a domain is settled when the start that somebody gave up on has ended', async () => {
  const { connection, hypervisor } = await connect();
  const uuid = await define(hypervisor);
  const start = startWithin(connection, 1_000, uuid);
  const pid = await qemuPid(uuid);
  process.kill(pid, 'SIGSTOP');
  await expect(start).rejects.toThrow(LibvirtTimeout);

  const happened: string[] = [];
  const settled = hypervisor.settle(uuid).then(() => happened.push('settled'));
  // One that nothing was asked of does not wait.
  await hypervisor.settle(await define(hypervisor));
  happened.push('goes on');
  process.kill(pid, 'SIGCONT');
  await settled;

  expect(happened).toEqual(['goes on', 'settled']);
  expect((await hypervisor.findDomain(uuid))?.power).toBe('running');
}, 60_000);

test('a start that was on its way to libvirt when its connection ended has ended, too', async () => {
  const before = await connect();
  const uuid = await define(before.hypervisor);
  const libvirtd = Number(await readFile(join(host.libvirt.layout.root, 'run', 'libvirtd.pid'), 'utf8'));
  process.kill(libvirtd, 'SIGSTOP');
  await expect(startWithin(before.connection, 500, uuid)).rejects.toThrow(LibvirtTimeout);
  await before.connection.close();
  process.kill(libvirtd, 'SIGCONT');

  const after = await connect();
  await after.hypervisor.settle(uuid);

  expect((await after.hypervisor.findDomain(uuid))?.power).toBe('running');
}, 60_000);

test('a domain that is not there is settled, and one that runs stays as it is', async () => {
  const { hypervisor } = await connect();
  await hypervisor.settle(randomUUID());
  const uuid = await define(hypervisor);
  await hypervisor.startDomain(uuid);
  const before = await hypervisor.findDomain(uuid);
  await hypervisor.settle(uuid);
  expect(await hypervisor.findDomain(uuid)).toEqual(before);
}, 60_000);
