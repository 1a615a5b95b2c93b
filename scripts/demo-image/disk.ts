/** Puts kernel and root file system onto a bootable disk image without a loop device, a mount or a chroot. */
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { BootFiles } from './boot.ts';

const mebibyte = 1024 * 1024;
const sectorBytes = 512;

/** An MBR, then a FAT16 partition that BIOS and UEFI boot from, then the root, last so that it could grow. */
const bootPartition = { startBytes: 1 * mebibyte, sizeBytes: 24 * mebibyte };
const rootPartition = { startBytes: 25 * mebibyte, sizeBytes: 46 * mebibyte };

/** `no_timer_check`: on an overcommitted host a guest can otherwise fail at the check of the 8254 timer. */
const kernelOptions = 'console=ttyS0,115200 quiet net.ifnames=0 panic=5 no_timer_check';

const syslinuxMbr = '/usr/lib/syslinux/mbr/mbr.bin';

/** @returns the path of the finished qcow2 file in `workDir`. */
export async function makeDisk(boot: BootFiles, rootfs: string, workDir: string): Promise<string> {
  const raw = join(workDir, 'disk.raw');
  await writeFile(raw, '');
  await truncate(raw, rootPartition.startBytes + rootPartition.sizeBytes + mebibyte);
  const sectors = (bytes: number) => bytes / sectorBytes;
  await execa('/usr/sbin/sfdisk', ['--quiet', raw], {
    input: [
      `start=${sectors(bootPartition.startBytes)}, size=${sectors(bootPartition.sizeBytes)}, type=6, bootable`,
      `start=${sectors(rootPartition.startBytes)}, size=${sectors(rootPartition.sizeBytes)}, type=L`,
    ].join('\n'),
  });
  await fillRootPartition(raw, rootfs);
  await fillBootPartition(raw, boot, workDir);
  await installMbr(raw);

  const image = join(workDir, 'disk.qcow2');
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, image]);
  return image;
}

/** A small journal: a killed guest must come back with what it had acknowledged, without a file system check. */
async function fillRootPartition(raw: string, rootfs: string): Promise<void> {
  const extended = `offset=${rootPartition.startBytes},root_owner=0:0`;
  const options = [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-J',
    'size=4',
    '-m',
    '0',
    '-E',
    extended,
    '-L',
    'root',
    '-d',
    rootfs,
  ];
  await execa('/usr/sbin/mke2fs', [...options, raw, `${rootPartition.sizeBytes / 1024}k`]);
}

async function fillBootPartition(raw: string, boot: BootFiles, workDir: string): Promise<void> {
  const { startBytes, sizeBytes } = bootPartition;
  const hiddenSectors = String(startBytes / sectorBytes);
  const format = ['-F', '16', '--offset', hiddenSectors, '-h', hiddenSectors, raw, String(sizeBytes / 1024)];
  await execa('/usr/sbin/mkfs.fat', format);

  const configuration = join(workDir, 'syslinux.cfg');
  await writeFile(
    configuration,
    `DEFAULT linux\nLABEL linux\n KERNEL /vmlinuz\n INITRD /initrd.gz\n APPEND ${kernelOptions}\n`,
  );
  const partition = `${raw}@@${startBytes}`;
  await execa('mcopy', ['-i', partition, boot.kernel, '::vmlinuz']);
  await execa('mcopy', ['-i', partition, boot.initrd, configuration, '::']);
  // The path where UEFI looks for a loader on a disk that no boot entry names.
  await execa('mmd', ['-i', partition, '::EFI', '::EFI/BOOT']);
  await execa('mcopy', ['-i', partition, boot.uefiLoader, '::EFI/BOOT/BOOTX64.EFI']);
  await execa('mcopy', ['-i', partition, boot.uefiModule, '::EFI/BOOT/ldlinux.e64']);
  await execa('syslinux', ['--offset', String(startBytes), '--install', raw]);
}

/** Only the first 440 bytes of the sector are code; the partition table behind them stays. */
async function installMbr(raw: string): Promise<void> {
  const code = await readFile(syslinuxMbr);
  await using file = await open(raw, 'r+');
  await file.write(code.subarray(0, 440), 0, undefined, 0);
}
