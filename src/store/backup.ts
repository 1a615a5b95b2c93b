/** Copies of a store that stand for themselves: one file, checked, of one revision. */
import { existsSync, linkSync, renameSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { readMeta } from './database.ts';
import { makePrivate, removeDatabase, sync, syncDirectoryOf } from './files.ts';
import { inOurWords, saysLocked } from './integrity.ts';
import { keysInUse } from './sealed-rows.ts';
import { StoreInUseError } from './types.ts';
import { checkWhole } from './whole.ts';

/** What a copy or a store holds. */
export interface Contents {
  readonly revision: number;
  /** Changes after this revision are known. */
  readonly compacted: number;
  /** Living keys. */
  readonly objects: number;
  /** Rows of the log: the living ones, and what was superseded. */
  readonly rows: number;
  readonly bytes: number;
  /** Ids of the encryption keys that are needed to read it. */
  readonly keys: readonly string[];
}

/** There is no file of that name. */
export class NoFileError extends Error {
  override readonly name = 'NoFileError';
}

/** The file is there already, and is not to be replaced. */
export class FileExistsError extends Error {
  override readonly name = 'FileExistsError';
}

/**
 * Reads a database whose file does not change and to which nothing beside it belongs: a copy, or a store that is
 * frozen. It takes no locks, so the process that has the store open is not disturbed. That must be another process:
 * the system drops all locks of a process on a file as soon as it closes any handle of it.
 */
export function openUnchanging(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, { readOnly: true });
}

/**
 * A copy made by whatever means; one that has a write-ahead log is of a crash, or a store that is open.
 * @throws NoFileError, StoreInUseError, DamagedError
 */
export function openCopy(file: string): DatabaseSync {
  if (!existsSync(file)) throw new NoFileError(`there is no file ${file}`);
  if (!existsSync(`${file}-wal`)) return openUnchanging(file);
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    inOurWords(() => db.prepare('PRAGMA schema_version').get());
    return db;
  } catch (error) {
    db.close();
    if (saysLocked(error)) throw new StoreInUseError(file, { cause: error });
    throw error;
  }
}

/** Writes the content into a new private file; what compaction has freed but not overwritten stays behind. */
export function writeCopy(source: DatabaseSync, file: string): void {
  makePrivate(file);
  inOurWords(() => source.prepare('VACUUM INTO ?').run(file));
}

/**
 * Writes all of a store into a file of its own, which only its owner may read. The file is there complete, checked
 * and on disk, or not at all; what a crash leaves is named `FILE.partial` and replaced by the next attempt.
 * @throws FileExistsError, DamagedError, FullError
 */
export function copyStore(source: DatabaseSync, file: string, onExisting: 'refuse' | 'replace'): Contents {
  if (onExisting === 'refuse') refuseExisting(file);
  const partial = `${file}.partial`;
  removeDatabase(partial);
  try {
    writeCopy(source, partial);
    const contents = checkedContents(partial);
    sync(partial);
    if (onExisting === 'replace') renameSync(partial, file);
    else linkNew(partial, file);
    syncDirectoryOf(file);
    return contents;
  } finally {
    removeDatabase(partial);
  }
}

function refuseExisting(file: string): void {
  if (existsSync(file)) throw new FileExistsError(`${file} exists already`);
}

/** Unlike a rename, this never replaces what somebody else has made meanwhile. */
function linkNew(from: string, to: string): void {
  refuseExisting(to);
  linkSync(from, to);
}

/** @throws DamagedError */
function checkedContents(file: string): Contents {
  const copy = openUnchanging(file);
  try {
    checkWhole(copy, readMeta(copy));
    return contentsOf(copy, file);
  } finally {
    copy.close();
  }
}

export function contentsOf(db: DatabaseSync, file: string): Contents {
  const count = (table: 'cur' | 'log'): number =>
    (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
  return {
    ...readMeta(db),
    objects: count('cur'),
    rows: count('log'),
    bytes: statSync(file).size,
    keys: keysInUse(db),
  };
}
