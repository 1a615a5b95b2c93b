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
  /** Whether there are others that did not fit. */
  readonly more: boolean;
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

  /** What lives now. */
  list({ prefix, start }: Range, { limit = Infinity, characters = Infinity }: Bounds): Part {
    return inOurWords(() => {
      const entries: Entry[] = [];
      let read = 0;
      const most = limit === Infinity ? -1 : limit + 1;
      for (const row of this.#sql.listCurrent.iterate(start, endOfPrefix(prefix), most)) {
        if (entries.length >= limit || read >= characters) return { entries, more: true };
        const { listed, ...rest } = row as unknown as ListedRow;
        const entry = this.#entryOf(rest, listed);
        entries.push(entry);
        read += entry.value.length;
      }
      return { entries, more: false };
    });
  }

  /**
   * What lived at a revision. What changed since is taken back: the first later change of a key says which row it
   * superseded. In parts of what lives and what changed, of neither more than is wanted, until there is enough.
   */
  listAt(
    revision: number,
    { prefix, start }: Range,
    { limit = Infinity, characters = Infinity }: Bounds,
  ): Part {
    const most = limit + 1;
    const entries: Entry[] = [];
    let read = 0;
    for (let from = start; ; ) {
      const living = this.list({ prefix, start: from }, { limit: most, characters });
      const end = living.more ? `${living.entries.at(-1)?.key}\0` : endOfPrefix(prefix);
      const changed = this.#changedAfter(revision, from, end, most);
      // Beyond these keys, either may have others.
      const last =
        changed.length === most ? changed.at(-1)?.key : living.more ? living.entries.at(-1)?.key : undefined;
      const lived = [
        ...living.entries.filter((entry) => entry.revision <= revision),
        ...changed.filter(({ prev }) => prev > 0),
      ]
        .filter(({ key }) => last === undefined || key <= last)
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      for (const one of lived) {
        if (entries.length >= limit || (read >= characters && entries.length > 0))
          return { entries, more: true };
        const entry = 'prev' in one ? this.#superseded(one.key, one.prev) : one;
        entries.push(entry);
        read += entry.value.length;
      }
      if (last === undefined) return { entries, more: false };
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

  /** The first change of each key between the two that changed after the revision, by their keys. */
  #changedAfter(revision: number, from: string, end: string, most = Infinity): LogRow[] {
    const limit = most === Infinity ? -1 : most;
    return inOurWords(
      () => this.#sql.firstChangesAfter.all(revision, from, end, limit) as unknown as LogRow[],
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
