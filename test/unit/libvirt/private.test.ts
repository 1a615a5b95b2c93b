import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readPower } from '../../../src/host/libvirt/domain-state.ts';
import { grantAccess } from '../../../src/host/libvirt/guest-files.ts';
import { findSystemLibvirt } from '../../../src/host/libvirt/private-libvirt.ts';
import { forgetOtherBoots } from '../../../src/host/libvirt/private/boot.ts';
import { daemonsOf, findDaemon } from '../../../src/host/libvirt/private/daemon.ts';
import { libvirtLayout } from '../../../src/host/libvirt/private/layout.ts';
import { findQemuIdentity } from '../../../src/host/libvirt/private/qemu-identity.ts';
import { FakeLibvirtd } from './fake-libvirtd.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'purlin-libvirt-unit-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test('run state survives within a boot, and is forgotten after one', async () => {
  const layout = libvirtLayout(directory);
  await forgetOtherBoots(layout);
  const guest = join(directory, 'run', 'guest.xml');
  await writeFile(guest, 'pid');
  await forgetOtherBoots(layout);
  expect(await readFile(guest, 'utf8')).toBe('pid');
  await writeFile(join(directory, 'boot'), 'another boot\n');
  await forgetOtherBoots(layout);
  expect(await readdir(join(directory, 'run'))).toEqual([]);
});

test('a pid file proves nothing by itself: the process must be this very daemon', async () => {
  const [virtlogd] = daemonsOf(libvirtLayout(directory));
  if (virtlogd === undefined) throw new Error('there is no virtlogd');
  await mkdir(join(directory, 'run'));
  expect(await findDaemon(virtlogd)).toBeUndefined();
  for (const content of [String(process.pid), '1', '-1', 'nonsense', '']) {
    await writeFile(virtlogd.pidFile, content);
    expect(await findDaemon(virtlogd)).toBeUndefined();
  }
  await writeFile(virtlogd.pidFile, String(process.pid));
  const [program, ...args] = (await readFile('/proc/self/cmdline', 'utf8')).split('\0').slice(0, -1);
  const found = await findDaemon({ ...virtlogd, command: [program ?? '', ...args] });
  expect(found).toEqual({ pid: process.pid, startTicks: expect.stringMatching(/^\d+$/) });
});

test('QEMU runs as libvirt-qemu in the group kvm, by number where they have no names', async () => {
  const files = { passwd: join(directory, 'passwd'), group: join(directory, 'group') };
  await writeFile(files.passwd, 'root:x:0:0::/root:/bin/sh\n');
  await writeFile(files.group, 'root:x:0:\n');
  expect(await findQemuIdentity(files)).toEqual({ uid: 64055, gid: 64055 });
  await writeFile(files.passwd, 'root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:123:45::/:/bin/false\n');
  await writeFile(files.group, 'root:x:0:\nkvm:x:45:\nlibvirt-qemu:x:46:\n');
  expect(await findQemuIdentity(files)).toEqual({ uid: 123, gid: 45 });
});

test('the system libvirt is used where it answers, and never for guests in a network namespace', async () => {
  const libvirtd = await FakeLibvirtd.start();
  const leftover = join(directory, 'libvirt-sock');
  await writeFile(leftover, '');
  try {
    expect(await findSystemLibvirt(undefined, [leftover, libvirtd.socketPath])).toBe(libvirtd.socketPath);
    expect(await findSystemLibvirt('purlin-x', [libvirtd.socketPath])).toBeUndefined();
    expect(await findSystemLibvirt(undefined, [leftover])).toBeUndefined();
  } finally {
    await libvirtd.stop();
  }
});

test('a link is never handed to a guest; a missing file is left for libvirt to complain about', async () => {
  const target = join(directory, 'target');
  const link = join(directory, 'link');
  await writeFile(target, '');
  await symlink(target, link);
  const me = async () => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  await expect(grantAccess([{ path: link, readOnly: false }], me)).rejects.toThrow('link cannot be handed');
  await grantAccess([{ path: join(directory, 'missing'), readOnly: false }], me);
});

test.each([
  [{ state: 1, reason: 1 }, { power: 'running' }],
  [{ state: 4, reason: 0 }, { power: 'running' }],
  [
    { state: 3, reason: 1 },
    { power: 'paused', pauseCause: 'user' },
  ],
  [
    { state: 3, reason: 5 },
    { power: 'paused', pauseCause: 'ioError' },
  ],
  [
    { state: 3, reason: 2 },
    { power: 'paused', pauseCause: 'passing' },
  ],
  [
    { state: 5, reason: 1 },
    { power: 'shutoff', stopCause: 'guest' },
  ],
  [
    { state: 5, reason: 2 },
    { power: 'shutoff', stopCause: 'destroyed' },
  ],
  [
    { state: 5, reason: 3 },
    { power: 'shutoff', stopCause: 'crashed' },
  ],
  [
    { state: 5, reason: 6 },
    { power: 'shutoff', stopCause: 'failed' },
  ],
  [
    { state: 5, reason: 0 },
    { power: 'shutoff', stopCause: 'unknown' },
  ],
  [
    { state: 6, reason: 0 },
    { power: 'shutoff', stopCause: 'crashed' },
  ],
] as const)('libvirt %j is %j', (libvirt, ours) => {
  expect(readPower(libvirt)).toEqual(ours);
});
