import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, open, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogFile } from '../../../../src/apiserver/audit/log-file.ts';
import type { Disk, LogFileOptions } from '../../../../src/apiserver/audit/log-file.ts';

let directory: string;
let lost: [lines: number, why: string][];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'purlin-audit-'));
  lost = [];
});
afterEach(() => rm(directory, { recursive: true }));

const path = () => join(directory, 'private', 'audit.log');
const logFile = (change: Partial<LogFileOptions> = {}, disk?: Disk) =>
  new LogFile(
    {
      file: path(),
      maxBytes: 1000,
      maxFiles: 3,
      maxWaitingBytes: 10_000,
      onLost: (lines, why) => lost.push([lines, why]),
      ...change,
    },
    disk,
  );

test('lines are written in order, for nobody else to read, and added to what is there', async () => {
  for (const [first, last] of [
    [0, 10],
    [10, 20],
  ] as const) {
    const log = logFile();
    for (let i = first; i < last; i++) log.append(`line ${i}`);
    await log.close();
  }
  const lines = (await readFile(path(), 'utf8')).split('\n');
  expect(lines).toEqual([...Array.from({ length: 20 }, (_, i) => `line ${i}`), '']);
  expect((await stat(path())).mode & 0o777).toBe(0o600);
  expect((await stat(join(directory, 'private'))).mode & 0o777).toBe(0o700);
});

test('files are put aside by size, and only so many are kept', async () => {
  const log = logFile();
  for (let i = 0; i < 10; i++) {
    log.append(`${i}`.repeat(400));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await log.close();
  expect((await readdir(join(directory, 'private'))).sort()).toEqual([
    'audit.log',
    'audit.log.1',
    'audit.log.2',
  ]);
  for (const name of ['audit.log', 'audit.log.1', 'audit.log.2'])
    expect((await stat(join(directory, 'private', name))).size).toBeLessThanOrEqual(1000);
  expect(await readFile(path(), 'utf8')).toMatch(/9{400}\n$/);
  expect(lost).toEqual([]);
});

test('a full disk loses lines and says how many; what comes later is whole', async () => {
  let full = true;
  const disk: Disk = {
    open: async (file) => {
      const handle = await open(file, 'a', 0o600);
      return {
        close: () => handle.close(),
        write: (async (buffer: Buffer, offset: number) => {
          if (!full) return handle.write(buffer, offset);
          await handle.write(buffer.subarray(0, 3));
          throw new Error('ENOSPC: no space left on device');
        }) as never,
      };
    },
  };
  const log = logFile({}, disk);
  log.append('first');
  log.append('second');
  while (lost.length === 0) await new Promise(setImmediate);
  expect(lost).toEqual([[2, 'ENOSPC: no space left on device']]);
  full = false;
  log.append('third');
  await log.close();
  expect(await readFile(path(), 'utf8')).toBe('fir\nthird\n');
});

/** Tells how many files are open, and before one is closed. */
function followedDisk(beforeClose: () => void = () => undefined): Disk & { filesOpen(): number } {
  let count = 0;
  return {
    filesOpen: () => count,
    open: async (file) => {
      const handle = await open(file, 'a', 0o600);
      count += 1;
      return {
        close: async () => {
          beforeClose();
          await handle.close();
          count -= 1;
        },
        write: handle.write.bind(handle) as never,
      };
    },
  };
}

const written = () => readFile(path(), 'utf8').catch(() => '');

test('a line that comes after the end is written, and the file is closed again', async () => {
  const disk = followedDisk();
  const log = logFile({}, disk);
  log.append('first');
  await log.close();
  log.append('late');
  while ((await written()) !== 'first\nlate\n' || disk.filesOpen() > 0) await new Promise(setImmediate);
});

test('a line that comes while the file is being closed does not wait for another one', async () => {
  const comes = ['later', 'last'];
  const disk = followedDisk(() => {
    const line = comes.shift();
    if (line) log.append(line);
  });
  const log = logFile({}, disk);
  log.append('first');
  await log.close();
  const all = 'first\nlater\nlast\n';
  while ((await written()) !== all || disk.filesOpen() > 0) await new Promise(setImmediate);
});

test('lines that come faster than they are written are lost, not kept', async () => {
  const log = logFile({ maxWaitingBytes: 100 });
  for (let i = 0; i < 30; i++) log.append('x'.repeat(10));
  await log.close();
  expect(lost).toHaveLength(20);
  expect((await readFile(path(), 'utf8')).length).toBe(110);
});
