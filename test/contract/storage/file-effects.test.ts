import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { ImageSource } from '../../../src/host/ports/storage.ts';
import { createFileStorage } from '../../../src/host/storage/index.ts';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';
import { type FileWorld, fileOptions, fileWorld } from './file-world.ts';

const diskUid = 'aaaaaaaa-0000-4000-8000-000000000000';
const imageUid = 'cccccccc-0000-4000-8000-000000000000';
const machineUid = 'eeeeeeee-0000-4000-8000-000000000000';
const MiB = 1024 * 1024;
const never = new AbortController().signal;

const qemuImgInfo = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse((await execa('/usr/bin/qemu-img', ['info', '--output=json', path])).stdout);
const digestOf = async (path: string) => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
};

let world: FileWorld;
beforeEach(async () => {
  world = await fileWorld();
});
afterEach(() => world.cleanup());

const importing = (file: string, extra: Partial<ImageSource> = {}) =>
  world.storage.importImage(
    { imageUid, from: { file }, format: 'qcow2', compression: 'None', ...extra },
    never,
  );
const inImports = async (name: string, bytes: Buffer | string) => {
  await writeFile(join(world.imports, name), bytes);
  return join(world.imports, name);
};

describe('disk files, by the word of qemu-img', () => {
  test('an overlay stands on the image by its absolute path and format, and reads through to it', async () => {
    const content = Buffer.alloc(2 * MiB, 0xa5);
    await importing(await inImports('base.raw', content), { format: 'raw' });
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
    await importing(await inImports('a.qcow2', qcow2()));
    const digest = (await world.storage.list()).images[0]?.digest ?? '';
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2', imageDigest: digest });
    await writeFile(join(dirname(world.storage.diskPath(diskUid)), 'complete.json'), 'torn');
    await world.storage.deleteImage(imageUid);
    expect((await stat(world.storage.imagePath(digest))).isFile()).toBe(true);
  });
});

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
    await importing(await inImports('a.qcow2', qcow2()));
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
    const file = await inImports('packed', packed);
    const checksum = `sha256:${createHash('sha256').update(packed).digest('hex')}`;
    await importing(file, { compression, checksum });
    const digest = `sha256:${createHash('sha256').update(qcow2()).digest('hex')}`;
    expect((await world.storage.list()).images).toMatchObject([{ digest, fileSizeBytes: qcow2().length }]);
    expect(await digestOf(world.storage.imagePath(digest))).toBe(digest);
  });

  test.each(['Gzip', 'Zstd', 'Xz'] as const)(
    'what is not %s, or only half of it, is refused',
    async (compression) => {
      const refused = { reason: 'DecompressionFailed', retryable: false };
      await expect(importing(await inImports('plain', qcow2()), { compression })).rejects.toMatchObject(
        refused,
      );
      const packed = {
        Gzip: gzipSync(qcow2()),
        Zstd: zstdCompressSync(qcow2()),
        Xz: Buffer.from((await execa('/usr/bin/xz', ['-c'], { input: qcow2(), encoding: 'buffer' })).stdout),
      }[compression];
      const half = await inImports('half', packed.subarray(0, packed.length / 2));
      await expect(importing(half, { compression })).rejects.toMatchObject(refused);
      expect(await readdir(join(world.dataDir, 'tmp'))).toEqual([]);
    },
  );

  test('a bomb stops at the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 26 + 1));
    await expect(
      importing(await inImports('bomb', bomb), { compression: 'Gzip', format: 'raw' }),
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
    await importing(await inImports('sparse.raw', bytes), { format: 'raw' });
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
      await expect(importing(file)).rejects.toMatchObject(denied);
    await expect(importing(join(world.imports, 'missing'))).rejects.toMatchObject({
      reason: 'FileNotFound',
      retryable: true,
    });
  });

  test.each(['json:{"driver":"nbd"}', 'nbd:localhost:10809', '-o', 'a:b', ' x\n'])(
    'a file named %j is only a file',
    async (name) => {
      await importing(await inImports(name, qcow2()));
      expect((await world.storage.list()).images).toMatchObject([{ state: 'complete' }]);
    },
  );

  test('a damaged cached image is made whole under its overlays, and a link in its place is refused', async () => {
    const file = await inImports('base.qcow2', qcow2());
    await importing(file);
    const digest = (await world.storage.list()).images[0]?.digest ?? '';
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2', imageDigest: digest });
    const path = world.storage.imagePath(digest);
    await writeFile(path, 'cut off');
    expect((await world.storage.list()).images).toEqual([]);
    await importing(file);
    expect(await digestOf(path)).toBe(digest);
    expect((await world.storage.list()).images).toMatchObject([{ digest, overlays: [diskUid] }]);

    const elsewhere = join(world.dataDir, '..', 'elsewhere');
    await mkdir(elsewhere);
    await rm(dirname(path), { recursive: true });
    await symlink(elsewhere, dirname(path));
    await expect(importing(file)).rejects.toMatchObject({ reason: 'ImageIncomplete' });
    expect(await readdir(elsewhere)).toEqual([]);
  });

  test('symlinks within the allowed directory, and hard links, are fine', async () => {
    const file = await inImports('real.qcow2', qcow2());
    await symlink(file, join(world.imports, 'alias.qcow2'));
    await link(file, join(world.imports, 'hard.qcow2'));
    await importing(join(world.imports, 'alias.qcow2'));
    await importing(join(world.imports, 'hard.qcow2'));
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
    await importing(file);
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
    await expect(importing(file)).rejects.toMatchObject({ reason, retryable: false });
  });

  test.each(['vmdk', 'vdi', 'vhdx', 'vpc', 'qed', 'parallels'])(
    'a %s file is neither raw nor qcow2',
    async (format) => {
      const file = join(world.imports, `other.${format}`);
      await execa('/usr/bin/qemu-img', ['create', '-q', '-f', format, file, '4M']);
      await expect(importing(file, { format: 'raw' })).rejects.toMatchObject({ reason: 'NotAnImage' });
      await expect(importing(file, { format: 'qcow2' })).rejects.toMatchObject({ reason: 'NotAnImage' });
    },
  );
});

describe('seeds', () => {
  const seed = {
    machineUid,
    metaData: 'instance-id: i-1\n',
    networkConfig: 'version: 2\n',
    userData: '#cloud-config\n{}\n',
  };
  /** What a reader of the volume finds, with Rock Ridge, and by Joliet alone. */
  const filesBy = async (reading: 'any' | 'nojoliet' | 'norock') => {
    const target = join(world.imports, reading);
    const args = [
      '-no_rc',
      '-read_fs',
      reading,
      '-osirrox',
      'on',
      '-indev',
      world.storage.seedPath(machineUid),
    ];
    await execa('/usr/bin/xorriso', [...args, '-extract', '/', target]);
    const names = await readdir(target);
    const texts = await Promise.all(
      names.sort().map(async (name) => [name, await readFile(join(target, name), 'utf8')]),
    );
    return Object.fromEntries(texts);
  };

  test.each(['any', 'nojoliet', 'norock'] as const)(
    'are NoCloud volumes with the three files, read as %s',
    async (reading) => {
      const userData = `#cloud-config\n# ${'ü'.repeat(20_000)}\n`;
      await world.storage.ensureSeed({ ...seed, userData });
      expect(await filesBy(reading)).toEqual({
        'meta-data': seed.metaData,
        'network-config': seed.networkConfig,
        'user-data': userData,
      });
      const { stdout } = await execa('/usr/sbin/blkid', [
        '-p',
        '-o',
        'export',
        world.storage.seedPath(machineUid),
      ]);
      expect(stdout.split('\n')).toEqual(expect.arrayContaining(['LABEL=cidata', 'TYPE=iso9660']));
    },
  );

  test('are the same bytes for the same content', async () => {
    await world.storage.ensureSeed(seed);
    const first = await readFile(world.storage.seedPath(machineUid));
    await world.storage.deleteSeed(machineUid);
    await world.storage.ensureSeed(seed);
    expect((await readFile(world.storage.seedPath(machineUid))).equals(first)).toBe(true);
    // The volume's creation time, at offset 813 of the primary descriptor, is the epoch and not the clock.
    expect(first.toString('latin1', 32_768 + 813, 32_768 + 829)).toBe('1970010100000000');
  });

  test('come back when their file is gone', async () => {
    await world.storage.ensureSeed(seed);
    await rm(world.storage.seedPath(machineUid));
    expect((await world.storage.list()).seeds).toEqual([]);
    await world.storage.ensureSeed(seed);
    expect((await world.storage.list()).seeds).toHaveLength(1);
  });
});

describe('watching', () => {
  const nextChange = () => new Promise<void>((resolve) => stops.push(world.storage.watch(resolve)));
  const stops: (() => void)[] = [];
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  test('tells of files that go without us', async () => {
    await world.storage.createDisk({ diskUid, sizeBytes: MiB, format: 'raw' });
    const change = nextChange();
    await rm(dirname(world.storage.diskPath(diskUid)), { recursive: true });
    await change;
    expect((await world.storage.list()).disks).toEqual([]);
  });

  test('stays silent while other files of the data directory are written', async () => {
    let told = 0;
    stops.push(
      world.storage.watch(() => {
        told += 1;
      }),
    );
    for (let index = 0; index < 5; index += 1)
      await writeFile(join(world.dataDir, 'other.db'), String(index));
    await world.storage.ensureMachineDirectory(machineUid); // The one change of ours, told after the others.
    await writeFile(world.storage.consoleLogPath(machineUid), 'boot');
    const { promise: later, resolve } = Promise.withResolvers<void>();
    stops.push(world.storage.watch(resolve));
    await world.storage.ensureSeed({ machineUid, metaData: 'a', networkConfig: 'b', userData: 'c' });
    await later;
    expect(told).toBe(1);
  });

  test('survives the directory itself being made anew', async () => {
    const changes: (() => void)[] = [];
    stops.push(world.storage.watch(() => changes.shift()?.()));
    const next = () => new Promise<void>((resolve) => changes.push(resolve));
    let change = next();
    await rm(join(world.dataDir, 'disks'), { recursive: true });
    await mkdir(join(world.dataDir, 'disks'));
    await change;
    change = next();
    await mkdir(join(world.dataDir, 'disks', 'something'));
    await change;
  });
});
