/** All of a store at once: whether it is what was written, from the pages of the file to what its tables say. */
import type { DatabaseSync } from 'node:sqlite';
import { asDamage, intact } from './integrity.ts';
import { DELETE } from './log-row.ts';
import type { LogRow, Meta } from './log-row.ts';
import { DamagedError } from './types.ts';

/** One thing that is wrong with a store. */
export interface Finding {
  readonly what: string;
  /** Where it is known. */
  readonly key?: string;
  readonly revision?: number;
}

/** Says what is wrong with a value that is sound as such; undefined when nothing is. */
export type Inspect = (key: string, value: string) => string | undefined;

/** Of the structure of pages; one broken page makes many. */
const MOST_PAGE_FINDINGS = 20;

/** @throws DamagedError with the first finding */
export function checkWhole(db: DatabaseSync, meta: Meta): void {
  for (const { what } of findingsIn(db, meta, () => undefined)) throw new DamagedError(what);
}

/**
 * Reads everything once. Besides SQLite's check of its pages and its index, and the checksums, the tables must agree: `log` has
 * each revision since the compacted one, each row supersedes the one before it of the same key, and `cur` is exactly
 * what the log ends in. So a row that is lost, doubled, or of another time than its neighbours is found too.
 */
export function* findingsIn(db: DatabaseSync, meta: Meta, inspect: Inspect): Generator<Finding> {
  yield* pageFindings(db);
  const living = new Map<string, number>();
  try {
    yield* logFindings(db, meta, inspect, living);
    yield* indexFindings(db, living);
  } catch (error) {
    // What cannot be read any further: the pages were found wanting already, or are now.
    yield { what: asDamage(error) };
  }
}

function* pageFindings(db: DatabaseSync): Generator<Finding> {
  try {
    const found = db.prepare(`PRAGMA integrity_check(${MOST_PAGE_FINDINGS})`).all() as Record<
      string,
      string
    >[];
    for (const row of found) {
      const what = Object.values(row)[0] ?? 'no answer';
      if (what !== 'ok') yield { what };
    }
  } catch (error) {
    yield { what: asDamage(error) };
  }
}

/** Fills `living` with the revision that each living key ends in, by the log alone. */
function* logFindings(
  db: DatabaseSync,
  { revision, compacted }: Meta,
  inspect: Inspect,
  living: Map<string, number>,
): Generator<Finding> {
  let last = compacted;
  for (const row of db.prepare('SELECT * FROM log ORDER BY rev').iterate() as Iterable<LogRow>) {
    const { rev, key, type, prev, value } = row;
    const what = rowDamage(row) ?? (value === null ? undefined : inspect(key, value));
    if (what !== undefined) yield { what, key, revision: rev };
    if (rev > compacted && rev !== last + 1) {
      const lost = rev === last + 2 ? `revision ${last + 1}` : `revisions ${last + 1} to ${rev - 1}`;
      yield { what: `the log lacks ${lost}` };
    }
    const superseded = rev > compacted ? prev : 0;
    if ((living.get(key) ?? 0) !== superseded) {
      const named = JSON.stringify(key);
      yield { what: `revision ${rev} does not follow the one before it of ${named}`, key, revision: rev };
    }
    if (type === DELETE) living.delete(key);
    else living.set(key, rev);
    if (rev > compacted) last = rev;
  }
  if (last !== revision) yield { what: `the log ends at revision ${last} instead of ${revision}` };
}

function rowDamage(row: LogRow): string | undefined {
  try {
    intact(row);
    return undefined;
  } catch (error) {
    return asDamage(error);
  }
}

function* indexFindings(db: DatabaseSync, living: Map<string, number>): Generator<Finding> {
  let listed = 0;
  for (const { key, rev } of db.prepare('SELECT key, rev FROM cur').iterate() as Iterable<LogRow>) {
    if (living.get(key) !== rev)
      yield { what: `${JSON.stringify(key)} leads to a wrong revision`, key, revision: rev };
    listed += 1;
  }
  if (listed < living.size) yield { what: `${living.size - listed} keys are lost` };
}
