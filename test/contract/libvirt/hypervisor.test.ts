import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { LibvirtConnection } from '../../../src/host/libvirt/connection.ts';
import type { DiskSpec, DomainSpec } from '../../../src/host/libvirt/domain-spec.ts';
import { buildDomainXml } from '../../../src/host/libvirt/domain-xml.ts';
import {
  DeviceConflict,
  DeviceNotReleased,
  ForeignDomain,
  type HypervisorChange,
  type ObservedDomain,
} from '../../../src/host/libvirt/hypervisor-port.ts';
import { LibvirtHypervisor } from '../../../src/host/libvirt/libvirt-hypervisor.ts';
import { procedures } from '../../../src/host/libvirt/rpc/procedures.ts';
import { makePrivateHost, type PrivateHost } from './private-host.ts';

const installationUid = randomUUID();
const mebibyte = 1024 * 1024;

let host: PrivateHost;
let connection: LibvirtConnection;
let hypervisor: LibvirtHypervisor;
const changes: HypervisorChange[] = [];

beforeAll(async () => {
  host = await makePrivateHost();
  await host.libvirt.ensureRunning();
  connection = new LibvirtConnection({ socketPath: host.libvirt.socketPath });
  hypervisor = new LibvirtHypervisor(connection, installationUid, {
    guestLogDirectory: host.libvirt.guestLogDirectory,
  });
  hypervisor.onChange((change) => changes.push(change));
  connection.start();
  await once(connection, 'connected');
}, 60_000);

afterAll(async () => {
  for (const { uuid } of (await hypervisor.listDomains()).domains) {
    await hypervisor.destroyDomain(uuid);
    await hypervisor.undefineDomain(uuid, { nvram: 'delete' });
  }
  await connection.close();
  await host.remove();
}, 60_000);

async function guest(change: Partial<DomainSpec> = {}): Promise<DomainSpec> {
  const uuid = randomUUID();
  return {
    uuid,
    metadata: { namespace: 'default', name: 'web', installationUid, generation: 1, definitionHash: 'one' },
    accelerator: 'qemu',
    cpus: 1,
    maxCpus: 4,
    memoryBytes: 64 * mebibyte,
    firmware: { type: 'bios' },
    disks: [],
    interfaces: [],
    consoleLogPath: join(host.directory, 'guests', `${uuid}.log`),
    ...change,
  };
}

/** The same connection, over which calls of one procedure end as `instead` says; undefined leaves a call as it is. */
const disturbed = (procedure: object, instead: (flags: unknown) => unknown): LibvirtConnection =>
  new Proxy(connection, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        const answer = args.includes(procedure) ? instead(args.at(-1)) : undefined;
        return answer ?? (member as (...given: unknown[]) => unknown).apply(target, args);
      };
    },
  });

/** As the storage adapter leaves it: root's, and closed to everybody else. */
async function disk(target: string, sizeBytes = 8 * mebibyte): Promise<DiskSpec> {
  const diskUid = randomUUID();
  const path = join(host.directory, 'guests', `${diskUid}.qcow2`);
  await execa('/usr/bin/qemu-img', ['create', '-q', '-f', 'qcow2', path, String(sizeBytes)]);
  await chmod(path, 0o600);
  return { diskUid, path, format: 'qcow2', target };
}

async function tap(name: string): Promise<string> {
  await execa('/usr/sbin/ip', ['-n', host.namespace, 'tuntap', 'add', 'dev', name, 'mode', 'tap']);
  return name;
}

/** From the pid file that libvirt keeps of each guest. */
async function qemuPid(uuid: string): Promise<number> {
  return Number(await readFile(join(host.libvirt.layout.root, 'run', 'qemu', `purlin-${uuid}.pid`), 'utf8'));
}

const virsh = (...args: string[]) =>
  execa('/usr/bin/virsh', ['-q', '-c', `qemu+unix:///system?socket=${host.libvirt.socketPath}`, ...args]);

async function seen(uuid: string): Promise<ObservedDomain> {
  const found = await hypervisor.findDomain(uuid);
  if (found === undefined) throw new Error(`${uuid} is not there`);
  return found;
}

test('the whole life of a guest with a disk, a seed and an interface; each step twice', async () => {
  const seedPath = join(host.directory, 'guests', 'seed.iso');
  await writeFile(seedPath, Buffer.alloc(64 * 1024), { mode: 0o600 });
  const root = { ...(await disk('vda')), bootOrder: 1 };
  const interfaces = [{ tap: await tap('plt0'), macAddress: '02:00:00:00:00:01', mtu: 1450 }];
  const spec = await guest({ disks: [root], seedPath, interfaces });
  const { uuid } = spec;

  await hypervisor.defineDomain(spec);
  await hypervisor.defineDomain(spec);
  expect(await seen(uuid)).toMatchObject({
    power: 'shutoff',
    metadata: spec.metadata,
    config: { cpus: 1, maxCpus: 4 },
  });
  expect((await seen(uuid)).live).toBeUndefined();

  await hypervisor.startDomain(uuid);
  await hypervisor.startDomain(uuid);
  const running = await seen(uuid);
  expect(running.power).toBe('running');
  expect(running.live?.disks.map(({ path, serial }) => [path, serial])).toEqual([
    [root.path, root.diskUid.slice(0, 20)],
    [seedPath, 'cidata'],
  ]);
  expect(running.live?.interfaces).toEqual(interfaces);
  expect((await hypervisor.listDomains()).domains.map((each) => each.uuid)).toContain(uuid);

  // QEMU's user may write the disk and read the seed, and nobody else may.
  const qemu = await host.libvirt.qemuIdentity();
  const pid = await qemuPid(uuid);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`^Uid:\\t${qemu.uid}\\t${qemu.uid}\\t`, 'm'));
  expect(status).toMatch(/^Seccomp:\t2$/m);
  expect(await stat(root.path)).toMatchObject({ uid: qemu.uid, gid: qemu.gid, mode: 0o100600 });
  expect(await stat(seedPath)).toMatchObject({ uid: 0, gid: qemu.gid, mode: 0o100440 });
  expect(await readdir(host.libvirt.guestLogDirectory)).toContain(`purlin-${uuid}.log`);

  await hypervisor.destroyDomain(uuid);
  await hypervisor.destroyDomain(uuid);
  expect(await seen(uuid)).toMatchObject({ power: 'shutoff', stopCause: 'destroyed' });
  // The tap is not libvirt's to remove.
  await execa('/usr/sbin/ip', ['-n', host.namespace, 'link', 'show', 'plt0']);

  await hypervisor.undefineDomain(uuid, { nvram: 'delete' });
  await hypervisor.undefineDomain(uuid, { nvram: 'delete' });
  expect(await hypervisor.findDomain(uuid)).toBeUndefined();
  expect(await readdir(host.libvirt.guestLogDirectory)).not.toContain(`purlin-${uuid}.log`);
  const heard = changes.flatMap((change) =>
    change.kind === 'domain' && change.uuid === uuid ? [change.what] : [],
  );
  expect(heard).toEqual(expect.arrayContaining(['defined', 'started', 'stopped', 'undefined']));
}, 60_000);

test('the first disk of a guest that was started without any is attached, although it is to boot first', async () => {
  const spec = await guest();
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(spec.uuid);
  const first = { ...(await disk('vda')), bootOrder: 1 };
  await hypervisor.defineDomain({ ...spec, disks: [first] });
  await hypervisor.attachDisk(spec.uuid, first);
  expect((await seen(spec.uuid)).live?.disks.map(({ target }) => target)).toEqual(['vda']);
  await hypervisor.destroyDomain(spec.uuid);
  await hypervisor.undefineDomain(spec.uuid, { nvram: 'delete' });
}, 60_000);

test('a running guest: what libvirt can change while it runs, and what it remembers', async () => {
  const spec = await guest({ disks: [await disk('vda')] });
  const { uuid } = spec;
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(uuid);

  const data = await disk('vdb');
  await hypervisor.attachDisk(uuid, data);
  await hypervisor.attachDisk(uuid, data);
  await expect(hypervisor.attachDisk(uuid, await disk('vdb'))).rejects.toThrow(DeviceConflict);
  const nic = { tap: await tap('plt1'), macAddress: '02:00:00:00:00:02', mtu: 1450 };
  await hypervisor.attachInterface(uuid, nic);
  await hypervisor.attachInterface(uuid, nic);
  await hypervisor.resizeBlock(uuid, 'vda', 16 * mebibyte);
  await hypervisor.raiseVcpus(uuid, 2);
  await hypervisor.raiseVcpus(uuid, 1);
  await hypervisor.setMemory(uuid, 48 * mebibyte);
  await hypervisor.setLiveMetadata(uuid, {
    ...spec.metadata,
    definitionHash: 'two',
    restartToken: 'now & <then>',
  });
  await hypervisor.requestShutdown(uuid, { requestedAt: 5_000, graceMs: 30_000 });
  await hypervisor.requestShutdown(uuid, { requestedAt: 9_000, graceMs: 60_000 });

  const { live, config, power } = await seen(uuid);
  expect(power).toBe('running'); // firmware alone ignores the power button
  expect(live).toMatchObject({ cpus: 2, maxCpus: 4, interfaces: [nic] });
  expect(live?.disks.map(({ target }) => target)).toEqual(['vda', 'vdb']);
  expect(live?.metadata).toEqual({
    ...spec.metadata,
    definitionHash: 'two',
    restartToken: 'now & <then>',
    shutdownRequestedAt: 5_000,
    shutdownGraceMs: 60_000,
  });
  expect(config).toMatchObject({ cpus: 1, interfaces: [], metadata: spec.metadata });

  await hypervisor.withdrawShutdown(uuid);
  await hypervisor.withdrawShutdown(uuid);
  expect((await seen(uuid)).live?.metadata).not.toHaveProperty('shutdownRequestedAt');
  const { stdout } = await execa('/usr/bin/qemu-img', [
    'info',
    '-U',
    '-f',
    'qcow2',
    '--output=json',
    live?.disks[0]?.path ?? '',
  ]);
  expect(JSON.parse(stdout)).toMatchObject({ 'virtual-size': 16 * mebibyte });

  // The next start is as defined: nothing of the live changes stays.
  await hypervisor.destroyDomain(uuid);
  await hypervisor.startDomain(uuid);
  expect((await seen(uuid)).live).toMatchObject({ cpus: 1, interfaces: [], metadata: spec.metadata });
}, 60_000);

test('a guest that could not be asked to shut down is not said to have been asked', async () => {
  const spec = await guest();
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(spec.uuid);
  const fails = disturbed(procedures.domainShutdownFlags, () => {
    throw new Error('the connection fails');
  });
  const unheard = new LibvirtHypervisor(fails, installationUid);

  await expect(unheard.requestShutdown(spec.uuid, { requestedAt: 1, graceMs: 2 })).rejects.toThrow(
    'the connection fails',
  );
  expect((await seen(spec.uuid)).live?.metadata).not.toHaveProperty('shutdownRequestedAt');
}, 60_000);

test('a guest is on record as asked although its agent does not answer', async () => {
  const spec = await guest();
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(spec.uuid);
  const byAgent = 2;
  const silence = new Promise(() => undefined);
  const mute = disturbed(procedures.domainShutdownFlags, (flags) =>
    flags === byAgent ? silence : undefined,
  );

  const deaf = new LibvirtHypervisor(mute, installationUid);
  await deaf.requestShutdown(spec.uuid, { requestedAt: 1, graceMs: 2 });

  expect((await seen(spec.uuid)).live?.metadata).toMatchObject({ shutdownRequestedAt: 1 });
}, 60_000);

test('a guest whose QEMU hangs has been asked as well, and can be powered off when its time is up', async () => {
  const spec = await guest();
  const { uuid } = spec;
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(uuid);
  process.kill(await qemuPid(uuid), 'SIGSTOP');

  await hypervisor.requestShutdown(uuid, { requestedAt: 1, graceMs: 2 });
  await hypervisor.requestShutdown(uuid, { requestedAt: 3, graceMs: 4 });

  const asked = { shutdownRequestedAt: 1, shutdownGraceMs: 4 };
  expect((await seen(uuid)).live?.metadata).toMatchObject(asked);
  const { domains } = await hypervisor.listDomains();
  expect(domains.find((each) => each.uuid === uuid)?.live?.metadata).toMatchObject(asked);
  await hypervisor.destroyDomain(uuid);
  expect((await seen(uuid)).power).toBe('shutoff');
  await hypervisor.startDomain(uuid);
  expect((await seen(uuid)).live?.metadata).not.toHaveProperty('shutdownRequestedAt');
}, 60_000);

test('a device that the guest does not give up is reported, each time, and stays', async () => {
  const spec = await guest({ disks: [await disk('vda')] });
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(spec.uuid);
  await hypervisor.attachDisk(spec.uuid, await disk('vdb'));
  // Firmware alone never answers an unplug request; libvirt waits five seconds for it.
  await expect(hypervisor.detachDisk(spec.uuid, 'vdb')).rejects.toThrow(DeviceNotReleased);
  await expect(hypervisor.detachDisk(spec.uuid, 'vdb')).rejects.toThrow(DeviceNotReleased);
  expect((await seen(spec.uuid)).live?.disks.map(({ target }) => target)).toEqual(['vda', 'vdb']);
  await hypervisor.detachDisk(spec.uuid, 'vdc');
  await hypervisor.destroyDomain(spec.uuid);
  await hypervisor.detachDisk(spec.uuid, 'vdb');
}, 60_000);

test('UEFI: its variables are made on the first start and go with the domain', async () => {
  const nvramPath = join(host.directory, 'guests', 'nvram.fd');
  const spec = await guest({ firmware: { type: 'uefi', nvramPath } });
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(spec.uuid);
  expect((await seen(spec.uuid)).live?.firmware).toBe('uefi');
  expect((await stat(nvramPath)).size).toBeGreaterThan(0);
  await hypervisor.destroyDomain(spec.uuid);
  await hypervisor.undefineDomain(spec.uuid, { nvram: 'delete' });
  await expect(stat(nvramPath)).rejects.toThrow('ENOENT');
}, 60_000);

test('a paused guest is resumed, a killed one has crashed, an undefined one shows without a definition', async () => {
  const spec = await guest({ disks: [await disk('vda')] }); // where snapshots are kept
  const { uuid } = spec;
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(uuid);
  const { live } = await seen(uuid);
  await connection.call(procedures.domainSuspend, { name: live?.name ?? '', uuid, id: -1 });
  expect(await seen(uuid)).toMatchObject({ power: 'paused', pauseCause: 'user' });
  await hypervisor.startDomain(uuid);
  expect((await seen(uuid)).power).toBe('running');

  // Reverted to a snapshot that was taken while it was paused: nobody resumes it but us.
  await virsh('suspend', uuid);
  await virsh('snapshot-create-as', uuid, 'paused');
  await virsh('snapshot-revert', uuid, 'paused');
  expect(await seen(uuid)).toMatchObject({ power: 'paused', pauseCause: 'other' });
  await hypervisor.startDomain(uuid);
  expect((await seen(uuid)).power).toBe('running');

  await hypervisor.undefineDomain(uuid, { nvram: 'keep' });
  await hypervisor.undefineDomain(uuid, { nvram: 'keep' });
  expect((await seen(uuid)).config).toBeUndefined();
  await hypervisor.defineDomain(spec);
  expect((await seen(uuid)).config).toBeDefined();

  const stopped = new Promise<void>((resolve) => {
    const end = hypervisor.onChange((change) => {
      if (change.kind !== 'domain' || change.uuid !== uuid || change.what !== 'stopped') return;
      end();
      resolve();
    });
  });
  process.kill(await qemuPid(uuid), 'SIGKILL');
  await stopped;
  expect(await seen(uuid)).toMatchObject({ power: 'shutoff', stopCause: 'crashed' });
  await hypervisor.startDomain(uuid);
  expect((await seen(uuid)).power).toBe('running');
}, 60_000);

test('libvirt gives back every text as it got it, defined or set while running', async () => {
  const spec = await guest();
  await hypervisor.defineDomain(spec);
  await hypervisor.startDomain(spec.uuid);
  const text = fc
    .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('ü😀', '&amp;', '&#65;', '"/><evil/>', '  '))
    .filter((each) => !/[\p{Cc}\uFFFE\uFFFF]/u.test(each));
  const run = fc.asyncProperty(text, text, async (name, restartToken) => {
    const metadata = { ...spec.metadata, name, restartToken };
    await hypervisor.defineDomain({ ...spec, metadata });
    await hypervisor.setLiveMetadata(spec.uuid, metadata);
    const { config, live } = await seen(spec.uuid);
    expect(config?.metadata).toEqual(metadata);
    expect(live?.metadata).toEqual(metadata);
  });
  await fc.assert(run, { numRuns: 50 });
}, 60_000);

test('what is not ours is counted and left alone', async () => {
  const spec = await guest({
    metadata: { namespace: 'a', name: 'b', installationUid: 'another', generation: 1, definitionHash: 'x' },
  });
  const foreign = await connection.call(procedures.domainDefineXmlFlags, buildDomainXml(spec), 0);
  expect((await hypervisor.listDomains()).foreign).toBe(1);
  expect(await hypervisor.findDomain(spec.uuid)).toBeUndefined();
  for (const touch of [
    () => hypervisor.defineDomain({ ...spec, metadata: { ...spec.metadata, installationUid } }),
    () => hypervisor.startDomain(spec.uuid),
    () => hypervisor.destroyDomain(spec.uuid),
    () => hypervisor.undefineDomain(spec.uuid, { nvram: 'delete' }),
  ]) {
    await expect(touch()).rejects.toThrow(ForeignDomain);
  }
  await connection.call(procedures.domainUndefineFlags, foreign, 0);
});

test('a start that fails says why', async () => {
  const missing = { ...(await disk('vda')), path: join(host.directory, 'guests', 'missing.qcow2') };
  const spec = await guest({ disks: [missing] });
  await hypervisor.defineDomain(spec);
  await expect(hypervisor.startDomain(spec.uuid)).rejects.toThrow('missing.qcow2');
  await expect(hypervisor.startDomain(randomUUID())).rejects.toMatchObject({ codeName: 'NO_DOMAIN' });
  await rm(join(host.directory, 'guests'), { recursive: true });
  await mkdir(join(host.directory, 'guests'));
});

test('versions are spelled as people know them', async () => {
  expect(await hypervisor.versions()).toEqual({
    libvirt: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    hypervisor: expect.stringMatching(/^\d+\.\d+\.\d+$/),
  });
});
