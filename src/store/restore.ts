/** A backup takes the place of a store, in such a way that no client mistakes the past for the present. */
import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { contentsOf, openCopy, writeCopy } from './backup.ts';
import type { Contents } from './backup.ts';
import { openDatabase, openUnchecked, readMeta, transaction } from './database.ts';
import { removeDatabase, sync } from './files.ts';
import { checksumOf, intact } from './integrity.ts';
import { noKeys } from './keyring.ts';
import type { Keyring } from './keyring.ts';
import { CREATE } from './log-row.ts';
import type { LogRow } from './log-row.ts';
import { requireKeys } from './sealed-rows.ts';
import { decideRestore, finishRestore, replacedName } from './swap.ts';
import { DamagedError, KeyError, StoreInUseError } from './types.ts';

export interface Restored extends Contents {
  /** The last revision of the backup. */
  readonly from: number;
  /** The store that was replaced; undefined when there was none. */
  readonly replaced: string | undefined;
  /** Objects that were left out, because no key opens them. */
  readonly unreadable: readonly string[];
}

export interface RestoreOptions {
  readonly keyring: Keyring;
  /** What to do about objects that no key opens. */
  readonly unreadable: 'refuse' | 'drop';
  /** Prefixes of the keys of what says nothing any more after a restore: it is left out. */
  readonly passing?: readonly string[];
}

/** More writes than the old store can have acknowledged beyond what it shows; revisions have room for millions of it. */
const BUMP = 1_000_000_000;

/**
 * Puts a backup in the place of a store that nobody has open. Every object gets a new revision, above all that were
 * ever given out, in the order of the old ones, and there is no history: so whoever watches is told to list again,
 * whoever has read an object from after the backup cannot write over the older one, and a cache that compares
 * versions takes the restored objects for newer than what it has.
 *
 * At any moment of a crash the old store is there, or the new one is; until the latter the backup is only read.
 * @throws DamagedError when the backup is, KeyError when it cannot be decrypted, StoreInUseError
 */
export function restoreStore(
  backup: string,
  file: string,
  now: Date,
  { keyring, unreadable, passing = [] }: RestoreOptions = { keyring: noKeys, unreadable: 'refuse' },
): Restored {
  finishRestore(file);
  // Both before anything is changed: a store that is in use refuses this, and its log is brought into its file.
  const present = existsSync(file);
  const lost = present ? lastRevision(file) : undefined;
  const copy = `${file}.restoring`;
  removeDatabase(copy);
  try {
    writeCopyOf(backup, copy);
    const from = changing(copy, (db) => readMeta(db).revision);
    const left = changing(copy, (db) => {
      if (unreadable === 'refuse') requireKeys(db, keyring);
      const dropped = unreadable === 'drop' ? unreadableKeys(db, keyring) : [];
      transaction(db, () => {
        for (const key of dropped) db.prepare('DELETE FROM cur WHERE key = ?').run(key);
        for (const prefix of passing)
          db.prepare('DELETE FROM cur WHERE substr(key, 1, length(?1)) = ?1').run(prefix);
        renumber(db, firstRevisionAfter(now, from, lost));
      });
      db.exec('VACUUM');
      return dropped;
    });
    const contents = changing(copy, (db) => contentsOf(db, copy));
    // It is left behind when it could not be written back, on a full disk for one.
    if (existsSync(`${copy}-wal`)) throw new Error(`${copy} could not be completed`);
    sync(copy);
    const stamp = now.toISOString().replaceAll(/[-:]/g, '');
    decideRestore(copy, file, stamp);
    finishRestore(file);
    return {
      ...contents,
      from,
      replaced: present ? replacedName(file, stamp) : undefined,
      unreadable: left,
    };
  } finally {
    removeDatabase(copy);
  }
}

/**
 * Above all that were ever given out: by the backup, by the store that it replaces, and by earlier restores, of which
 * neither may know. For those the clock stands, at a thousand revisions for each millisecond since 1970: no store makes
 * so many writes, and restores would have to follow each other within minutes to outrun it.
 */
const firstRevisionAfter = (now: Date, from: number, lost = 0): number =>
  Math.max(from + BUMP, lost + BUMP, now.getTime() * 1000);

/** Of the store that is to be replaced; undefined when it cannot be read. */
function lastRevision(file: string): number | undefined {
  try {
    const db = openUnchecked(file);
    try {
      return readMeta(db).revision;
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof StoreInUseError) throw error;
    return undefined;
  }
}

function writeCopyOf(backup: string, copy: string): void {
  const source = openCopy(backup);
  try {
    writeCopy(source, copy);
  } finally {
    source.close();
  }
}

function changing<T>(file: string, change: (db: DatabaseSync) => T): T {
  const db = openDatabase(file);
  try {
    return change(db);
  } finally {
    db.close();
  }
}

function unreadableKeys(db: DatabaseSync, keyring: Keyring): string[] {
  const rows = db.prepare('SELECT log.* FROM cur JOIN log ON log.rev = cur.rev ORDER BY cur.key');
  return (rows.all() as unknown as LogRow[])
    .filter(({ key, value }) => !opens(keyring, key, value ?? ''))
    .map(({ key }) => key);
}

function opens(keyring: Keyring, key: string, stored: string): boolean {
  try {
    keyring.open(key, stored);
    return true;
  } catch (error) {
    if (error instanceof KeyError || error instanceof DamagedError) return false;
    throw error;
  }
}

function renumber(db: DatabaseSync, above: number): void {
  db.exec('DELETE FROM log WHERE rev NOT IN (SELECT rev FROM cur)');
  const page = db.prepare('SELECT * FROM log WHERE rev > ? AND rev <= ? ORDER BY rev LIMIT 100');
  const renew = db.prepare('UPDATE log SET rev = ?, type = ?, prev = 0, sum = ? WHERE rev = ?');
  const lead = db.prepare('UPDATE cur SET rev = ? WHERE key = ?');
  let given = above;
  for (let after = 0; ; ) {
    const rows = page.all(after, above) as unknown as LogRow[];
    for (const row of rows) {
      const renewed = { ...intact(row), rev: ++given, type: CREATE, prev: 0 };
      renew.run(renewed.rev, CREATE, checksumOf(renewed), row.rev);
      lead.run(renewed.rev, row.key);
    }
    const last = rows.at(-1);
    if (!last) break;
    after = last.rev;
  }
  db.prepare('UPDATE meta SET value = ?').run(given);
}
