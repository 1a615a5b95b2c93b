/**
 * SQLite keeps no checksums: a bit that rots inside a value is served as if it had been written. So every row of
 * the log carries one of its own, checked whenever the row is read, and the whole file is checked when it is opened.
 */
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { DELETE } from './log-row.ts';
import type { LogRow, Meta } from './log-row.ts';
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
const codes = { error: 1, corrupt: 11, full: 13, notADatabase: 26 } as const;

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

/** Whether a statement does not fit the tables: they are not as we made them, since our statements never change. */
export const saysMisfit = (error: unknown): boolean => codeOf(error) === codes.error;

/** By the error's shape: it comes from another realm when a test runs this. */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/**
 * Reads everything once. Besides SQLite's check of its pages, and the checksums, the tables must agree: `log` has
 * each revision since the compacted one, each row supersedes the one before it of the same key, and `cur` is exactly
 * what the log ends in. So a row that is lost, doubled, or of another time than its neighbours is found too.
 * @throws DamagedError
 */
export function checkWhole(db: DatabaseSync, meta: Meta): void {
  inOurWords(() => {
    const [finding] = db.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
    if (finding?.quick_check !== 'ok') throw new DamagedError(finding?.quick_check ?? 'no answer');
    const living = livingRevisions(db, meta);
    let listed = 0;
    for (const { key, rev } of db.prepare('SELECT key, rev FROM cur').iterate() as Iterable<LogRow>) {
      if (living.get(key) !== rev) throw new DamagedError(`${JSON.stringify(key)} leads to a wrong revision`);
      listed += 1;
    }
    if (listed !== living.size) throw new DamagedError(`${living.size - listed} keys are lost`);
  });
}

/** The revision that each living key ends in, by the log alone. */
function livingRevisions(db: DatabaseSync, { revision, compacted }: Meta): Map<string, number> {
  const living = new Map<string, number>();
  let last = compacted;
  for (const row of db.prepare('SELECT * FROM log ORDER BY rev').iterate() as Iterable<LogRow>) {
    const { rev, key, type, prev } = intact(row);
    if (rev > compacted && rev !== last + 1) throw new DamagedError(`the log lacks revision ${last + 1}`);
    const superseded = rev > compacted ? prev : 0;
    if ((living.get(key) ?? 0) !== superseded) {
      throw new DamagedError(`revision ${rev} does not follow the one before it of ${JSON.stringify(key)}`);
    }
    if (type === DELETE) living.delete(key);
    else living.set(key, rev);
    if (rev > compacted) last = rev;
  }
  if (last !== revision) throw new DamagedError(`the log ends at revision ${last} instead of ${revision}`);
  return living;
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
