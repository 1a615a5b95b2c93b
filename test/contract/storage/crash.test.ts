import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { createFileStorage } from '../../../src/host/storage/index.ts';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';
import { fileDirectories, fileOptions } from './file-world.ts';
import { type Operation, perform } from './storage-process.ts';

const diskUid = 'aaaaaaaa-0000-4000-8000-000000000000';
const imageUid = 'cccccccc-0000-4000-8000-000000000000';
const machineUid = 'eeeeeeee-0000-4000-8000-000000000000';
const MiB = 1024 * 1024;

let directories: Awaited<ReturnType<typeof fileDirectories>>;
beforeEach(async () => {
  directories = await fileDirectories();
  await writeFile(join(directories.imports, 'base.qcow2'), qcow2());
});
afterEach(() => rm(directories.root, { recursive: true }));

const importImage = (): Operation => ({
  importImage: {
    imageUid,
    from: { file: join(directories.imports, 'base.qcow2') },
    format: 'qcow2',
    compression: 'None',
  },
});

/** Runs one operation in a process of its own. @returns the steps that it reached */
async function inProcess(operation: Operation, fatalStep?: string) {
  const script = join(import.meta.dirname, 'storage-process.ts');
  const args = [directories.dataDir, directories.imports, JSON.stringify(operation)];
  const { stdout, signal, exitCode, stderr } = await execa(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      script,
      ...args,
      ...(fatalStep === undefined ? [] : [fatalStep]),
    ],
    { reject: false },
  );
  return { steps: stdout.split('\n').filter((line) => line !== ''), signal, exitCode, stderr };
}

/** What the owner sees and what lies on the disk, without inode and time. */
async function outcome() {
  const storage = createFileStorage(fileOptions(directories.dataDir, directories.imports));
  const { disks, images, seeds } = await storage.list();
  await storage.close();
  const files = (await readdir(directories.dataDir, { recursive: true })).sort();
  return { disks, images, seeds, files };
}

const baseDigest = `sha256:${createHash('sha256').update(qcow2()).digest('hex')}`;
const overlay: Operation = {
  createDisk: { diskUid, sizeBytes: 4 * MiB, format: 'qcow2', imageDigest: baseDigest },
};

/** What is killed, the operation, and what was done before it. */
const operations: [string, () => Operation, () => Operation[]][] = [
  ['a blank qcow2 disk', () => ({ createDisk: { diskUid, sizeBytes: 4 * MiB, format: 'qcow2' } }), () => []],
  ['a blank raw disk', () => ({ createDisk: { diskUid, sizeBytes: 4 * MiB, format: 'raw' } }), () => []],
  ['an import', importImage, () => []],
  ['an overlay', () => overlay, () => [importImage()]],
  ['deleting a disk', () => ({ deleteDisk: diskUid }), () => [importImage(), overlay]],
  ['deleting an image', () => ({ deleteImage: imageUid }), () => [importImage()]],
  [
    'deleting the last overlay of a deleted image',
    () => ({ deleteDisk: diskUid }),
    () => [importImage(), overlay, { deleteImage: imageUid }],
  ],
  [
    'growing a disk',
    () => ({ growDisk: { diskUid, sizeBytes: 8 * MiB } }),
    () => [{ createDisk: { diskUid, sizeBytes: 4 * MiB, format: 'qcow2' } }],
  ],
  [
    'changing a seed',
    () => ({ ensureSeed: { machineUid, metaData: 'new', networkConfig: 'new', userData: 'new' } }),
    () => [{ ensureSeed: { machineUid, metaData: 'old', networkConfig: 'old', userData: 'old' } }],
  ],
];

describe('a process killed at any step of', () => {
  test.each(operations)(
    '%s: nothing is half there, and repeating completes it',
    async (_name, operation, before) => {
      for (const earlier of before()) await inProcess(earlier);
      const pristine = join(directories.root, 'pristine');
      await mkdir(directories.dataDir, { recursive: true });
      await cp(directories.dataDir, pristine, { recursive: true });
      const reset = async () => {
        await rm(directories.dataDir, { recursive: true, force: true });
        await cp(pristine, directories.dataDir, { recursive: true });
      };

      await reset();
      const untouched = await outcome();
      const clean = await inProcess(operation());
      expect(clean.exitCode).toBe(0);
      const complete = await outcome();
      const { steps } = clean;
      expect(steps).not.toEqual([]);

      for (const step of steps) {
        await reset();
        expect(await inProcess(operation(), step)).toMatchObject({ signal: 'SIGKILL' });
        const crashed = await outcome();
        const seen = ({ disks, images }: typeof crashed) => ({ disks, images });
        // Either nothing of it is to be seen, or all of it.
        expect([seen(untouched), seen(complete)]).toContainEqual(seen(crashed));
        expect([...untouched.seeds, ...complete.seeds]).toEqual(expect.arrayContaining(crashed.seeds));

        const storage = createFileStorage(fileOptions(directories.dataDir, directories.imports));
        await perform(storage, operation());
        await storage.close();
        expect({ step, ...(await outcome()) }).toEqual({ step, ...complete });
        for (const disk of complete.disks.filter(({ format }) => format === 'qcow2'))
          await execa(
            '/usr/bin/qemu-img',
            ['check', '-q', '-f', disk.format, storage.diskPath(disk.diskUid)],
            {
              reject: disk.format === 'qcow2',
            },
          );
      }
    },
    60_000,
  );
});

describe('a full file system', () => {
  /** Runs one operation in a mount namespace of its own, where the data directory has `sizeBytes` of room. */
  const withRoom = (sizeBytes: number, operation: Operation) =>
    execa(
      '/usr/bin/unshare',
      [
        '--mount',
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        join(import.meta.dirname, 'small-disk-process.ts'),
        String(sizeBytes),
        directories.dataDir,
        directories.imports,
        JSON.stringify(operation),
      ],
      { reject: false },
    );

  test('is NoSpace, may be tried again, and leaves nothing behind', async () => {
    await writeFile(join(directories.imports, 'large.raw'), Buffer.alloc(2 * MiB, 1));
    const large: Operation = {
      importImage: {
        imageUid,
        from: { file: join(directories.imports, 'large.raw') },
        format: 'raw',
        compression: 'None',
      },
    };
    const disk: Operation = { createDisk: { diskUid, sizeBytes: 4 * MiB, format: 'qcow2' } };
    for (const operation of [large, disk]) {
      const { stdout, stderr } = await withRoom(160 * 1024, operation);
      expect([stderr, JSON.parse(stdout)]).toEqual(['', { reason: 'NoSpace', retryable: true, left: [] }]);
    }
  });
});
