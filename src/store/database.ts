import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** One row of the log; `prev` is the revision this write superseded, 0 when the key was absent. */
export interface LogRow {
  rev: number;
  key: string;
  type: number;
  prev: number;
  value: string | null;
}

export const CREATE = 0;
export const UPDATE = 1;
export const DELETE = 2;

/** The prepared statements of the store, by what they are for. */
export interface Statements {
  getCurrent: StatementSync;
  currentRevision: StatementSync;
  setCurrent: StatementSync;
  dropCurrent: StatementSync;
  append: StatementSync;
  row: StatementSync;
  listCurrent: StatementSync;
  countCurrent: StatementSync;
  changesAfter: StatementSync;
  firstChangesAfter: StatementSync;
  supersededUpTo: StatementSync;
  forget: StatementSync;
}

/**
 * Opens the database file. Each value is stored once, in the append-only `log`; `cur` maps a living key to
 * its newest row. Exclusive locking refuses a second process, which would break the in-memory watches.
 */
export function openDatabase(file: string): DatabaseSync {
  makePrivate(file);
  const db = new DatabaseSync(file);
  try {
    db.exec(`
      PRAGMA page_size = 8192;
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 8000;
      PRAGMA cache_size = -8192;
      CREATE TABLE IF NOT EXISTS log (
        rev INTEGER PRIMARY KEY, key TEXT NOT NULL, type INTEGER NOT NULL, prev INTEGER NOT NULL, value TEXT
      ) STRICT;
      CREATE TABLE IF NOT EXISTS cur (key TEXT PRIMARY KEY, rev INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      INSERT OR IGNORE INTO meta VALUES ('revision', 0), ('compacted', 0);
    `);
  } catch (cause) {
    db.close();
    if (/locked/.test((cause as Error).message)) {
      throw new Error(`the store ${file} is in use by another process; stop that one first`, { cause });
    }
    throw cause;
  }
  return db;
}

/** Makes sure the file exists and only its owner reads it (Secrets are in it); SQLite's own files follow suit. */
export function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

export function prepareStatements(db: DatabaseSync): Statements {
  return {
    getCurrent: db.prepare('SELECT log.* FROM cur JOIN log ON log.rev = cur.rev WHERE cur.key = ?'),
    currentRevision: db.prepare('SELECT rev FROM cur WHERE key = ?'),
    setCurrent: db.prepare('INSERT OR REPLACE INTO cur VALUES (?, ?)'),
    dropCurrent: db.prepare('DELETE FROM cur WHERE key = ?'),
    append: db.prepare('INSERT INTO log VALUES (?, ?, ?, ?, ?)'),
    row: db.prepare('SELECT * FROM log WHERE rev = ?'),
    listCurrent: db.prepare(
      'SELECT log.* FROM cur JOIN log ON log.rev = cur.rev WHERE cur.key > ? AND cur.key < ? ORDER BY cur.key LIMIT ?',
    ),
    countCurrent: db.prepare('SELECT count(*) AS n FROM cur WHERE key > ? AND key < ?'),
    changesAfter: db.prepare('SELECT * FROM log WHERE rev > ? AND key >= ? AND key < ? ORDER BY rev LIMIT ?'),
    // SQLite defines the bare columns of a min() query to come from the row that holds the minimum.
    firstChangesAfter: db.prepare(
      'SELECT min(rev) AS rev, key, prev FROM log WHERE rev > ? AND key > ? AND key < ? GROUP BY key',
    ),
    supersededUpTo: db.prepare(
      'SELECT rev, type, prev FROM log WHERE rev > ? AND rev <= ? ORDER BY rev LIMIT ?',
    ),
    forget: db.prepare('DELETE FROM log WHERE rev = ?'),
  };
}

/** The smallest string greater than every key with this prefix. */
export function endOfPrefix(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
