/** Seeds, as guests read them. */
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { type FileWorld, fileWorld, machineUid } from './file-world.ts';

let world: FileWorld;
beforeEach(async () => {
  world = await fileWorld();
});
afterEach(() => world.cleanup());

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
