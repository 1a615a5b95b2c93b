import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { resumeCheckpoints, stopCheckpoints } from './database.ts';
import { inOurWords } from './integrity.ts';
import { FrozenError } from './types.ts';
import type { Freeze } from './types.ts';

/** What may be written while a store is frozen: it takes room on the disk, and time when it ends. */
export const MOST_LOG_BYTES = 256 * 2 ** 20;

/**
 * Keeps a database file as it is for as long as somebody reads it. Writes go on, into the write-ahead log, and nobody
 * waits: neither they for the reader, nor the event loop, since another process can do the reading.
 */
export class Freezer {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #mostLogBytes: number;
  #over: AbortController | undefined;

  constructor(db: DatabaseSync, file: string, mostLogBytes = MOST_LOG_BYTES) {
    this.#db = db;
    this.#file = file;
    this.#mostLogBytes = mostLogBytes;
  }

  freeze(revision: number): Freeze {
    if (this.#over) throw new FrozenError();
    inOurWords(() => stopCheckpoints(this.#db));
    const over = new AbortController();
    this.#over = over;
    return {
      file: this.#file,
      revision,
      over: over.signal,
      end: () => {
        if (this.#over === over) this.thaw();
      },
    };
  }

  get isFrozen(): boolean {
    return this.#over !== undefined;
  }

  /** Resolves when the present freeze is over. */
  thawed(): Promise<void> {
    const signal = this.#over?.signal;
    if (!signal) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  /** To be called after each commit. */
  afterCommit(): void {
    if (this.#over && statSync(`${this.#file}-wal`).size > this.#mostLogBytes) this.thaw();
  }

  thaw(): void {
    if (!this.#over) return;
    // First it is told that it is over; then the file may change.
    this.#over.abort();
    this.#over = undefined;
    resumeCheckpoints(this.#db);
  }
}
