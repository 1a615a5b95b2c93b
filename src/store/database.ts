import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makePrivate } from './files.ts';
import { addChecksums, inOurWords, saysLocked, saysMisfit } from './integrity.ts';
import type { Meta } from './log-row.ts';
import { finishRestore } from './swap.ts';
import { DamagedError, StoreInUseError } from './types.ts';
import { checkWhole } from './whole.ts';

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
  growthAfter: StatementSync;
  supersededUpTo: StatementSync;
  forget: StatementSync;
  setMeta: StatementSync;
}

/** The layout of the tables, kept in the file as `user_version`; 0 had no checksums, 1 no index of the log. */
const LAYOUT = 2;

const TABLES = `
  CREATE TABLE log (
    rev INTEGER PRIMARY KEY, key TEXT NOT NULL, type INTEGER NOT NULL, prev INTEGER NOT NULL, value TEXT,
    sum INTEGER
  ) STRICT;
  CREATE TABLE cur (key TEXT PRIMARY KEY, rev INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('revision', 0), ('compacted', 0);
`;

/** By which lists at an older revision find what changed since among few keys. */
const INDEX = 'CREATE INDEX log_by_key ON log (key, rev, prev)';

/** Pages of write-ahead log after which they are copied into the database: 64 MB. */
const CHECKPOINT_PAGES = 8000;

/**
 * Opens the database file and checks all of it. Each value is stored once, in the append-only `log`; `cur` maps a
 * living key to its newest row. Exclusive locking refuses a second process, which would break the in-memory watches.
 * @throws DamagedError, StoreInUseError
 */
export function openDatabase(file: string): DatabaseSync {
  return openAnd(file, (db) => {
    transaction(db, () => bringUpToDate(db));
    checkWhole(db, readMeta(db));
  });
}

/** Opens it as it is, with nothing checked: to look at what may be damaged. @throws DamagedError, StoreInUseError */
export const openUnchecked = (file: string): DatabaseSync => openAnd(file, () => undefined);

function openAnd(file: string, prepare: (db: DatabaseSync) => void): DatabaseSync {
  finishRestore(file);
  makePrivate(file);
  const db = new DatabaseSync(file);
  try {
    inOurWords(() => {
      db.exec(`
        PRAGMA page_size = 8192;
        PRAGMA cell_size_check = ON;
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA cache_size = -8192;
        PRAGMA journal_size_limit = ${CHECKPOINT_PAGES * 8192};
      `);
      resumeCheckpoints(db);
      prepare(db);
    });
  } catch (cause) {
    db.close();
    if (saysLocked(cause)) throw new StoreInUseError(file, { cause });
    if (saysMisfit(cause)) throw new DamagedError((cause as Error).message, { cause });
    throw cause;
  }
  return db;
}

/**
 * Brings all that was committed into the database file, and from now on lets commits go into the write-ahead log only:
 * the file itself stays as it is.
 */
export function stopCheckpoints(db: DatabaseSync): void {
  db.exec('PRAGMA wal_autocheckpoint = 0');
  const { busy, log, checkpointed } = db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as {
    busy: number;
    log: number;
    checkpointed: number;
  };
  if (busy !== 0 || log !== checkpointed) {
    resumeCheckpoints(db);
    throw new Error(`only ${checkpointed} of ${log} pages could be brought into the database file`);
  }
}

export const resumeCheckpoints = (db: DatabaseSync): void =>
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);

/** Makes the tables, or adds to those of an older version what they lack. */
function bringUpToDate(db: DatabaseSync): void {
  const layout = layoutOf(db);
  if (layout === LAYOUT) return;
  if (layout > LAYOUT)
    throw new Error(`the store was written by a newer version of Purlin (layout ${layout})`);
  if (!db.prepare('SELECT 1 FROM sqlite_schema').get()) {
    db.exec(TABLES);
  } else if (layout === 0) {
    db.exec('ALTER TABLE log ADD COLUMN sum INTEGER');
    addChecksums(db);
  }
  db.exec(INDEX);
  db.exec(`PRAGMA user_version = ${LAYOUT}`);
}

const layoutOf = (db: DatabaseSync): number =>
  (db.prepare('SELECT user_version AS layout FROM pragma_user_version').get() as { layout: number }).layout;

export const hasChecksums = (db: DatabaseSync): boolean => layoutOf(db) > 0;

export function readMeta(db: DatabaseSync): Meta {
  const value = db.prepare('SELECT value FROM meta WHERE name = ?');
  const read = (name: keyof Meta): number => {
    const row = value.get(name) as { value: number } | undefined;
    if (!row) throw new DamagedError(`the ${name} is lost`);
    return row.value;
  };
  return { revision: read('revision'), compacted: read('compacted') };
}

/** All of it, or nothing. */
export function transaction(db: DatabaseSync, body: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    body();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

export function prepareStatements(db: DatabaseSync): Statements {
  return {
    // Outer joins: a key that leads nowhere is damage, not an absent object.
    getCurrent: db.prepare('SELECT log.* FROM cur LEFT JOIN log ON log.rev = cur.rev WHERE cur.key = ?'),
    currentRevision: db.prepare('SELECT rev FROM cur WHERE key = ?'),
    setCurrent: db.prepare('INSERT OR REPLACE INTO cur VALUES (?, ?)'),
    dropCurrent: db.prepare('DELETE FROM cur WHERE key = ?'),
    append: db.prepare('INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)'),
    row: db.prepare('SELECT * FROM log WHERE rev = ?'),
    listCurrent: db.prepare(
      'SELECT cur.key AS listed, log.* FROM cur LEFT JOIN log ON log.rev = cur.rev WHERE cur.key > ? AND cur.key < ? ORDER BY cur.key LIMIT ?',
    ),
    countCurrent: db.prepare('SELECT count(*) AS n FROM cur WHERE key > ? AND key < ?'),
    changesAfter: db.prepare('SELECT * FROM log WHERE rev > ? AND key >= ? AND key < ? ORDER BY rev LIMIT ?'),
    // SQLite defines the bare columns of a min() query to come from the row that holds the minimum.
    firstChangesAfter: db.prepare(
      `SELECT min(rev) AS rev, key, prev FROM log INDEXED BY log_by_key
       WHERE key > ? AND key < ? AND rev > ? GROUP BY key ORDER BY key LIMIT ?`,
    ),
    growthAfter: db.prepare(
      `SELECT coalesce(sum(EXISTS (SELECT 1 FROM cur WHERE cur.key = first.key) - (prev > 0)), 0) AS n
       FROM (SELECT min(rev), key, prev FROM log NOT INDEXED WHERE rev > ? AND key > ? AND key < ? GROUP BY key) AS first`,
    ),
    supersededUpTo: db.prepare(
      'SELECT rev, type, prev FROM log WHERE rev > ? AND rev <= ? ORDER BY rev LIMIT ?',
    ),
    forget: db.prepare('DELETE FROM log WHERE rev = ?'),
    setMeta: db.prepare('UPDATE meta SET value = ? WHERE name = ?'),
  };
}

/** The smallest string greater than every key with this prefix. */
export function endOfPrefix(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
