import type { Statements } from './database.ts';
import { endOfPrefix } from './database.ts';
import { inOurWords, intact } from './integrity.ts';
import type { Keyring } from './keyring.ts';
import { CREATE, DELETE, UPDATE } from './log-row.ts';
import type { LogRow } from './log-row.ts';
import type { Change, ChangeType, Entry, ListOptions } from './types.ts';

/** A row of the log with the key under which it was found. */
interface ListedRow extends LogRow {
  listed: string;
}

/** The keys of a prefix that sort after `start`. */
interface Range {
  readonly prefix: string;
  readonly start: string;
}

type Bounds = Pick<ListOptions, 'limit' | 'characters'>;

interface Part {
  readonly entries: Entry[];
  /** The last key that was looked at; undefined when there is nothing beyond. */
  readonly reached: string | undefined;
  /** How many rows it took a look at. */
  readonly looked: number;
}

/** A part of a list at an older revision looks at hardly more: there may be little that lived then among much. */
const MOST_LOOKED = 512;

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

  /** What lives now. */
  list({ prefix, start }: Range, { limit = Infinity, characters = Infinity }: Bounds): Part {
    return inOurWords(() => {
      const entries: Entry[] = [];
      let read = 0;
      const most = limit === Infinity ? -1 : limit + 1;
      for (const row of this.#sql.listCurrent.iterate(start, endOfPrefix(prefix), most)) {
        if (entries.length >= limit || read >= characters) return partOf(entries, entries.at(-1)?.key);
        const { listed, ...rest } = row as unknown as ListedRow;
        const entry = this.#entryOf(rest, listed);
        entries.push(entry);
        read += entry.value.length;
      }
      return partOf(entries, undefined);
    });
  }

  /**
   * What lived at a revision. What changed since is taken back: the first later change of a key says which row it
   * superseded. Goes on from some of what lives and what changed to more and more of it, until there is enough, or that
   * was enough to look at: so there may be more, and nothing of it in this part.
   */
  listAt(
    revision: number,
    { prefix, start }: Range,
    { limit = Infinity, characters = Infinity }: Bounds,
  ): Part {
    const entries: Entry[] = [];
    let [read, looked] = [0, 0];
    for (let from = start, most = limit + 1; ; most *= 2) {
      const { lived, reached, ...these } = this.#livedAt(
        revision,
        { prefix, start: from },
        { limit: most, characters },
      );
      looked += these.looked;
      for (const one of lived) {
        if (entries.length >= limit || (read >= characters && entries.length > 0))
          return { entries, reached: entries.at(-1)?.key, looked };
        const entry = 'prev' in one ? this.#superseded(one.key, one.prev) : one;
        entries.push(entry);
        read += entry.value.length;
      }
      if (reached === undefined || looked > MOST_LOOKED) return { entries, reached, looked };
      from = reached;
    }
  }

  /** What lived at a revision, up to the key beyond which there may be more: entries, and changes that ended others. */
  #livedAt(
    revision: number,
    { prefix, start }: Range,
    { limit = Infinity, characters }: Bounds,
  ): { lived: (Entry | LogRow)[]; reached: string | undefined; looked: number } {
    const living = this.list({ prefix, start }, { limit, characters });
    const end = living.reached === undefined ? endOfPrefix(prefix) : `${living.reached}\0`;
    const changed = this.#changedAfter(revision, start, end, limit);
    const reached = changed.length === limit ? changed.at(-1)?.key : living.reached;
    const lived = [
      ...living.entries.filter((entry) => entry.revision <= revision),
      ...changed.filter(({ prev }) => prev > 0),
    ]
      .filter(({ key }) => reached === undefined || key <= reached)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return { lived, reached, looked: living.looked + changed.length };
  }

  /** How many keys of the prefix live now that sort after the given one. */
  count(prefix: string, after = prefix): number {
    return (this.#sql.countCurrent.get(after, endOfPrefix(prefix)) as { n: number }).n;
  }

  /** How many lived at the revision. */
  countAt(revision: number, prefix: string, after: string): number {
    const since = this.#sql.growthAfter.get(revision, after, endOfPrefix(prefix)) as { n: number };
    return this.count(prefix, after) - since.n;
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

  /** The first change of each key between the two that changed after the revision, by their keys. */
  #changedAfter(revision: number, from: string, end: string, most: number): LogRow[] {
    const limit = most === Infinity ? -1 : most;
    return inOurWords(
      () => this.#sql.firstChangesAfter.all(from, end, revision, limit) as unknown as LogRow[],
    );
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

const partOf = (entries: Entry[], reached: string | undefined): Part => ({
  entries,
  reached,
  looked: entries.length,
});
