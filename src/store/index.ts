/**
 * The durable store of API objects: keys to JSON text under one monotonic revision, over SQLite. Every
 * acknowledged write is on disk; writes that are queued in the same turn of the event loop share one commit.
 */
import { endOfPrefix, openDatabase, prepareStatements, readMeta, transaction } from './database.ts';
import { FanOut } from './fan-out.ts';
import { Freezer, MOST_LOG_BYTES } from './freezer.ts';
import { checksumOf, intact, inOurWords } from './integrity.ts';
import { CREATE, DELETE, UPDATE } from './log-row.ts';
import type { LogRow } from './log-row.ts';
import { CompactedError, ConflictError, DamagedError, ExistsError, FutureRevisionError } from './types.ts';
import type {
  Change,
  ChangeType,
  Entry,
  Freeze,
  ListOptions,
  ListResult,
  Room,
  Store,
  Watch,
} from './types.ts';
import { StoreWatch } from './watch.ts';

export * from './types.ts';
export { contentsOf, copyStore, openCopy, openUnchanging } from './backup.ts';
export type { Contents } from './backup.ts';
export { openUnchecked } from './database.ts';
export { restoreStore } from './restore.ts';
export type { Restored } from './restore.ts';
export { finishRestore } from './swap.ts';
export { verify } from './verify.ts';
export type { Verdict } from './verify.ts';

export interface StoreOptions {
  /** Path of the database file; made when absent. */
  readonly file: string;
  /** How many revisions of history to keep for watches; older ones are compacted away. Default 10,000. */
  readonly historyRevisions?: number;
  /** How much may be written while the store is frozen. Default 512 MiB. */
  readonly frozenLogBytes?: number;
}

interface PendingWrite {
  readonly apply: () => Change;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: unknown) => void;
}

/** A row of the log with the key under which it was found. */
interface ListedRow extends LogRow {
  listed: string;
}

/** Errors that end one write before it changed anything; others of the same commit go on. */
const refusals = [ExistsError, ConflictError, DamagedError];

const HISTORY_PAGE = 100;
const COMPACTION_STEP = 400;
const TYPES: Record<number, ChangeType> = { [CREATE]: 'create', [UPDATE]: 'update', [DELETE]: 'delete' };

export function openStore(options: StoreOptions): Store {
  return new SqliteStore(options);
}

class SqliteStore implements Store {
  readonly #db;
  readonly #sql;
  readonly #setMeta;
  readonly #historyRevisions: number;
  readonly #freezer: Freezer;
  readonly #fanOut: FanOut;
  readonly #watches = new Set<StoreWatch>();
  #pending: PendingWrite[] = [];
  #revision: number;
  #compacted: number;
  #compacting: Promise<void> | undefined;
  #closed = false;

  constructor({ file, historyRevisions = 10_000, frozenLogBytes = MOST_LOG_BYTES }: StoreOptions) {
    this.#db = openDatabase(file);
    this.#freezer = new Freezer(this.#db, file, frozenLogBytes);
    this.#sql = prepareStatements(this.#db);
    this.#setMeta = this.#db.prepare('UPDATE meta SET value = ? WHERE name = ?');
    const { revision, compacted } = readMeta(this.#db);
    this.#revision = revision;
    this.#compacted = compacted;
    this.#historyRevisions = historyRevisions;
    this.#fanOut = new FanOut(revision);
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compacted;
  }

  get(key: string): Entry | undefined {
    return inOurWords(() => {
      const row = this.#sql.getCurrent.get(key) as LogRow | undefined;
      return row && entryOf(row, key);
    });
  }

  list(prefix: string, { revision = this.#revision, limit, after }: ListOptions = {}): ListResult {
    const start = after !== undefined && after > prefix ? after : prefix;
    this.#assertKnown(revision);
    return inOurWords(() => {
      const found =
        revision === this.#revision
          ? this.#listCurrent(prefix, start, limit)
          : this.#listAt(prefix, start, revision, limit);
      const entries = limit === undefined ? found : found.slice(0, limit);
      const complete = found.length === entries.length;
      const remaining = complete ? 0 : this.#countAfter(prefix, entries.at(-1)?.key ?? prefix, revision);
      return { entries, revision, remaining };
    });
  }

  count(prefix: string): number {
    return (this.#sql.countCurrent.get(prefix, endOfPrefix(prefix)) as { n: number }).n;
  }

  create(key: string, value: string): Promise<Entry> {
    return this.#enqueue(() => {
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
      history: (after) => inOurWords(() => this.#history(prefix, after)),
      leave: (audience, waiter) => {
        this.#fanOut.leave(audience, waiter);
        this.#watches.delete(watch);
      },
    });
    this.#watches.add(watch);
    return watch;
  }

  async compact(revision: number): Promise<void> {
    const target = Math.min(revision, this.#revision);
    while (this.#compacted < target && !this.#closed) {
      this.#compactStep(target);
      await new Promise((resolve) => setImmediate(resolve));
    }
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
        if (changes.length > 0) this.#setMeta.run(this.#revision, 'revision');
      });
    } catch (error) {
      this.#revision = before;
      for (const { reject } of batch) reject(error);
      return;
    }
    this.#fanOut.publish(changes);
    for (const answer of answers) answer();
    this.#freezer.afterCommit();
    this.#compactOldHistory();
  }

  #transaction(body: () => void): void {
    inOurWords(() => transaction(this.#db, body));
  }

  #append(type: number, key: string, value?: string, previous?: Entry): Change {
    const revision = ++this.#revision;
    const row = { rev: revision, key, type, prev: previous?.revision ?? 0, value: value ?? null };
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
    if (revision < this.#compacted) throw new CompactedError(revision, this.#compacted);
  }

  #listCurrent(prefix: string, start: string, limit: number | undefined): Entry[] {
    const rows = this.#sql.listCurrent.all(start, endOfPrefix(prefix), limit === undefined ? -1 : limit + 1);
    return (rows as unknown as ListedRow[]).map((row) => entryOf(row, row.listed));
  }

  /**
   * What changed since is taken back: the first later change of a key says which row it superseded. With a limit, in
   * parts of as many living keys, until there are more than that.
   */
  #listAt(prefix: string, start: string, revision: number, limit: number | undefined): Entry[] {
    const found: Entry[] = [];
    for (let from = start; ; ) {
      const part = this.#listCurrent(prefix, from, limit);
      const last = limit !== undefined && part.length > limit ? part.at(-1)?.key : undefined;
      const entries = part.filter((entry) => entry.revision <= revision);
      const end = last === undefined ? endOfPrefix(prefix) : `${last}\0`;
      for (const { key, prev } of this.#changedAfter(revision, from, end)) {
        if (prev > 0) entries.push(this.#superseded(key, prev));
      }
      found.push(...entries.sort((a, b) => (a.key < b.key ? -1 : 1)));
      if (last === undefined || found.length > (limit ?? 0)) return found;
      from = last;
    }
  }

  /** The first change of each key between the two that changed after the revision. */
  #changedAfter(revision: number, from: string, end: string): LogRow[] {
    return this.#sql.firstChangesAfter.all(revision, from, end) as unknown as LogRow[];
  }

  /** How many keys there were at the revision after the given one. */
  #countAfter(prefix: string, key: string, revision: number): number {
    const end = endOfPrefix(prefix);
    let { n } = this.#sql.countCurrent.get(key, end) as { n: number };
    if (revision === this.#revision) return n;
    for (const changed of this.#changedAfter(revision, key, end)) {
      if (this.#sql.currentRevision.get(changed.key)) n -= 1;
      if (changed.prev > 0) n += 1;
    }
    return n;
  }

  #history(prefix: string, after: number): Change[] {
    if (after < this.#compacted) throw new CompactedError(after, this.#compacted);
    const rows = this.#sql.changesAfter.all(after, prefix, endOfPrefix(prefix), HISTORY_PAGE);
    return (rows as unknown as LogRow[]).map((row) => this.#changeOf(row));
  }

  #changeOf(row: LogRow): Change {
    const { rev, key, type, prev, value } = intact(row);
    return {
      type: TYPES[type] as ChangeType,
      key,
      revision: rev,
      value: value ?? undefined,
      previous: prev > 0 ? this.#superseded(key, prev) : undefined,
    };
  }

  /** What a change replaced; compaction keeps it as long as the change itself. */
  #superseded(key: string, revision: number): Entry {
    return entryOf(this.#sql.row.get(revision) as LogRow | undefined, key);
  }

  // Compaction ---------------------------------------------------------------------------------------

  #compactOldHistory(): void {
    const target = this.#revision - this.#historyRevisions;
    // A slack of a tenth keeps compaction in batches instead of trailing every single write.
    if (this.#compacting || target - this.#compacted < this.#historyRevisions / 10) return;
    // A failure (a full disk) loses nothing: the next commit tries again.
    this.#compacting = this.compact(target)
      .catch(() => undefined)
      .finally(() => (this.#compacting = undefined));
  }

  /** Drops what the next few log rows superseded; a deletion's own row goes with the value it ended. */
  #compactStep(target: number): void {
    const rows = this.#sql.supersededUpTo.all(
      this.#compacted,
      target,
      COMPACTION_STEP,
    ) as unknown as LogRow[];
    const reached = rows.length < COMPACTION_STEP ? target : (rows.at(-1)?.rev ?? target);
    this.#transaction(() => {
      for (const { rev, type, prev } of rows) {
        if (prev > 0) this.#sql.forget.run(prev);
        if (type === DELETE) this.#sql.forget.run(rev);
      }
      this.#setMeta.run(reached, 'compacted');
    });
    this.#compacted = reached;
  }
}

function entryOf(row: LogRow | undefined, of: string): Entry {
  const { key, value, rev } = intact(row, of);
  return { key, value: value ?? '', revision: rev };
}

const answerOf = (change: Change): Entry => ({
  key: change.key,
  value: change.value ?? change.previous?.value ?? '',
  revision: change.revision,
});
