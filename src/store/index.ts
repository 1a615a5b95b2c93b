/**
 * The durable store of API objects: keys to JSON text under one monotonic revision, over SQLite. Every
 * acknowledged write is on disk; writes that are queued in the same turn of the event loop share one commit.
 */
import type { DatabaseSync } from 'node:sqlite';
import { openDatabase, prepareStatements, readMeta, transaction } from './database.ts';
import { Compaction } from './compaction.ts';
import { FanOut } from './fan-out.ts';
import { Freezer, MOST_LOG_BYTES } from './freezer.ts';
import { checksumOf, inOurWords } from './integrity.ts';
import { CREATE, DELETE, UPDATE } from './log-row.ts';
import { noKeys } from './keyring.ts';
import type { Keyring } from './keyring.ts';
import { LogReader, TYPES } from './log-reader.ts';
import {
  CompactedError,
  ConflictError,
  DamagedError,
  ExistsError,
  FutureRevisionError,
  KeyError,
  RefusedError,
} from './types.ts';
import type {
  Change,
  ChangeType,
  Entry,
  Freeze,
  ListOptions,
  ListResult,
  Room,
  Rotation,
  Store,
  Watch,
} from './types.ts';
import { PageReaders } from './page-readers.ts';
import { KeyRotation } from './rotation.ts';
import { openKeyring, requireKeys, sealAtStart } from './sealed-rows.ts';
import { StoreWatch } from './watch.ts';

export * from './types.ts';
export { contentsOf, copyStore, openCopy, openUnchanging } from './backup.ts';
export type { Contents } from './backup.ts';
export { openUnchecked } from './database.ts';
export { readKeyFile } from './key-file.ts';
export { Keyring } from './keyring.ts';
export { restoreStore } from './restore.ts';
export type { Restored } from './restore.ts';
export { finishRestore } from './swap.ts';
export { verify } from './verify.ts';
export type { Verdict } from './verify.ts';
export type { Inspect } from './whole.ts';

export interface StoreOptions {
  /** Path of the database file; made when absent. */
  readonly file: string;
  /**
   * How many revisions of history to keep for watches; older ones are compacted away, those that somebody is reading page
   * by page only when they are four times as many. Default 10,000.
   */
  readonly historyRevisions?: number;
  /** How much may be written while the store is frozen. Default 256 MiB. */
  readonly frozenLogBytes?: number;
  /** What is encrypted in the file; nothing unless said. */
  readonly encryption?: Encryption;
  /** A clock that only goes forward. Default: the system's. */
  readonly nowMs?: () => number;
}

export interface Encryption {
  /** Holds the keys; made with the first start. */
  readonly keyFile: string;
  /** Of the keys whose values are encrypted. */
  readonly prefixes: readonly string[];
}

interface PendingWrite {
  readonly apply: () => Change;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: unknown) => void;
}

/** Whoever asks how much is left of an older state hears it if so much happened since at most. */
const MOST_COUNTED_CHANGES = 10_000;

/** Errors that end one write before it changed anything; others of the same commit go on. */
const refusals = [ExistsError, ConflictError, DamagedError, KeyError, RefusedError];

export function openStore(options: StoreOptions): Store {
  return new SqliteStore(options);
}

class SqliteStore implements Store {
  readonly #db;
  readonly #sql;
  readonly #reader: LogReader;
  readonly #compaction: Compaction;
  readonly #keyring: Keyring;
  readonly #readers: PageReaders;
  readonly #freezer: Freezer;
  readonly #rotation: KeyRotation;
  readonly #fanOut: FanOut;
  readonly #watches = new Set<StoreWatch>();
  #pending: PendingWrite[] = [];
  #revision: number;
  #closed = false;

  constructor({
    file,
    historyRevisions = 10_000,
    frozenLogBytes = MOST_LOG_BYTES,
    encryption,
    nowMs,
  }: StoreOptions) {
    this.#readers = new PageReaders(nowMs);
    this.#db = openDatabase(file);
    this.#keyring = keyringOf(this.#db, encryption);
    this.#freezer = new Freezer(this.#db, file, frozenLogBytes);
    this.#rotation = new KeyRotation(this.#db, this.#keyring, this.#freezer, () => !this.#closed);
    this.#sql = prepareStatements(this.#db);
    this.#reader = new LogReader(this.#sql, this.#keyring);
    const { revision, compacted } = readMeta(this.#db);
    this.#revision = revision;
    this.#compaction = new Compaction(
      {
        db: this.#db,
        sql: this.#sql,
        isOpen: () => !this.#closed,
        revision: () => this.#revision,
        historyRevisions,
        readers: this.#readers,
      },
      compacted,
    );
    this.#fanOut = new FanOut(revision);
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compaction.reached;
  }

  get(key: string): Entry | undefined {
    return this.#reader.get(key);
  }

  list(prefix: string, options: ListOptions = {}): ListResult {
    const { revision = this.#revision, after } = options;
    this.#assertKnown(revision);
    const range = { prefix, start: after !== undefined && after > prefix ? after : prefix };
    const part =
      revision === this.#revision
        ? this.#reader.list(range, options)
        : this.#reader.listAt(revision, range, options);
    const { reached } = part;
    if (reached !== undefined) this.#readers.reads(revision);
    return {
      ...part,
      revision,
      remaining: () => (reached === undefined ? 0 : this.#countAt(revision, prefix, reached)),
    };
  }

  #countAt(revision: number, prefix: string, after: string): number | undefined {
    const changes = this.#revision - revision;
    if (changes === 0) return this.#reader.count(prefix, after);
    return changes > MOST_COUNTED_CHANGES ? undefined : this.#reader.countAt(revision, prefix, after);
  }

  count(prefix: string): number {
    return this.#reader.count(prefix);
  }

  create(key: string, value: string, check?: () => void): Promise<Entry> {
    return this.#enqueue(() => {
      try {
        check?.();
      } catch (error) {
        throw new RefusedError(key, error);
      }
      if (this.#sql.currentRevision.get(key)) throw new ExistsError(key);
      return this.#append(CREATE, key, value);
    });
  }

  update(key: string, value: string, expected: number): Promise<Entry> {
    return this.#enqueue(() => this.#append(UPDATE, key, value, this.#expect(key, expected)));
  }

  delete(key: string, expected: number): Promise<Entry> {
    return this.#enqueue(() => this.#append(DELETE, key, undefined, this.#expect(key, expected)));
  }

  watch(prefix: string, fromRevision: number): Watch {
    this.#assertKnown(fromRevision);
    const watch: StoreWatch = new StoreWatch(fromRevision, {
      revision: () => this.#revision,
      join: (waiter) => this.#fanOut.join(prefix, waiter),
      history: (after) => {
        this.#assertKnown(after);
        return this.#reader.history(prefix, after);
      },
      leave: (audience, waiter) => {
        this.#fanOut.leave(audience, waiter);
        this.#watches.delete(watch);
      },
    });
    this.#watches.add(watch);
    return watch;
  }

  compact(revision: number): Promise<void> {
    return this.#compaction.upTo(revision);
  }

  freeze(): Freeze {
    // What waits for the next turn is not acknowledged yet, and may come later than the copy.
    return this.#freezer.freeze(this.#revision);
  }

  room(): Room {
    const pages = this.#db.prepare(
      'SELECT page_count AS used, freelist_count AS free, page_size AS bytes FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
    );
    const { used, free, bytes } = pages.get() as { used: number; free: number; bytes: number };
    return { bytes: used * bytes, freeBytes: free * bytes };
  }

  rotateKeys(): Promise<Rotation> {
    return this.#rotation.rotate();
  }

  close(): void {
    if (this.#closed) return;
    this.#commit();
    this.#closed = true;
    this.#freezer.thaw();
    for (const watch of this.#watches) watch.close();
    this.#db.close();
  }

  // Writes -------------------------------------------------------------------------------------------

  #enqueue(apply: () => Change): Promise<Entry> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('the store is closed'));
      this.#pending.push({ apply, resolve, reject });
      if (this.#pending.length === 1) setImmediate(() => this.#commit());
    });
  }

  /** One transaction for all that is queued; published to the watches before anyone is answered. */
  #commit(): void {
    const batch = this.#pending;
    if (batch.length === 0 || this.#closed) return;
    this.#pending = [];
    const before = this.#revision;
    const changes: Change[] = [];
    const answers: (() => void)[] = [];
    try {
      this.#transaction(() => {
        for (const { apply, resolve, reject } of batch) {
          try {
            const change = apply();
            changes.push(change);
            answers.push(() => resolve(answerOf(change)));
          } catch (error) {
            if (!refusals.some((refusal) => error instanceof refusal)) throw error;
            answers.push(() => reject(error));
          }
        }
        if (changes.length > 0) this.#sql.setMeta.run(this.#revision, 'revision');
      });
    } catch (error) {
      this.#revision = before;
      for (const { reject } of batch) reject(error);
      return;
    }
    this.#fanOut.publish(changes);
    for (const answer of answers) answer();
    this.#freezer.afterCommit();
    this.#compaction.dropOldHistory();
  }

  #transaction(body: () => void): void {
    inOurWords(() => transaction(this.#db, body));
  }

  #append(type: number, key: string, value?: string, previous?: Entry): Change {
    const revision = ++this.#revision;
    const stored = value === undefined ? null : this.#keyring.seal(key, value);
    const row = { rev: revision, key, type, prev: previous?.revision ?? 0, value: stored };
    this.#sql.append.run(row.rev, key, type, row.prev, row.value, checksumOf(row));
    if (value === undefined) this.#sql.dropCurrent.run(key);
    else this.#sql.setCurrent.run(key, revision);
    return { type: TYPES[type] as ChangeType, key, revision, value, previous };
  }

  #expect(key: string, expected: number): Entry {
    const current = this.get(key);
    if (current?.revision !== expected) throw new ConflictError(key, expected, current);
    return current;
  }

  // Reads --------------------------------------------------------------------------------------------

  #assertKnown(revision: number): void {
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    if (revision < this.compactedRevision) throw new CompactedError(revision, this.compactedRevision);
  }
}

/** Closes the database when its keys are not there. */
function keyringOf(db: DatabaseSync, encryption: Encryption | undefined): Keyring {
  try {
    if (encryption) {
      const keyring = openKeyring(db, encryption.keyFile, encryption.prefixes, new Date());
      sealAtStart(db, keyring);
      return keyring;
    }
    requireKeys(db, noKeys);
    return noKeys;
  } catch (error) {
    db.close();
    throw error;
  }
}

const answerOf = (change: Change): Entry => ({
  key: change.key,
  value: change.value ?? change.previous?.value ?? '',
  revision: change.revision,
});
