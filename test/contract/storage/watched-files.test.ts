/** What is told of files that others change. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FileWorld, MiB, diskUid, fileWorld, machineUid } from './file-world.ts';

let world: FileWorld;
beforeEach(async () => {
  world = await fileWorld();
});
afterEach(() => world.cleanup());

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
