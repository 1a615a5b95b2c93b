/** Which keys the rows of a store are sealed with, and bringing all of them to the first one. */
import type { DatabaseSync } from 'node:sqlite';
import { endOfPrefix, transaction } from './database.ts';
import { checksumOf, inOurWords, intact } from './integrity.ts';
import { makeKey, readKeyFile, writeKeyFile } from './key-file.ts';
import { Keyring, SEALED } from './keyring.ts';
import type { LogRow } from './log-row.ts';
import { KeyError } from './types.ts';

/** Ids of the keys that any row needs. */
export function keysInUse(db: DatabaseSync): string[] {
  const from = SEALED.length + 1;
  const found = db
    .prepare(
      `SELECT DISTINCT substr(value, ${from}, instr(substr(value, ${from}), ':') - 1) AS id
         FROM log WHERE substr(value, 1, ${SEALED.length}) = ? ORDER BY id`,
    )
    .all(SEALED) as { id: string }[];
  return found.map(({ id }) => id);
}

/**
 * The secrets of a store, read from their file or made with the first start.
 * @throws KeyError when one that is needed is not there, or does not open what it sealed; nothing was changed then
 */
export function openKeyring(db: DatabaseSync, file: string, prefixes: readonly string[], now: Date): Keyring {
  const inUse = inOurWords(() => keysInUse(db));
  const known = readKeyFile(file);
  if (!known && inUse.length > 0) {
    throw new KeyError(
      `the store is encrypted, but the file of its encryption keys, ${file}, is not there; put it back from a copy`,
    );
  }
  const keyring = new Keyring(file, prefixes, known ?? [makeKey(now)]);
  requireKeys(db, keyring, inUse);
  if (!known) writeKeyFile(file, keyring.keys);
  return keyring;
}

/** @throws KeyError unless the keyring opens what is in the store, as far as one row for each key can tell */
export function requireKeys(db: DatabaseSync, keyring: Keyring, inUse = keysInUse(db)): void {
  const row = db.prepare('SELECT * FROM log WHERE substr(value, 1, ?) = ? LIMIT 1');
  for (const id of inUse) {
    const mark = `${SEALED}${id}:`;
    const { key, value } = intact(row.get(mark.length, mark) as LogRow | undefined);
    if (!keyring.keys.some((each) => each.id === id)) {
      throw new KeyError(
        `the store is encrypted with the key ${id}, which is not in ${keyring.file}; put it back from a copy of that file`,
      );
    }
    try {
      keyring.open(key, value ?? '');
    } catch (cause) {
      throw new KeyError(
        `the key ${id} in ${keyring.file} is not the one that the store was encrypted with; put the right one back from a copy of that file`,
        { cause },
      );
    }
  }
}

/**
 * Seals what is not sealed with the first key, as in a store of before there was encryption or after a rotation that was
 * cut short, and rewrites the file if it may show what it was before: SQLite leaves copies of rows in unused parts of pages.
 * To be called before anybody uses the store.
 */
export function sealAtStart(db: DatabaseSync, keyring: Keyring): void {
  inOurWords(() => {
    if (hasStaleRows(db, keyring)) {
      transaction(db, () => {
        for (let after = 0; ; ) {
          const step = resealStep(db, keyring, after);
          if (step.last === undefined) break;
          after = step.last;
        }
      });
    }
    if (!hasRemains(db)) return;
    db.exec('VACUUM');
    setRemains(db, 'none');
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  });
}

function hasStaleRows(db: DatabaseSync, keyring: Keyring): boolean {
  const stale = db.prepare(
    'SELECT 1 FROM log WHERE key >= ? AND key < ? AND substr(value, 1, ?) <> ? LIMIT 1',
  );
  return keyring.prefixes.some((prefix) =>
    stale.get(prefix, endOfPrefix(prefix), keyring.mark.length, keyring.mark),
  );
}

/** A number in the head of the file, which SQLite leaves to its users, says that it may show what rows were before. */
const hasRemains = (db: DatabaseSync): boolean =>
  (db.prepare('SELECT application_id AS id FROM pragma_application_id').get() as { id: number }).id !== 0;

const setRemains = (db: DatabaseSync, remains: 'some' | 'none'): void =>
  db.exec(`PRAGMA application_id = ${remains === 'some' ? 1 : 0}`);

/** Rows that are looked at in one step. */
const STEP = 200;

/**
 * Seals what is not sealed with the first key, in small steps that each are one transaction: the same values at the same
 * revisions, so that neither versions nor watches notice.
 * @returns how many rows it were
 */
export async function reseal(db: DatabaseSync, keyring: Keyring, goOn: () => boolean): Promise<number> {
  let resealed = 0;
  for (let after = 0; goOn(); ) {
    let step: Step | undefined;
    inOurWords(() => transaction(db, () => (step = resealStep(db, keyring, after))));
    if (step?.last === undefined) break;
    resealed += step.resealed;
    after = step.last;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return resealed;
}

interface Step {
  resealed: number;
  /** Revision of the last row that was looked at; undefined when there was none. */
  last: number | undefined;
}

function resealStep(db: DatabaseSync, keyring: Keyring, after: number): Step {
  const page = db.prepare('SELECT rev, key FROM log WHERE rev > ? ORDER BY rev LIMIT ?');
  const read = db.prepare('SELECT * FROM log WHERE rev = ?');
  const write = db.prepare('UPDATE log SET value = ?, sum = ? WHERE rev = ?');
  const rows = page.all(after, STEP) as unknown as Pick<LogRow, 'rev' | 'key'>[];
  let resealed = 0;
  for (const { rev } of rows.filter(({ key }) => keyring.isStale(key, ''))) {
    const row = intact(read.get(rev) as LogRow | undefined);
    if (row.value === null || !keyring.isStale(row.key, row.value)) continue;
    const value = keyring.seal(row.key, keyring.open(row.key, row.value));
    write.run(value, checksumOf({ ...row, value }), rev);
    resealed += 1;
  }
  if (resealed > 0) setRemains(db, 'some');
  return { resealed, last: rows.at(-1)?.rev };
}
