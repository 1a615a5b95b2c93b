import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LibvirtConnection } from '../../../src/host/libvirt/connection.ts';
import { LibvirtHypervisor } from '../../../src/host/libvirt/libvirt-hypervisor.ts';
import { PrivateLibvirt } from '../../../src/host/libvirt/private-libvirt.ts';
import { isAlive, type ProcessIdentity } from '../../../src/host/process-identity.ts';
import { makePrivateHost, type PrivateHost } from './private-host.ts';

let host: PrivateHost;
/** As another process would see it: nothing shared but the directory. */
const another = (): PrivateLibvirt =>
  new PrivateLibvirt({
    root: host.libvirt.layout.root,
    networkNamespace: host.namespace,
    kvm: 'hidden',
  });

/** The kernel ends a killed process when it gets to it, and one that is not our child has no exit to wait for. */
async function kill(daemon: ProcessIdentity | undefined): Promise<void> {
  if (daemon === undefined) throw new Error('it does not run');
  process.kill(daemon.pid, 'SIGKILL');
  while (isAlive(daemon)) await delay(5);
}

beforeAll(async () => {
  host = await makePrivateHost();
}, 60_000);

afterAll(async () => {
  await host.remove();
}, 60_000);

test('before the first start nothing runs, and stopping nothing is fine', async () => {
  expect(await host.libvirt.status()).toEqual({ libvirtd: undefined, virtlogd: undefined });
  expect(await host.libvirt.isRunning()).toBe(false);
  await host.libvirt.stop();
});

test('it starts once, however often it is asked, and another process adopts it', async () => {
  await Promise.all([host.libvirt.ensureRunning(), host.libvirt.ensureRunning()]);
  const first = await host.libvirt.status();
  expect(await host.libvirt.isRunning()).toBe(true);
  await another().ensureRunning();
  expect(await another().status()).toEqual(first);
}, 60_000);

test('it lives in the network namespace and in a mount namespace of its own, and in our PID namespace', async () => {
  const pid = (await host.libvirt.status()).libvirtd?.pid ?? 0;
  const namespace = async (kind: string, of: number | 'self') => await readlink(`/proc/${of}/ns/${kind}`);
  const network = await stat(`/run/netns/${host.namespace}`);
  expect(await namespace('net', pid)).toBe(`net:[${network.ino}]`);
  expect(await namespace('mnt', pid)).not.toBe(await namespace('mnt', 'self'));
  expect(await namespace('pid', pid)).toBe(await namespace('pid', 'self'));
  // Its mounts are its own: here, /etc/passwd and libvirt's directories are what they were.
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(host.directory);
});

test('the socket is for root alone, and nothing listens on the network', async () => {
  expect((await stat(host.libvirt.socketPath)).mode & 0o077).toBe(0);
  const pid = (await host.libvirt.status()).libvirtd?.pid ?? 0;
  const listening = (await readFile(`/proc/${pid}/net/tcp`, 'utf8'))
    .split('\n')
    .filter((line) => line.includes(' 0A '));
  expect(listening).toEqual([]);
});

test('guests outlive both daemons, stopped or killed, and each comes back without the other', async () => {
  const connection = new LibvirtConnection({ socketPath: host.libvirt.socketPath });
  const installationUid = randomUUID();
  const hypervisor = new LibvirtHypervisor(connection, installationUid);
  connection.start();
  await once(connection, 'connected');
  const uuid = randomUUID();
  await hypervisor.defineDomain({
    uuid,
    metadata: { namespace: 'default', name: 'web', installationUid, generation: 1, definitionHash: 'one' },
    accelerator: 'qemu',
    cpus: 1,
    maxCpus: 1,
    memoryBytes: 32 * 1024 * 1024,
    firmware: { type: 'bios' },
    disks: [],
    interfaces: [],
    consoleLogPath: join(host.directory, 'guests', 'console.log'),
  });
  await hypervisor.startDomain(uuid);
  const qemu = await readFile(join(host.libvirt.layout.root, 'run', 'qemu', `purlin-${uuid}.pid`), 'utf8');

  const before = await host.libvirt.status();
  await kill(before.virtlogd);
  await host.libvirt.ensureRunning();
  const after = await host.libvirt.status();
  expect(after.libvirtd).toEqual(before.libvirtd);
  expect(after.virtlogd?.startTicks).not.toBe(before.virtlogd?.startTicks);

  const reconnected = once(connection, 'connected');
  await another().stop();
  expect(await host.libvirt.isRunning()).toBe(false);
  process.kill(Number(qemu), 0);
  await host.libvirt.ensureRunning();
  connection.retryNow();
  await reconnected;
  expect(await hypervisor.findDomain(uuid)).toMatchObject({ power: 'running' });

  await hypervisor.destroyDomain(uuid);
  await hypervisor.undefineDomain(uuid, { nvram: 'delete' });
  await connection.close();
}, 60_000);

test('a start that fails says why, and the name of a namespace never becomes a path', async () => {
  const nowhere = new PrivateLibvirt({
    root: join(host.directory, 'x'),
    networkNamespace: 'no-such',
    kvm: 'hidden',
  });
  await expect(nowhere.ensureRunning()).rejects.toThrow('no-such');
  const injected = new PrivateLibvirt({
    root: join(host.directory, 'x'),
    networkNamespace: '../x',
    kvm: 'hidden',
  });
  await expect(injected.ensureRunning()).rejects.toThrow('is no name of a network namespace');
});
