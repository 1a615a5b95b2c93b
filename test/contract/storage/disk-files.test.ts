/** Disk files, by the word of qemu-img. */
import { readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';
import {
  type FileWorld,
  MiB,
  digestOf,
  diskUid,
  fileWorld,
  imageUid,
  importFile,
  putImport,
} from './file-world.ts';

const qemuImgInfo = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse((await execa('/usr/bin/qemu-img', ['info', '--output=json', path])).stdout);

let world: FileWorld;
beforeEach(async () => {
  world = await fileWorld();
});
afterEach(() => world.cleanup());

describe('disk files, by the word of qemu-img', () => {
  test('an overlay stands on the image by its absolute path and format, and reads through to it', async () => {
    const content = Buffer.alloc(2 * MiB, 0xa5);
    await importFile(world, await putImport(world, 'base.raw', content), { format: 'raw' });
    const digest = (await world.storage.list()).images[0]?.digest ?? '';
    await world.storage.createDisk({ diskUid, sizeBytes: 4 * MiB, format: 'qcow2', imageDigest: digest });

    const path = world.storage.diskPath(diskUid);
    expect(await qemuImgInfo(path)).toMatchObject({
      format: 'qcow2',
      'virtual-size': 4 * MiB,
      'backing-filename': world.storage.imagePath(digest),
      'backing-filename-format': 'raw',
    });
    await execa('/usr/bin/qemu-io', [
      '-f',
      'qcow2',
      '-c',
      'read -P 0xa5 0 2M',
      '-c',
      'read -P 0 2M 2M',
      path,
    ]);
    await execa('/usr/bin/qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x11 0 64k', path]);
    expect(await digestOf(world.storage.imagePath(digest))).toBe(digest);

    await world.storage.growDisk(diskUid, 8 * MiB);
    await execa('/usr/bin/qemu-io', [
      '-f',
      'qcow2',
      '-c',
      'read -P 0x11 0 64k',
      '-c',
      'read -P 0 7M 1M',
      path,
    ]);
    await execa('/usr/bin/qemu-img', ['check', '-f', 'qcow2', path]);
  });

  test('making a disk again leaves its content alone', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2' });
    const path = world.storage.diskPath(diskUid);
    await execa('/usr/bin/qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x42 0 64k', path]);
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2' });
    await execa('/usr/bin/qemu-io', ['-f', 'qcow2', '-c', 'read -P 0x42 0 64k', path]);
  });

  test('a size changed by the hypervisor is seen', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2' });
    await world.storage.list();
    await execa('/usr/bin/qemu-img', [
      'resize',
      '-f',
      'qcow2',
      world.storage.diskPath(diskUid),
      String(3 * MiB),
    ]);
    await world.storage.refreshDisk(diskUid);
    expect((await world.storage.list()).disks).toMatchObject([{ sizeBytes: 3 * MiB }]);
    expect(
      JSON.parse(await readFile(join(dirname(world.storage.diskPath(diskUid)), 'complete.json'), 'utf8')),
    ).toMatchObject({
      sizeBytes: 3 * MiB,
    });
  });

  test('a disk that somebody has open is not resized', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2' });
    const holder = execa('/usr/bin/qemu-io', ['-f', 'qcow2', world.storage.diskPath(diskUid)], {
      reject: false,
    });
    holder.stdin.write('length\n');
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(world.storage.growDisk(diskUid, 2 * MiB)).rejects.toMatchObject({
      reason: 'DiskInUse',
      retryable: true,
    });
    holder.stdin.end('quit\n');
    await holder;
    await world.storage.growDisk(diskUid, 2 * MiB);
  });

  test('data without its marker is refused and never removed', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'raw' });
    const path = world.storage.diskPath(diskUid);
    await writeFile(path, 'precious', { flag: 'r+' });
    await rm(join(dirname(path), 'complete.json'));
    expect((await world.storage.list()).disks).toEqual([]);
    await expect(world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'raw' })).rejects.toMatchObject({
      reason: 'DiskIncomplete',
      retryable: false,
    });
    expect((await readFile(path)).subarray(0, 8).toString()).toBe('precious');
  });

  test('one disk with a broken header does not hide the others', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2' });
    const other = diskUid.replaceAll('a', 'b');
    await world.storage.createDisk({ diskUid: other, sizeBytes: MiB, format: 'qcow2' });
    await writeFile(world.storage.diskPath(other), 'garbage');
    expect((await world.storage.list()).disks.map((disk) => [disk.diskUid, disk.sizeBytes])).toEqual([
      [diskUid, MiB],
      [other, MiB],
    ]);
  });

  test('no symlink in the place of a directory or a file is followed', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'raw' });
    const directory = dirname(world.storage.diskPath(diskUid));
    const elsewhere = join(world.dataDir, '..', 'elsewhere');
    await rename(directory, elsewhere);
    await symlink(elsewhere, directory);
    expect((await world.storage.list()).disks).toEqual([]);
    await expect(world.storage.growDisk(diskUid, 2 * MiB)).rejects.toMatchObject({ reason: 'DiskNotFound' });
    await expect(world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'raw' })).rejects.toMatchObject({
      reason: 'DiskIncomplete',
    });
    await world.storage.deleteDisk(diskUid);
    expect(await readdir(elsewhere)).toContain('disk.img');
  });

  test('a listing without its directory fails: unknown is not the same as absent', async () => {
    await rename(join(world.dataDir, 'disks'), join(world.dataDir, 'away'));
    await expect(world.storage.list()).rejects.toMatchObject({ reason: 'StorageFailed', retryable: true });
    await expect(world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'raw' })).rejects.toMatchObject({
      retryable: true,
    });
  });

  test('an image under a disk whose marker cannot be read is kept', async () => {
    await importFile(world, await putImport(world, 'a.qcow2', qcow2()));
    const digest = (await world.storage.list()).images[0]?.digest ?? '';
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2', imageDigest: digest });
    await writeFile(join(dirname(world.storage.diskPath(diskUid)), 'complete.json'), 'torn');
    await world.storage.deleteImage(imageUid);
    expect((await stat(world.storage.imagePath(digest))).isFile()).toBe(true);
  });
});
