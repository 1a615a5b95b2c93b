/** Images from files, whatever is in them. */
import { createHash } from 'node:crypto';
import { link, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { type ImageSource } from '../../../src/host/ports/storage.ts';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';
import { type FileWorld, MiB, digestOf, diskUid, fileWorld, importFile, putImport } from './file-world.ts';

let world: FileWorld;
beforeEach(async () => {
  world = await fileWorld();
});
afterEach(() => world.cleanup());

describe('images from files', () => {
  test.each<[ImageSource['compression'], (bytes: Buffer) => Buffer | Promise<Buffer>]>([
    ['Gzip', (bytes) => gzipSync(bytes)],
    ['Zstd', (bytes) => zstdCompressSync(bytes)],
    [
      'Zstd',
      (bytes) =>
        Buffer.concat([zstdCompressSync(bytes.subarray(0, 1000)), zstdCompressSync(bytes.subarray(1000))]),
    ],
    ['Gzip', (bytes) => Buffer.concat([gzipSync(bytes.subarray(0, 1000)), gzipSync(bytes.subarray(1000))])],
    [
      'Xz',
      async (bytes) =>
        Buffer.from((await execa('/usr/bin/xz', ['-c'], { input: bytes, encoding: 'buffer' })).stdout),
    ],
  ])('%s is unpacked; the checksum is that of the published file', async (compression, compress) => {
    const packed = await compress(qcow2());
    const file = await putImport(world, 'packed', packed);
    const checksum = `sha256:${createHash('sha256').update(packed).digest('hex')}`;
    await importFile(world, file, { compression, checksum });
    const digest = `sha256:${createHash('sha256').update(qcow2()).digest('hex')}`;
    expect((await world.storage.list()).images).toMatchObject([{ digest, fileSizeBytes: qcow2().length }]);
    expect(await digestOf(world.storage.imagePath(digest))).toBe(digest);
  });

  test.each(['Gzip', 'Zstd', 'Xz'] as const)(
    'what is not %s, or only half of it, is refused',
    async (compression) => {
      const refused = { reason: 'DecompressionFailed', retryable: false };
      await expect(
        importFile(world, await putImport(world, 'plain', qcow2()), { compression }),
      ).rejects.toMatchObject(refused);
      const packed = {
        Gzip: gzipSync(qcow2()),
        Zstd: zstdCompressSync(qcow2()),
        Xz: Buffer.from((await execa('/usr/bin/xz', ['-c'], { input: qcow2(), encoding: 'buffer' })).stdout),
      }[compression];
      const half = await putImport(world, 'half', packed.subarray(0, packed.length / 2));
      await expect(importFile(world, half, { compression })).rejects.toMatchObject(refused);
      expect(await readdir(join(world.dataDir, 'tmp'))).toEqual([]);
    },
  );

  test('a bomb stops at the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 26 + 1));
    await expect(
      importFile(world, await putImport(world, 'bomb', bomb), { compression: 'Gzip', format: 'raw' }),
    ).rejects.toMatchObject({
      reason: 'TooLarge',
      retryable: false,
    });
  });

  test('a raw image keeps its content and takes no space for its zeroes', async () => {
    const bytes = Buffer.alloc(8 * MiB + 700);
    bytes.write('boot', 0);
    bytes.write('middle', 3 * MiB + 5);
    bytes.write('end', bytes.length - 3);
    await importFile(world, await putImport(world, 'sparse.raw', bytes), { format: 'raw' });
    const [image] = (await world.storage.list()).images;
    expect(image).toMatchObject({ fileSizeBytes: bytes.length, virtualSizeBytes: 8 * MiB + 1024 });
    const path = world.storage.imagePath(image?.digest ?? '');
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect((await stat(path)).blocks * 512).toBeLessThan(MiB);
  });

  test('only regular files really below an allowed directory are read', async () => {
    const outside = join(world.imports, '..', 'outside.qcow2');
    await writeFile(outside, qcow2());
    await symlink(outside, join(world.imports, 'escape.qcow2'));
    await symlink(dirname(outside), join(world.imports, 'up'));
    await mkdir(join(world.imports, 'directory'));
    await execa('/usr/bin/mkfifo', [join(world.imports, 'fifo')]);
    await mkdir(`${world.imports}-sibling`);
    await writeFile(`${world.imports}-sibling/a.qcow2`, qcow2());
    const denied = { reason: 'FileNotAllowed', retryable: false };
    for (const file of [
      outside,
      join(world.imports, 'escape.qcow2'),
      `${world.imports}/up/outside.qcow2`,
      `${world.imports}/../outside.qcow2`,
      `${world.imports}-sibling/a.qcow2`,
      `${world.imports}/../nothing-there`,
      join(world.imports, 'directory'),
      join(world.imports, 'fifo'),
      world.imports,
      '/dev/zero',
      '/etc/shadow',
      '/no/such/file',
      'relative.qcow2',
      'json:{"driver":"file","filename":"/etc/shadow"}',
      '',
      `${world.imports}/nul\0`,
    ])
      await expect(importFile(world, file)).rejects.toMatchObject(denied);
    await expect(importFile(world, join(world.imports, 'missing'))).rejects.toMatchObject({
      reason: 'FileNotFound',
      retryable: true,
    });
  });

  test.each(['json:{"driver":"nbd"}', 'nbd:localhost:10809', '-o', 'a:b', ' x\n'])(
    'a file named %j is only a file',
    async (name) => {
      await importFile(world, await putImport(world, name, qcow2()));
      expect((await world.storage.list()).images).toMatchObject([{ state: 'complete' }]);
    },
  );

  test('a damaged cached image is made whole under its overlays, and a link in its place is refused', async () => {
    const file = await putImport(world, 'base.qcow2', qcow2());
    await importFile(world, file);
    const digest = (await world.storage.list()).images[0]?.digest ?? '';
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2', imageDigest: digest });
    const path = world.storage.imagePath(digest);
    await writeFile(path, 'cut off');
    expect((await world.storage.list()).images).toEqual([]);
    await importFile(world, file);
    expect(await digestOf(path)).toBe(digest);
    expect((await world.storage.list()).images).toMatchObject([{ digest, overlays: [diskUid] }]);

    const elsewhere = join(world.dataDir, '..', 'elsewhere');
    await mkdir(elsewhere);
    await rm(dirname(path), { recursive: true });
    await symlink(elsewhere, dirname(path));
    await expect(importFile(world, file)).rejects.toMatchObject({ reason: 'ImageIncomplete' });
    expect(await readdir(elsewhere)).toEqual([]);
  });

  test('symlinks within the allowed directory, and hard links, are fine', async () => {
    const file = await putImport(world, 'real.qcow2', qcow2());
    await symlink(file, join(world.imports, 'alias.qcow2'));
    await link(file, join(world.imports, 'hard.qcow2'));
    await importFile(world, join(world.imports, 'alias.qcow2'));
    await importFile(world, join(world.imports, 'hard.qcow2'));
  });

  const variants: [string, string[]][] = [
    ['version 2', ['compat=0.10']],
    ['small clusters', ['cluster_size=512']],
    ['large clusters', ['cluster_size=2M']],
    ['zstd', ['compression_type=zstd']],
    ['extended L2', ['extended_l2=on']],
    ['lazy refcounts', ['lazy_refcounts=on']],
    ['refcounts of one bit', ['refcount_bits=1']],
    ['refcounts of 64 bits', ['refcount_bits=64']],
    ['preallocated', ['preallocation=metadata']],
  ];
  test.each(variants)('qcow2 as qemu-img makes it is accepted: %s', async (_name, options) => {
    const file = join(world.imports, 'made.qcow2');
    const flags = options.flatMap((option) => ['-o', option]);
    await execa('/usr/bin/qemu-img', ['create', '-q', '-f', 'qcow2', ...flags, file, '32M']);
    await importFile(world, file);
    expect((await world.storage.list()).images).toMatchObject([{ virtualSizeBytes: 32 * MiB }]);
  });

  test.each<[string, string[], string]>([
    ['a backing file', ['-b', '/etc/hostname', '-F', 'raw', '-u'], 'BackingFileRefused'],
    [
      'a backing file by protocol',
      ['-b', 'json:{"driver":"file","filename":"/etc/shadow"}', '-F', 'raw', '-u'],
      'BackingFileRefused',
    ],
    ['an external data file', ['-o', 'data_file=DATA'], 'DataFileRefused'],
    ['an external raw data file', ['-o', 'data_file=DATA,data_file_raw=on'], 'DataFileRefused'],
  ])('qcow2 as qemu-img makes it is refused: %s', async (_name, args, reason) => {
    const file = join(world.imports, 'made.qcow2');
    const placed = args.map((arg) => arg.replace('DATA', join(world.imports, 'data')));
    await execa('/usr/bin/qemu-img', ['create', '-q', '-f', 'qcow2', ...placed, file, '1M']);
    await expect(importFile(world, file)).rejects.toMatchObject({ reason, retryable: false });
  });

  test.each(['vmdk', 'vdi', 'vhdx', 'vpc', 'qed', 'parallels'])(
    'a %s file is neither raw nor qcow2',
    async (format) => {
      const file = join(world.imports, `other.${format}`);
      await execa('/usr/bin/qemu-img', ['create', '-q', '-f', format, file, '4M']);
      await expect(importFile(world, file, { format: 'raw' })).rejects.toMatchObject({
        reason: 'NotAnImage',
      });
      await expect(importFile(world, file, { format: 'qcow2' })).rejects.toMatchObject({
        reason: 'NotAnImage',
      });
    },
  );
});
