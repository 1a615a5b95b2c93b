/** A kill leaves the page cache, a power failure does not: what was promised has been flushed before. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type SystemCall, systemCallsOf } from '../../support/system-calls.ts';
import { qcow2 } from '../../unit/storage/qcow2-bytes.ts';
import type { Operation } from '../storage/storage-process.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'purlin-flushed-'));
});
afterEach(() => rm(directory, { recursive: true }));

const flushes = ['fsync', 'fdatasync'];
const isFlush = ({ name }: SystemCall): boolean => flushes.includes(name);
/** The path of the file descriptor that comes first. */
const pathOf = ({ args }: SystemCall): string => /^\d+<([^>]*)>/.exec(args)?.[1] ?? '';

test.each(['store', 'fence'])(
  'what the %s acknowledges is on the disk',
  async (keeper) => {
    const script = join(import.meta.dirname, 'acknowledging-process.ts');
    const calls = await systemCallsOf(['write', 'pwrite64', ...flushes], script, [keeper, directory]);
    const says = (text: string) => (call: SystemCall) =>
      call.name === 'write' && call.args.includes(`"${text}`);
    const told = calls.slice(calls.findIndex(says('begins')) + 1);

    const acknowledged = told.flatMap((call, index) => (says('acknowledged')(call) ? [index] : []));
    expect(acknowledged).toHaveLength(3);
    for (const [number, end] of acknowledged.entries()) {
      const between = told.slice((acknowledged[number - 1] ?? -1) + 1, end);
      const lastWrite = between.findLastIndex(({ name }) => name === 'pwrite64');
      const lastFlush = between.findLastIndex((call) => isFlush(call) && pathOf(call).startsWith(directory));
      expect(lastWrite).toBeGreaterThanOrEqual(0);
      expect(lastFlush).toBeGreaterThan(lastWrite);
    }
  },
  30_000,
);

const uid = 'aaaaaaaa-0000-4000-8000-000000000000';

/** With what it is to bring under its final name, and the files in that. */
const operations: {
  what: string;
  operation: (imports: string) => Operation;
  name: string;
  files: string[];
}[] = [
  {
    what: 'a Disk',
    operation: () => ({ createDisk: { diskUid: uid, sizeBytes: 2 ** 20, format: 'qcow2' } }),
    name: `disks/${uid}`,
    files: ['disk.img', 'complete.json'],
  },
  {
    what: 'an Image',
    operation: (imports) => ({
      importImage: {
        imageUid: uid,
        from: { file: join(imports, 'base.qcow2') },
        format: 'qcow2',
        compression: 'None',
      },
    }),
    name: 'images/blobs/',
    files: ['image.img', 'complete.json'],
  },
];

test.each(operations)(
  '$what appears under its name when all of it is on the disk, and that it does is, too',
  async ({ operation, name, files }) => {
    await writeFile(join(directory, 'base.qcow2'), qcow2());
    const dataDir = join(directory, 'data');
    const script = join(import.meta.dirname, '../storage/storage-process.ts');
    const args = [dataDir, directory, JSON.stringify(operation(directory))];
    const calls = await systemCallsOf(['rename', 'renameat', 'renameat2', ...flushes], script, args);

    const isOfIt = (call: SystemCall): boolean =>
      call.name.startsWith('rename') && call.args.includes(`, "${join(dataDir, name)}`);
    const at = calls.findIndex(isOfIt);
    const [, from = '', to = ''] = /"([^"]*)", (?:AT_FDCWD\S*, )?"([^"]*)"/.exec(calls[at]?.args ?? '') ?? [];
    const flushedBefore = calls.slice(0, at).filter(isFlush).map(pathOf);
    expect(flushedBefore).toEqual(expect.arrayContaining([from, ...files.map((file) => join(from, file))]));
    expect(calls.slice(at).filter(isFlush).map(pathOf)).toContain(dirname(to));
  },
  30_000,
);
