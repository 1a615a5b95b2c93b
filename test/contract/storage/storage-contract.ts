import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ImageSource,
  seedHash,
  type Storage,
  type StorageSnapshot,
} from '../../../src/host/ports/storage.ts';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';

/** One adapter under test, with the means to change the world around it. */
export interface StorageWorld {
  storage: Storage;
  /** Makes an image available; returns where an ImageSource finds it. */
  publishFile(name: string, bytes: Buffer, content?: Buffer): Promise<ImageSource['from']>;
  publishUrl(name: string, bytes: Buffer, content?: Buffer): Promise<ImageSource['from']>;
  missingUrl: string;
  /** Removes a Disk's data behind the adapter's back. */
  loseDisk(diskUid: string): Promise<void>;
  /** Removes a cached image behind the adapter's back. */
  loseImage(digest: string): Promise<void>;
  cleanup(): Promise<void>;
}

const uid = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-000000000000`;
const [diskA, diskB, imageA, imageB, machine] = ['a', 'b', 'c', 'd', 'e'].map(uid) as [
  string,
  string,
  string,
  string,
  string,
];
const MiB = 1024 * 1024;
const sha = (algorithm: 'sha256' | 'sha512', bytes: Buffer) =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
const never = new AbortController().signal;

/** What every Storage must do, real or simulated. */
export function storageContract(name: string, make: () => Promise<StorageWorld>): void {
  describe(`${name} keeps the storage contract`, () => {
    let world: StorageWorld;
    let storage: Storage;
    beforeEach(async () => {
      world = await make();
      storage = world.storage;
    });
    afterEach(() => world.cleanup());

    const importFile = async (imageUid: string, bytes: Buffer, extra: Partial<ImageSource> = {}) => {
      const from = await world.publishFile(`${imageUid}.img`, bytes);
      const source: ImageSource = { imageUid, from, format: 'qcow2', compression: 'None', ...extra };
      await storage.importImage(source, never);
      return source;
    };
    const objects = async (): Promise<Pick<StorageSnapshot, 'disks' | 'images' | 'seeds'>> => {
      const { disks, images, seeds } = await storage.list();
      return { disks, images, seeds };
    };

    test('begins with nothing but free space', async () => {
      const { freeBytes, totalBytes, ...rest } = await storage.list();
      expect(rest).toEqual({ disks: [], images: [], seeds: [] });
      expect(freeBytes).toBeGreaterThan(0);
      expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
    });

    test.each(['qcow2', 'raw'] as const)('makes a blank %s disk, once', async (format) => {
      await storage.createDisk({ diskUid: diskA, sizeBytes: 8 * MiB, format });
      await storage.createDisk({ diskUid: diskA, sizeBytes: 8 * MiB, format });
      expect((await storage.list()).disks).toEqual([
        { diskUid: diskA, sizeBytes: 8 * MiB, format, retained: false },
      ]);
    });

    test('shows a size between two sectors as it was asked for', async () => {
      await storage.createDisk({ diskUid: diskA, sizeBytes: 8_000_001, format: 'qcow2' });
      expect((await storage.list()).disks).toMatchObject([{ sizeBytes: 8_000_001 }]);
      await storage.growDisk(diskA, 9_000_001);
      expect((await storage.list()).disks).toMatchObject([{ sizeBytes: 9_000_001 }]);
    });

    test.each(['qcow2', 'raw'] as const)('grows a %s disk, never shrinks it', async (format) => {
      await storage.createDisk({ diskUid: diskA, sizeBytes: 8 * MiB, format });
      await storage.growDisk(diskA, 16 * MiB);
      await storage.growDisk(diskA, 16 * MiB);
      await storage.refreshDisk(diskA);
      expect((await storage.list()).disks).toMatchObject([{ sizeBytes: 16 * MiB }]);
      await expect(storage.growDisk(diskA, 8 * MiB)).rejects.toMatchObject({
        reason: 'ShrinkRefused',
        retryable: false,
      });
      await expect(storage.growDisk(diskB, 8 * MiB)).rejects.toMatchObject({ reason: 'DiskNotFound' });
      await expect(storage.refreshDisk(diskB)).rejects.toMatchObject({ reason: 'DiskNotFound' });
    });

    test.each([0, -1, 1.5, Number.NaN])('refuses the size %p', async (sizeBytes) => {
      await expect(storage.createDisk({ diskUid: diskA, sizeBytes, format: 'raw' })).rejects.toMatchObject({
        reason: 'InvalidSize',
        retryable: false,
      });
    });

    test('keeps a retained disk listed until it is deleted; deleting is repeatable', async () => {
      await storage.createDisk({ diskUid: diskA, sizeBytes: MiB, format: 'qcow2' });
      await storage.retainDisk(diskA);
      expect((await storage.list()).disks).toMatchObject([{ diskUid: diskA, retained: true }]);
      await storage.deleteDisk(diskA);
      await storage.deleteDisk(diskA);
      expect((await storage.list()).disks).toEqual([]);
    });

    test('does not replace lost data by a blank disk', async () => {
      await storage.createDisk({ diskUid: diskA, sizeBytes: MiB, format: 'qcow2' });
      await world.loseDisk(diskA);
      expect((await storage.list()).disks).toEqual([]);
      await expect(
        storage.createDisk({ diskUid: diskA, sizeBytes: MiB, format: 'qcow2' }),
      ).rejects.toMatchObject({
        reason: 'DataLost',
        retryable: false,
      });
      await storage.deleteDisk(diskA);
      await storage.createDisk({ diskUid: diskA, sizeBytes: MiB, format: 'qcow2' });
      expect((await storage.list()).disks).toHaveLength(1);
    });

    test.each(['../../etc/passwd', '', 'json:{}', uid('A'), `${uid('a')}\n`, '/etc'])(
      'lets nothing but a UID become a path: %j',
      async (hostile) => {
        const refused = { reason: 'InvalidUid', retryable: false };
        await expect(
          storage.createDisk({ diskUid: hostile, sizeBytes: MiB, format: 'raw' }),
        ).rejects.toMatchObject(refused);
        await expect(storage.deleteDisk(hostile)).rejects.toMatchObject(refused);
        await expect(storage.deleteImage(hostile)).rejects.toMatchObject(refused);
        await expect(storage.deleteSeed(hostile)).rejects.toMatchObject(refused);
        await expect(storage.deleteMachineDirectory(hostile)).rejects.toMatchObject(refused);
        for (const path of ['diskPath', 'seedPath', 'consoleLogPath', 'nvramPath'] as const)
          expect(() => storage[path](hostile)).toThrow(expect.objectContaining(refused));
      },
    );

    test('imports a file, and an overlay stands on it', async () => {
      const bytes = qcow2();
      await importFile(imageA, bytes, { checksum: sha('sha512', bytes) });
      const digest = sha('sha256', bytes);
      await storage.createDisk({ diskUid: diskA, sizeBytes: 2 * MiB, format: 'qcow2', imageDigest: digest });
      expect(await objects()).toEqual({
        disks: [
          { diskUid: diskA, sizeBytes: 2 * MiB, format: 'qcow2', imageDigest: digest, retained: false },
        ],
        images: [
          {
            imageUid: imageA,
            state: 'complete',
            digest,
            format: 'qcow2',
            virtualSizeBytes: MiB,
            fileSizeBytes: bytes.length,
            overlays: [diskA],
          },
        ],
        seeds: [],
      });
    });

    test('imports a URL with its checksum, and insists on one', async () => {
      const bytes = Buffer.alloc(3 * MiB, 7);
      const from = await world.publishUrl('disk.raw', bytes);
      const source: ImageSource = { imageUid: imageA, from, format: 'raw', compression: 'None' };
      await expect(storage.importImage(source, never)).rejects.toMatchObject({
        reason: 'ChecksumRequired',
        retryable: false,
      });
      await storage.importImage({ ...source, checksum: sha('sha256', bytes) }, never);
      expect((await storage.list()).images).toMatchObject([
        { state: 'complete', virtualSizeBytes: 3 * MiB, format: 'raw' },
      ]);
    });

    test('says why an import failed, and leaves nothing of it', async () => {
      const bytes = qcow2();
      await expect(importFile(imageA, bytes, { checksum: `sha256:${'0'.repeat(64)}` })).rejects.toMatchObject(
        {
          reason: 'ChecksumMismatch',
          retryable: false,
        },
      );
      await expect(importFile(imageA, bytes, { checksum: 'md5:00' })).rejects.toMatchObject({
        reason: 'InvalidChecksum',
      });
      await expect(
        importFile(imageA, qcow2({ backingFileOffset: 200n, backingFileSize: 8 })),
      ).rejects.toMatchObject({
        reason: 'BackingFileRefused',
        retryable: false,
      });
      await expect(importFile(imageA, bytes, { format: 'raw' })).rejects.toMatchObject({
        reason: 'NotAnImage',
      });
      await expect(importFile(imageA, Buffer.alloc(0), { format: 'raw' })).rejects.toMatchObject({
        reason: 'NotAnImage',
      });
      const missing: ImageSource = {
        imageUid: imageA,
        from: { url: world.missingUrl },
        checksum: sha('sha256', bytes),
        format: 'qcow2',
        compression: 'None',
      };
      await expect(storage.importImage(missing, never)).rejects.toMatchObject({
        reason: 'DownloadFailed',
        retryable: true,
      });
      expect((await storage.list()).images).toEqual([]);
      await importFile(imageA, bytes);
      expect((await storage.list()).images).toMatchObject([{ imageUid: imageA, state: 'complete' }]);
    });

    test('an import that was stopped before it began does nothing', async () => {
      const from = await world.publishFile('stopped.img', qcow2());
      const source: ImageSource = { imageUid: imageA, from, format: 'qcow2', compression: 'None' };
      await expect(storage.importImage(source, AbortSignal.abort())).rejects.toMatchObject({
        reason: 'Aborted',
        retryable: true,
      });
      expect((await storage.list()).images).toEqual([]);
    });

    test('an overlay needs a complete image, qcow2, and room for it', async () => {
      const bytes = qcow2();
      const digest = sha('sha256', bytes);
      const spec = { diskUid: diskA, sizeBytes: MiB, format: 'qcow2', imageDigest: digest } as const;
      await expect(storage.createDisk(spec)).rejects.toMatchObject({
        reason: 'ImageNotFound',
        retryable: true,
      });
      await importFile(imageA, bytes);
      await expect(storage.createDisk({ ...spec, sizeBytes: 4096 })).rejects.toMatchObject({
        reason: 'SmallerThanImage',
      });
      await expect(storage.createDisk({ ...spec, format: 'raw' })).rejects.toMatchObject({
        reason: 'FormatUnsupported',
      });
      await expect(storage.createDisk({ ...spec, imageDigest: '../x' })).rejects.toMatchObject({
        reason: 'InvalidDigest',
      });
      await storage.createDisk(spec);
      expect((await storage.list()).disks).toHaveLength(1);
    });

    test('equal content is one file, which goes with its last Image and last overlay', async () => {
      const bytes = qcow2();
      const digest = sha('sha256', bytes);
      await importFile(imageA, bytes);
      await importFile(imageB, bytes);
      expect((await storage.list()).images.map((image) => image.digest)).toEqual([digest, digest]);
      const overlay = (diskUid: string) =>
        storage.createDisk({ diskUid, sizeBytes: MiB, format: 'qcow2', imageDigest: digest });

      await storage.deleteImage(imageA);
      await overlay(diskA);
      await storage.deleteImage(imageB);
      expect((await storage.list()).images).toEqual([]);
      await overlay(diskB); // The content is still here for the sake of the first overlay.
      await storage.deleteDisk(diskA);
      await storage.deleteDisk(diskB);
      await expect(overlay(diskA)).rejects.toMatchObject({ reason: 'ImageNotFound' });
      await storage.deleteImage(imageB);
    });

    test('a cached image that vanished is no longer complete, and comes back by importing again', async () => {
      const bytes = qcow2();
      const source = await importFile(imageA, bytes);
      await world.loseImage(sha('sha256', bytes));
      expect((await storage.list()).images).toEqual([]);
      await storage.importImage(source, never);
      expect((await storage.list()).images).toMatchObject([{ imageUid: imageA, state: 'complete' }]);
    });

    test('another source under the same UID is imported anew', async () => {
      await importFile(imageA, qcow2());
      const second = qcow2({ sizeBytes: 2_097_152n });
      const from = await world.publishFile('second.img', second);
      await storage.importImage({ imageUid: imageA, from, format: 'qcow2', compression: 'None' }, never);
      expect((await storage.list()).images).toMatchObject([
        { digest: sha('sha256', second), virtualSizeBytes: 2_097_152 },
      ]);
    });

    test('keeps a seed by the hash of its content', async () => {
      const seed = {
        machineUid: machine,
        metaData: 'instance-id: x',
        networkConfig: 'version: 2',
        userData: '#cloud-config',
      };
      await storage.ensureSeed(seed);
      await storage.ensureSeed(seed);
      expect((await storage.list()).seeds).toEqual([{ machineUid: machine, hash: seedHash(seed) }]);
      const changed = { ...seed, userData: '#!/bin/sh' };
      await storage.ensureSeed(changed);
      expect((await storage.list()).seeds).toEqual([{ machineUid: machine, hash: seedHash(changed) }]);
      await storage.deleteSeed(machine);
      await storage.deleteSeed(machine);
      expect((await storage.list()).seeds).toEqual([]);
    });

    test('makes and removes the directory of a machine, repeatably', async () => {
      await storage.ensureMachineDirectory(machine);
      await storage.ensureMachineDirectory(machine);
      await storage.deleteMachineDirectory(machine);
      await storage.deleteMachineDirectory(machine);
      expect(storage.nvramPath(machine)).toContain(`/machines/${machine}/`);
    });

    test('tells of a change, until it is stopped', async () => {
      const { promise: told, resolve } = Promise.withResolvers<void>();
      const stop = storage.watch(resolve);
      await storage.createDisk({ diskUid: diskA, sizeBytes: MiB, format: 'qcow2' });
      await told;
      stop();
    });
  });
}
