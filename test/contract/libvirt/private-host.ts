import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { PrivateLibvirt } from '../../../src/host/libvirt/private-libvirt.ts';

/** A network namespace, a directory and a private libvirt in them; `remove` leaves nothing of any. */
export interface PrivateHost {
  directory: string;
  namespace: string;
  libvirt: PrivateLibvirt;
  remove: () => Promise<void>;
}

let made = 0;

export async function makePrivateHost(): Promise<PrivateHost> {
  made += 1;
  const namespace = `purlin-lv-${process.pid}-${made}`;
  const directory = await mkdtemp(join(tmpdir(), 'purlin-libvirt-'));
  // QEMU's own user passes through to its files.
  await execa('/bin/chmod', ['0711', directory]);
  await mkdir(join(directory, 'guests'));
  await execa('/usr/sbin/ip', ['netns', 'add', namespace]);
  await execa('/usr/sbin/ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  const libvirt = new PrivateLibvirt({
    root: join(directory, 'libvirt'),
    networkNamespace: namespace,
    kvm: 'hidden',
  });
  const remove = async (): Promise<void> => {
    await libvirt.stop();
    // What still runs inside is ours alone: a guest that a failed test left behind.
    const { stdout } = await execa('/usr/sbin/ip', ['netns', 'pids', namespace]);
    for (const pid of stdout.split('\n').filter((line) => line !== '')) process.kill(Number(pid), 'SIGKILL');
    await execa('/usr/sbin/ip', ['netns', 'del', namespace]);
    await rm(directory, { recursive: true, force: true });
  };
  return { directory, namespace, libvirt, remove };
}
