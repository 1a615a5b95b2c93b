import { describe, expect, test } from '@jest/globals';
import { StorageError } from '../../../src/host/ports/storage.ts';
import { SimulatedStorage } from '../../../src/host/storage/index.ts';

const diskUid = 'aaaaaaaa-0000-4000-8000-000000000000';
const disk = { diskUid, sizeBytes: 1024, format: 'raw' } as const;
const full = new StorageError('NoSpace', 'full', { retryable: true });

describe('faults of the simulated storage', () => {
  test('a failure before the effect happens once, and nothing is done', async () => {
    const storage = new SimulatedStorage();
    storage.failNext('createDisk', full);
    await expect(storage.createDisk(disk)).rejects.toBe(full);
    expect((await storage.list()).disks).toEqual([]);
    await storage.createDisk(disk);
    expect((await storage.list()).disks).toHaveLength(1);
  });

  test('a failure after the effect is a lost reply', async () => {
    const storage = new SimulatedStorage();
    storage.failNext('createDisk', full, 'after');
    await expect(storage.createDisk(disk)).rejects.toBe(full);
    expect((await storage.list()).disks).toHaveLength(1);
    storage.failNext('list', full);
    await expect(storage.list()).rejects.toBe(full);
  });

  test('what a listing returned does not change behind its reader', async () => {
    const storage = new SimulatedStorage();
    await storage.createDisk(disk);
    const before = await storage.list();
    storage.resizeBehind(diskUid, 4096);
    expect(before.disks).toMatchObject([{ sizeBytes: 1024 }]);
    expect((await storage.list()).disks).toMatchObject([{ sizeBytes: 4096 }]);
  });

  test('a lost disk tells its watchers', async () => {
    const storage = new SimulatedStorage();
    await storage.createDisk(disk);
    let told = 0;
    const stop = storage.watch(() => {
      told += 1;
    });
    storage.loseDisk(diskUid);
    stop();
    storage.loseDisk(diskUid);
    expect(told).toBe(1);
  });
});
