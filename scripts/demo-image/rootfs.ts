/** The guest's root file system: busybox under every name, two daemons with their libraries, and our own files. */
import { copyFile, cp, mkdir, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';

const emptyDirectories =
  'bin sbin dev proc sys run tmp root mnt lib64 lib/x86_64-linux-gnu etc/dropbear usr/bin usr/sbin var/lib var/log';

const programs = ['usr/sbin/dropbear', 'usr/bin/dropbearkey', 'usr/sbin/qemu-ga'];

export async function makeRootfs(unpacked: string, guestDir: string, workDir: string): Promise<string> {
  const root = join(workDir, 'rootfs');
  for (const directory of emptyDirectories.split(' '))
    await mkdir(join(root, directory), { recursive: true });
  await symlink('../run', join(root, 'var/run'));

  await installBusybox(join(unpacked, 'bin/busybox'), root);
  for (const program of programs) await copyFile(join(unpacked, program), join(root, program));
  await installLibraries(unpacked, root);

  // Last, so that our own /sbin/shutdown wins over busybox's.
  await cp(join(guestDir, 'rootfs'), root, { recursive: true });
  return root;
}

async function installBusybox(busybox: string, root: string): Promise<void> {
  await copyFile(busybox, join(root, 'bin/busybox'));
  const { stdout } = await execa(busybox, ['--list']);
  const ours = new Set(['busybox', 'shutdown']);
  for (const applet of stdout.split('\n').filter((name) => name !== '' && !ours.has(name))) {
    await symlink('/bin/busybox', join(root, 'bin', applet));
  }
  // Where the kernel, inittab and udhcpc look for them by path.
  for (const applet of ['init', 'getty', 'ip', 'reboot', 'poweroff', 'halt']) {
    await symlink('/bin/busybox', join(root, 'sbin', applet));
  }
}

/** Asks the unpacked dynamic loader itself which libraries the programs need, among the unpacked ones only. */
async function installLibraries(unpacked: string, root: string): Promise<void> {
  const loader = 'lib64/ld-linux-x86-64.so.2';
  await copyFile(join(unpacked, loader), join(root, loader));
  const searched = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map((path) => join(unpacked, path));
  const loaderOptions = ['--inhibit-cache', '--library-path', searched.join(':'), '--list'];
  for (const program of programs) {
    const { stdout } = await execa(join(unpacked, loader), [...loaderOptions, join(unpacked, program)]);
    for (const [, name, file] of stdout.matchAll(/^\s*(\S+) => (.+?)(?: \(0x[0-9a-f]+\))?$/gm)) {
      if (name === undefined || basename(loader) === basename(name)) continue;
      if (!file?.startsWith(unpacked))
        throw new Error(`${program} needs ${name}: add its package to ingredients.ts`);
      await copyFile(file, join(root, 'lib/x86_64-linux-gnu', name));
    }
    await stat(join(root, program));
  }
}
