/** The files of a store, and what makes a change to them last through a power cut. */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

/** What SQLite keeps beside a database: its write-ahead log with the index of that, and its rollback journal. */
const COMPANIONS = ['', '-wal', '-shm', '-journal'];

/** Makes sure the file exists and only its owner reads it (Secrets are in it); SQLite's own files follow suit. */
export function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

/** Puts on disk what was written to a file, or which names a directory has. */
export function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export const syncDirectoryOf = (file: string): void => sync(dirname(file));

/** A database with all that SQLite keeps beside it. */
export function removeDatabase(file: string): void {
  for (const companion of COMPANIONS) rmSync(file + companion, { force: true });
}

/** Gives a database another name; whatever of it is there, so that a move cut short can be made again. */
export function moveDatabase(from: string, to: string): void {
  for (const companion of COMPANIONS.toReversed()) {
    if (existsSync(from + companion)) renameSync(from + companion, to + companion);
  }
}
