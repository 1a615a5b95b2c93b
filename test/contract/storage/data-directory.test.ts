/** Who may read the data directory, and what is cleared away in it. */
import { chmod, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { createFileStorage } from '../../../src/host/storage/index.ts';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';
import {
  type FileWorld,
  MiB,
  diskUid,
  fileOptions,
  fileWorld,
  importFile,
  machineUid,
  putImport,
} from './file-world.ts';

let world: FileWorld;
beforeEach(async () => {
  world = await fileWorld();
});
afterEach(() => world.cleanup());

describe('the data directory', () => {
  const onTestFinished: (() => void)[] = [];
  afterEach(() => {
    for (const undo of onTestFinished.splice(0)) undo();
  });

  test('is searchable, not readable, by others, whatever the umask; tmp and seeds are private', async () => {
    await world.cleanup();
    const umask = process.umask(0o077);
    onTestFinished.push(() => process.umask(umask));
    world = await fileWorld();
    const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
    await importFile(world, await putImport(world, 'a.qcow2', qcow2()));
    const digest = (await world.storage.list()).images[0]?.digest ?? '';
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2', imageDigest: digest });
    await world.storage.ensureSeed({ machineUid, metaData: 'a', networkConfig: 'b', userData: 'c' });
    await world.storage.ensureMachineDirectory(machineUid);
    for (const path of [
      'disks',
      'images',
      'images/blobs',
      `disks/${diskUid}`,
      'seeds',
      `machines/${machineUid}`,
    ])
      expect([path, await mode(join(world.dataDir, path))]).toEqual([path, '711']);
    expect(await mode(dirname(world.storage.imagePath(digest)))).toBe('711');
    expect(await mode(world.storage.imagePath(digest))).toBe('644');
    expect(await mode(world.storage.diskPath(diskUid))).toBe('600');
    expect(await mode(world.storage.seedPath(machineUid))).toBe('600');
    expect(await mode(join(world.dataDir, 'tmp'))).toBe('700');
  });

  test.each(['disks', 'images', 'images/blobs', 'images/refs', 'seeds', 'tmp'])(
    'is refused when %s is another file system, before anything is cleared away',
    async (mounted) => {
      const { dataDir, imports } = world;
      await world.storage.close();
      await writeFile(join(dataDir, 'tmp/half-done'), '');
      const opener = join(import.meta.dirname, 'mounted-process.ts');
      const { stdout } = await execa('/usr/bin/unshare', [
        '--mount',
        process.execPath,
        opener,
        dataDir,
        imports,
        mounted,
      ]);
      const other = mounted === 'tmp' ? 'disks' : mounted;
      expect(JSON.parse(stdout)).toEqual({
        reason: 'DataDirectoryUnsafe',
        retryable: false,
        message: expect.stringContaining(`${join(dataDir, other)} is on another file system than`),
        left: mounted === 'tmp' ? [] : ['half-done'],
      });
    },
  );

  test('is refused when others could write to it or it leads elsewhere', async () => {
    const { dataDir, imports } = world;
    await chmod(join(dataDir, 'disks'), 0o777);
    expect(() => createFileStorage(fileOptions(dataDir, imports))).toThrow('is writable by other users');
    await rm(join(dataDir, 'disks'), { recursive: true });
    await mkdir(join(dataDir, '..', 'elsewhere'));
    await symlink(join(dataDir, '..', 'elsewhere'), join(dataDir, 'disks'));
    expect(() => createFileStorage(fileOptions(dataDir, imports))).toThrow('symbolic links are not followed');
    expect(() => createFileStorage(fileOptions('relative/path', imports))).toThrow(
      'must be an absolute path',
    );
  });

  test('loses what an earlier process left in tmp, and nothing else', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'raw' });
    await mkdir(join(world.dataDir, 'tmp', 'disk-abc'));
    await writeFile(join(world.dataDir, 'tmp', 'disk-abc', 'disk.img'), 'half');
    const reopened = createFileStorage(fileOptions(world.dataDir, world.imports));
    expect(await readdir(join(world.dataDir, 'tmp'))).toEqual([]);
    expect((await reopened.list()).disks).toHaveLength(1);
    await reopened.close();
  });
});
