/**
 * The durable store of API objects: keys to JSON text under one monotonic revision, over SQLite. Every
 * acknowledged write is on disk; writes that are queued in the same turn of the event loop share one commit.
 */
import {
  endOfPrefix,
  makePrivate,
  openDatabase,
  prepareStatements,
  readMeta,
  transaction,
} from './database.ts';
import { checksumOf, intact, inOurWords } from './integrity.ts';
import { CREATE, DELETE, UPDATE } from './log-row.ts';
import type { LogRow } from './log-row.ts';
import {
  CompactedError,
  ConflictError,
  DamagedError,
  ExistsError,
  FutureRevisionError,
  RefusedError,
} from './types.ts';
import type { Change, ChangeType, Entry, ListOptions, ListResult, Store, Watch } from './types.ts';
import { StoreWatch } from './watch.ts';

export * from './types.ts';

export interface StoreOptions {
  /** Path of the database file; made when absent. */
  readonly file: string;
  /** How many revisions of history to keep for watches; older ones are compacted away. Default 10,000. */
  readonly historyRevisions?: number;
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
const refusals = [ExistsError, ConflictError, DamagedError, RefusedError];

const HISTORY_PAGE = 500;
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
  readonly #watches = new Set<StoreWatch>();
  #pending: PendingWrite[] = [];
  #revision: number;
  #compacted: number;
  #compacting: Promise<void> | undefined;
  #closed = false;

  constructor({ file, historyRevisions = 10_000 }: StoreOptions) {
    this.#db = openDatabase(file);
    this.#sql = prepareStatements(this.#db);
    this.#setMeta = this.#db.prepare('UPDATE meta SET value = ? WHERE name = ?');
    const { revision, compacted } = readMeta(this.#db);
    this.#revision = revision;
    this.#compacted = compacted;
    this.#historyRevisions = historyRevisions;
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

  list(prefix: string, { revision, limit, after }: ListOptions = {}): ListResult {
    const start = after !== undefined && after > prefix ? after : prefix;
    if (revision !== undefined) this.#assertKnown(revision);
    const entries = inOurWords(() =>
      revision === undefined || revision === this.#revision
        ? this.#listCurrent(prefix, start, limit)
        : this.#listAt(prefix, start, revision),
    );
    const page = limit === undefined ? entries : entries.slice(0, limit);
    return {
      entries: page,
      revision: revision ?? this.#revision,
      remaining: entries.length === page.length ? 0 : this.#remaining(prefix, page, entries, revision),
    };
  }

  count(prefix: string): number {
    return (this.#sql.countCurrent.get(prefix, endOfPrefix(prefix)) as { n: number }).n;
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
    const watch = new StoreWatch(prefix, fromRevision, {
      revision: () => this.#revision,
      history: (watched, after) => inOurWords(() => this.#history(watched, after)),
      forget: (closed) => this.#watches.delete(closed),
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

  backup(file: string): void {
    makePrivate(file);
    this.#db.prepare('VACUUM INTO ?').run(file);
  }

  close(): void {
    if (this.#closed) return;
    this.#commit();
    this.#closed = true;
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
    if (changes.length > 0) for (const watch of this.#watches) watch.publish(changes);
    for (const answer of answers) answer();
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

  /** What changed since is taken back: the first later change of a key says which row it superseded. */
  #listAt(prefix: string, start: string, revision: number): Entry[] {
    const end = endOfPrefix(prefix);
    const entries = this.#listCurrent(prefix, start, undefined).filter((entry) => entry.revision <= revision);
    const changed = this.#sql.firstChangesAfter.all(revision, start, end) as unknown as LogRow[];
    for (const { key, prev } of changed) {
      if (prev > 0) entries.push(this.#superseded(key, prev));
    }
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #remaining(prefix: string, page: Entry[], all: Entry[], revision: number | undefined): number {
    if (revision !== undefined && revision !== this.#revision) return all.length - page.length;
    const last = page.at(-1)?.key ?? prefix;
    return (this.#sql.countCurrent.get(last, endOfPrefix(prefix)) as { n: number }).n;
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
