/**
 * In a mount namespace made for it: a store on a file system with little room, which is filled until writes fail and
 * then given room again. Arguments: the mount point, a directory outside for a copy of the files as a crash would
 * leave them while the disk is full. Prints a {@link FullDiskReport} as JSON.
 */
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { openStore } from '../../../src/store/index.ts';

export interface FullDiskReport {
  /** Distinct texts of the errors that writes failed with. */
  errors: string[];
  failures: number;
  /** Key and revision of each write that was acknowledged before the disk was full, or while it was. */
  acknowledged: [string, number][];
  /** What of these a store shows: the same one while full, one opened while full, one opened after the recovery. */
  kept: { same: number; reopened: number; recovered: number };
  /** The first write after room was made. */
  afterwards: [string, number];
}

const FAILURES = 20;

const [directory = '', outside = ''] = process.argv.slice(2);
await execa('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', directory]);
const ballast = join(directory, 'ballast');
writeFileSync(ballast, Buffer.alloc(2 ** 20));
const file = join(directory, 'store.db');
let store = openStore({ file });

const acknowledged: [string, number][] = [];
const errors: string[] = [];
const countKept = (): number =>
  acknowledged.filter(([key, revision]) => store.get(key)?.revision === revision).length;

for (let turn = 0; errors.length < FAILURES; turn += 1) {
  if (turn === 1_000) throw new Error('writes of more than the disk holds did not fail');
  const writes = ['a', 'b', 'c'].map((lane, index) => {
    const key = `/${lane}/${turn}`;
    return store.create(key, `${key} ${'x'.repeat(20_000 >> (index * 4))}`);
  });
  for (const result of await Promise.allSettled(writes)) {
    if (result.status === 'fulfilled') acknowledged.push([result.value.key, result.value.revision]);
    else errors.push(String(result.reason));
  }
}
const same = countKept();
for (const name of readdirSync(directory).filter((each) => each.startsWith('store.db')))
  copyFileSync(join(directory, name), join(outside, name));
store.close();
store = openStore({ file });
const reopened = countKept();
rmSync(ballast);
const { key, revision } = await store.create('/afterwards', 'x'.repeat(20_000));
acknowledged.push([key, revision]);
store.close();
store = openStore({ file });
const report: FullDiskReport = {
  errors: [...new Set(errors)],
  failures: errors.length,
  acknowledged,
  kept: { same, reopened, recovered: countKept() },
  afterwards: [key, revision],
};
store.close();
process.stdout.write(JSON.stringify(report));
