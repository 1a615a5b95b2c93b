import type { Statements } from './database.ts';
import { endOfPrefix } from './database.ts';
import { inOurWords, intact } from './integrity.ts';
import type { Keyring } from './keyring.ts';
import { CREATE, DELETE, UPDATE } from './log-row.ts';
import type { LogRow } from './log-row.ts';
import type { Change, ChangeType, Entry } from './types.ts';

/** A row of the log with the key under which it was found. */
interface ListedRow extends LogRow {
  listed: string;
}

/** What is read at once of history; one change more than the characters. */
const HISTORY_PAGE = { changes: 100, characters: 2 ** 18 };

export const TYPES: Record<number, ChangeType> = {
  [CREATE]: 'create',
  [UPDATE]: 'update',
  [DELETE]: 'delete',
};

/** Reads the tables, in terms of entries and changes. Every method throws DamagedError and KeyError. */
export class LogReader {
  readonly #sql: Statements;
  readonly #keyring: Keyring;

  constructor(sql: Statements, keyring: Keyring) {
    this.#sql = sql;
    this.#keyring = keyring;
  }

  get(key: string): Entry | undefined {
    return inOurWords(() => {
      const row = this.#sql.getCurrent.get(key) as LogRow | undefined;
      return row && this.#entryOf(row, key);
    });
  }

  /** What lives now after the key `start`: all, or one more than the limit. */
  list(prefix: string, start: string, limit: number | undefined): Entry[] {
    return inOurWords(() => {
      const most = limit === undefined ? -1 : limit + 1;
      const rows = this.#sql.listCurrent.all(start, endOfPrefix(prefix), most) as unknown as ListedRow[];
      return rows.map((row) => this.#entryOf(row, row.listed));
    });
  }

  /**
   * What lived at a revision, as {@link list}. What changed since is taken back: the first later change of a key says
   * which row it superseded. With a limit, in parts of as many living keys, until there are more than that.
   */
  listAt(revision: number, prefix: string, start: string, limit: number | undefined): Entry[] {
    const found: Entry[] = [];
    for (let from = start; ; ) {
      const part = this.list(prefix, from, limit);
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

  /** How many keys of the prefix live now that sort after the given one. */
  count(prefix: string, after = prefix): number {
    return (this.#sql.countCurrent.get(after, endOfPrefix(prefix)) as { n: number }).n;
  }

  /** How many lived at the revision. */
  countAt(revision: number, prefix: string, after: string): number {
    let count = this.count(prefix, after);
    for (const { key, prev } of this.#changedAfter(revision, after, endOfPrefix(prefix))) {
      if (this.#sql.currentRevision.get(key)) count -= 1;
      if (prev > 0) count += 1;
    }
    return count;
  }

  /** The first page of changes of the prefix after a revision that is not compacted. */
  history(prefix: string, after: number): Change[] {
    return inOurWords(() => {
      const page: Change[] = [];
      let characters = 0;
      const rows = this.#sql.changesAfter.iterate(after, prefix, endOfPrefix(prefix), HISTORY_PAGE.changes);
      for (const row of rows as Iterable<unknown>) {
        page.push(this.#changeOf(row as LogRow));
        characters += (row as LogRow).value?.length ?? 0;
        if (characters > HISTORY_PAGE.characters) break;
      }
      return page;
    });
  }

  /** The first change of each key between the two that changed after the revision. */
  #changedAfter(revision: number, from: string, end: string): LogRow[] {
    return inOurWords(() => this.#sql.firstChangesAfter.all(revision, from, end) as unknown as LogRow[]);
  }

  #changeOf(row: LogRow): Change {
    const { rev, key, type, prev, value } = intact(row);
    return {
      type: TYPES[type] as ChangeType,
      key,
      revision: rev,
      value: value === null ? undefined : this.#keyring.open(key, value),
      previous: prev > 0 ? this.#superseded(key, prev) : undefined,
    };
  }

  /** What a change replaced; compaction keeps it as long as the change itself. */
  #superseded(key: string, revision: number): Entry {
    return inOurWords(() => this.#entryOf(this.#sql.row.get(revision) as LogRow | undefined, key));
  }

  #entryOf(row: LogRow | undefined, of: string): Entry {
    const { key, value, rev } = intact(row, of);
    return { key, value: this.#keyring.open(key, value ?? ''), revision: rev };
  }
}
