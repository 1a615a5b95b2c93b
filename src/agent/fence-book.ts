import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isNativeError } from 'node:util/types';
import { agentDirectory } from './identity.ts';

/** The latest order that was let through for an object. */
export interface Admitted {
  epoch: number;
  generation: number;
}

/** What a fence must find again after a crash. Each write is durable when it returns. */
export interface FenceBook {
  fact(name: string): string | undefined;
  setFact(name: string, value: string): void;
  admitted(uid: string): Admitted | undefined;
  /** An object that was removed exists again with this. */
  admit(uid: string, admitted: Admitted): void;
  recordRemoval(uid: string, generation: number, atMs: number): void;
  /** UID → generation at which nothing of it was left here. */
  removals(): Record<string, number>;
  close(): void;
}

/**
 * Counts this start of the agent. A book out of a backup does not know of the last starts, but Redis may: one that is
 * counted below them would be taken for a publication out of the past.
 *
 * @param published the last start that Redis knows of, or 0
 * @returns the how-manieth it is
 */
export function countStart(book: FenceBook, published: number): number {
  const start = Math.max(Number(book.fact('starts') ?? 0), published) + 1;
  book.setFact('starts', String(start));
  return start;
}

/** Another process, or another installation, holds this data directory. */
export class DataDirectoryTaken extends Error {
  override readonly name = 'DataDirectoryTaken';
}

/** Proofs of removal beyond this age or number go; a finalizer that still waits then finds a complete snapshot. */
export const removalsKeptMs = 30 * 24 * 3_600_000;
export const removalsKept = 2_000;

/** In `<dataDir>/agent/fence.sqlite`, locked for the life of the process. */
export class SqliteFenceBook implements FenceBook {
  readonly #database: DatabaseSync;

  /** @throws DataDirectoryTaken when another agent has it open */
  constructor(dataDir: string) {
    const directory = agentDirectory(dataDir);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#database = openExclusively(join(directory, 'fence.sqlite'));
  }

  fact(name: string): string | undefined {
    const row = this.#database.prepare('SELECT value FROM facts WHERE name = ?').get(name);
    return row && String(row.value);
  }

  setFact(name: string, value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)').run(name, value);
  }

  admitted(uid: string): Admitted | undefined {
    const row = this.#database.prepare('SELECT epoch, generation FROM admitted WHERE uid = ?').get(uid);
    return row && { epoch: Number(row.epoch), generation: Number(row.generation) };
  }

  admit(uid: string, { epoch, generation }: Admitted): void {
    this.#database
      .prepare(
        `INSERT INTO admitted (uid, epoch, generation) VALUES (?, ?, ?)
         ON CONFLICT (uid) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation,
           removedAtGeneration = NULL, removedAt = NULL`,
      )
      .run(uid, epoch, generation);
  }

  recordRemoval(uid: string, generation: number, atMs: number): void {
    this.#database
      .prepare('UPDATE admitted SET removedAtGeneration = ?, removedAt = ? WHERE uid = ?')
      .run(generation, atMs, uid);
    this.#database
      .prepare(
        `DELETE FROM admitted WHERE removedAt < ? OR uid IN
           (SELECT uid FROM admitted WHERE removedAt IS NOT NULL ORDER BY removedAt DESC LIMIT -1 OFFSET ?)`,
      )
      .run(atMs - removalsKeptMs, removalsKept);
  }

  removals(): Record<string, number> {
    return Object.fromEntries(
      this.#database
        .prepare('SELECT uid, removedAtGeneration FROM admitted WHERE removedAt IS NOT NULL')
        .all()
        .map((row) => [String(row.uid), Number(row.removedAtGeneration)]),
    );
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** An exclusive lock for the life of the process: two agents on one data directory would break every promise. */
function openExclusively(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS admitted (
        uid TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        removedAtGeneration INTEGER,
        removedAt INTEGER
      ) STRICT;
      CREATE INDEX IF NOT EXISTS removals ON admitted (removedAt) WHERE removedAt IS NOT NULL;
      COMMIT;`);
  } catch (error) {
    database.close();
    if (isNativeError(error) && error.message.includes('locked')) {
      throw new DataDirectoryTaken(`another agent runs on ${path}; stop it first`, { cause: error });
    }
    throw error;
  }
  return database;
}
