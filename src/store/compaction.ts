import type { DatabaseSync } from 'node:sqlite';
import { transaction } from './database.ts';
import type { Statements } from './database.ts';
import { inOurWords } from './integrity.ts';
import { DELETE } from './log-row.ts';
import type { LogRow } from './log-row.ts';
import type { PageReaders } from './page-readers.ts';

/** Rows of the log whose predecessors are dropped in one transaction. */
const STEP = 400;

/** How often the history that is kept may be kept in all, for those who are still reading an older state. */
const MOST_HISTORIES = 4;

/** What compaction needs of the store. */
export interface Compactable {
  readonly db: DatabaseSync;
  readonly sql: Statements;
  readonly isOpen: () => boolean;
  /** The revision of the last commit. */
  readonly revision: () => number;
  /** How much history is kept without being asked. */
  readonly historyRevisions: number;
  readonly readers: PageReaders;
}

/** Forgets history in steps, between which the event loop goes on. */
export class Compaction {
  readonly #of: Compactable;
  #reached: number;
  #running: Promise<void> | undefined;

  constructor(of: Compactable, reached: number) {
    this.#of = of;
    this.#reached = reached;
  }

  /** State and changes before this revision are gone. */
  get reached(): number {
    return this.#reached;
  }

  async upTo(revision: number): Promise<void> {
    const target = Math.min(revision, this.#of.revision());
    while (this.#reached < target && this.#of.isOpen()) {
      this.#step(target);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** To be called after each commit. */
  dropOldHistory(): void {
    const { historyRevisions, revision, readers } = this.#of;
    const old = revision() - historyRevisions;
    // A slack of a tenth keeps compaction in batches instead of trailing every single write.
    const slack = historyRevisions / 10;
    if (this.#running || old - this.#reached < slack) return;
    const tooOld = revision() - MOST_HISTORIES * historyRevisions;
    const target = Math.max(Math.min(old, readers.oldest()), tooOld);
    if (target - this.#reached < slack) return;
    // A failure (a full disk) loses nothing: the next commit tries again.
    this.#running = this.upTo(target)
      .catch(() => undefined)
      .finally(() => (this.#running = undefined));
  }

  /** Drops what the next few log rows superseded; a deletion's own row goes with the value it ended. */
  #step(target: number): void {
    const { db, sql } = this.#of;
    const rows = sql.supersededUpTo.all(this.#reached, target, STEP) as unknown as LogRow[];
    const reached = rows.length < STEP ? target : (rows.at(-1)?.rev ?? target);
    const body = (): void => {
      for (const { rev, type, prev } of rows) {
        if (prev > 0) sql.forget.run(prev);
        if (type === DELETE) sql.forget.run(rev);
      }
      sql.setMeta.run(reached, 'compacted');
    };
    inOurWords(() => transaction(db, body));
    this.#reached = reached;
  }
}
