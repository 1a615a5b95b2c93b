/** What stands between the firmware and the guest's init: UEFI boot loader, kernel and initial RAM disk. */
import { chmod, copyFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';

/** What a virtual machine of libvirt can present before the root is mounted, and what the guest listens to later. */
const drivers = [
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'virtio_scsi',
  'sr_mod',
  'sd_mod',
  'ata_piix',
  'isofs',
  'virtio_console',
  'virtio_rng',
  'virtio_balloon',
  'button',
  'evdev',
  'ext4',
];

export interface BootFiles {
  kernel: string;
  initrd: string;
  /** The UEFI application and the module that it loads; a BIOS gets syslinux from the host's own package. */
  uefiLoader: string;
  uefiModule: string;
}

/** @param unpacked the tree that the packages were unpacked into. */
export async function makeBootFiles(unpacked: string, guestDir: string, workDir: string): Promise<BootFiles> {
  const [release] = await readdir(join(unpacked, 'lib/modules'));
  if (release === undefined) throw new Error('the kernel package holds no modules');
  const busybox = join(unpacked, 'bin/busybox');
  const root = join(workDir, 'initramfs');
  for (const directory of ['bin', 'dev', 'proc', 'sys', 'modules', 'sysroot']) {
    await mkdir(join(root, directory), { recursive: true });
  }
  await copyFile(busybox, join(root, 'bin/busybox'));
  await cp(join(guestDir, 'initramfs-init'), join(root, 'init'));
  await chmod(join(root, 'init'), 0o755);

  await execa(busybox, ['depmod', '-b', unpacked, release]);
  const modules = await inLoadingOrder(join(unpacked, 'lib/modules', release), drivers);
  for (const module of modules) await copyFile(module, join(root, 'modules', basename(module)));
  await writeFile(join(root, 'modules/order'), `${modules.map((module) => basename(module)).join('\n')}\n`);

  const initrd = join(workDir, 'initrd.gz');
  await writeFile(initrd, gzipSync(await cpioArchive(busybox, root), { level: 1 }));
  return {
    kernel: join(unpacked, `boot/vmlinuz-${release}`),
    initrd,
    uefiLoader: join(unpacked, 'usr/lib/SYSLINUX.EFI/efi64/syslinux.efi'),
    uefiModule: join(unpacked, 'usr/lib/syslinux/modules/efi64/ldlinux.e64'),
  };
}

/** The files of the named modules and of all that they need, dependencies first (modules.dep lists them so, reversed). */
async function inLoadingOrder(modulesDir: string, names: readonly string[]): Promise<string[]> {
  const dependencies = new Map<string, string[]>();
  for (const line of (await readFile(join(modulesDir, 'modules.dep'), 'utf8')).split('\n')) {
    const [file, needs] = line.split(':');
    if (file)
      dependencies.set(moduleName(file), [file, ...(needs?.split(' ').filter(Boolean) ?? [])].reverse());
  }
  const ordered = new Set<string>();
  const visit = (name: string) => {
    for (const file of dependencies.get(name) ?? []) {
      if (moduleName(file) !== name) visit(moduleName(file));
      ordered.add(join(modulesDir, file));
    }
  };
  // A driver that modules.dep does not know is built into this kernel.
  names.forEach(visit);
  return [...ordered];
}

function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');
}

async function cpioArchive(busybox: string, root: string): Promise<Uint8Array> {
  const names = ['.', ...(await readdir(root, { recursive: true })).sort()];
  const { stdout } = await execa(busybox, ['cpio', '-o', '-H', 'newc'], {
    cwd: root,
    input: `${names.join('\n')}\n`,
    encoding: 'buffer',
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout;
}
