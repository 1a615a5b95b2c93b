/**
 * SQLite keeps no checksums: a bit that rots inside a value is served as if it had been written. So every row of
 * the log carries one of its own, checked whenever the row is read; `whole.ts` reads all of them when a file is opened.
 */
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { LogRow } from './log-row.ts';
import { DamagedError, FullError } from './types.ts';

/** CRC-32 over everything that a row says. */
export const checksumOf = ({ rev, key, type, prev, value }: Omit<LogRow, 'sum'>): number =>
  crc32(value ?? '', crc32(`${rev} ${type} ${prev} ${key}\n`));

/** @throws DamagedError unless the row is there and is what was written, under the key that was asked for. */
export function intact(row: LogRow | undefined, key: string | undefined = row?.key): LogRow {
  if (!row || row.sum !== checksumOf(row) || (row.value !== null && typeof row.value !== 'string')) {
    throw new DamagedError(`what is stored of ${JSON.stringify(key)} is not what was written`);
  }
  if (row.key !== key) throw new DamagedError(`${JSON.stringify(key)} leads to ${JSON.stringify(row.key)}`);
  return row;
}

/** Classes of SQLite's result codes (their low byte) that have errors of ours. */
const codes = { error: 1, busy: 5, corrupt: 11, full: 13, notADatabase: 26 } as const;

/**
 * Does what needs the file, with SQLite's findings told in our words: it notices some damage to the structure of
 * a page, and a full disk.
 * @throws DamagedError, FullError
 */
export function inOurWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = codeOf(error);
    if (code === codes.corrupt || code === codes.notADatabase) {
      throw new DamagedError((error as Error).message, { cause: error });
    }
    if (code === codes.full) throw new FullError({ cause: error });
    throw error;
  }
}

/** What a read found, without the remedy, which goes with the whole. @throws what is not damage */
export function asDamage(error: unknown): string {
  try {
    return inOurWords(() => {
      throw error;
    });
  } catch (worded) {
    if (worded instanceof DamagedError) return worded.finding;
    if (saysMisfit(worded)) return (worded as Error).message;
    throw worded;
  }
}

/** Whether a statement does not fit the tables: they are not as we made them, since our statements never change. */
export const saysMisfit = (error: unknown): boolean => codeOf(error) === codes.error;

/** Whether another process has the database open. */
export const saysLocked = (error: unknown): boolean => codeOf(error) === codes.busy;

/** By the error's shape: it comes from another realm when a test runs this. */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/**
 * Gives each row of a store of before there were checksums its own. Damage to a value from before stays unseen: there
 * is nothing to compare it with.
 */
export function addChecksums(db: DatabaseSync): void {
  const set = db.prepare('UPDATE log SET sum = ? WHERE rev = ?');
  const page = db.prepare('SELECT * FROM log WHERE rev > ? ORDER BY rev LIMIT 100');
  for (let after = 0; ; ) {
    const rows = page.all(after) as unknown as LogRow[];
    for (const row of rows) set.run(checksumOf(row), row.rev);
    const last = rows.at(-1);
    if (!last) return;
    after = last.rev;
  }
}
