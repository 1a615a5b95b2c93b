import type { Change, Watch } from './types.ts';

/** What a watch needs from the store: its history, and to be forgotten when it closes. */
export interface WatchSource {
  revision(): number;
  /** A page of changes after a revision; throws CompactedError. */
  history(prefix: string, after: number): Change[];
  forget(watch: StoreWatch): unknown;
}

const BUFFERED_CHANGES = 1000;

/**
 * One watcher. It starts by reading the log; once it has reached the newest revision, changes are pushed to
 * it as they are committed. If its reader falls behind by more than the buffer, it reads the log again.
 */
export class StoreWatch implements Watch {
  readonly #prefix: string;
  readonly #source: WatchSource;
  #buffer: Change[] = [];
  #live = false;
  #closed = false;
  #ended = false;
  /** All changes up to here have been handed out or are in the buffer. */
  #seen: number;
  #delivered: number;
  #wake: (() => void) | undefined;

  constructor(prefix: string, fromRevision: number, source: WatchSource) {
    this.#prefix = prefix;
    this.#seen = fromRevision;
    this.#delivered = fromRevision;
    this.#source = source;
  }

  get progress(): number {
    return this.#live && this.#buffer.length === 0 ? this.#source.revision() : this.#delivered;
  }

  async next(): Promise<readonly Change[]> {
    for (;;) {
      if (this.#closed) return [];
      if (!this.#live) this.#catchUp();
      if (this.#buffer.length > 0) return this.#take();
      if (this.#ended && this.#live) return [];
      if (this.#live) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Called by the store for each commit, in order. */
  publish(changes: readonly Change[]): void {
    if (!this.#live || this.#ended) return;
    for (const change of changes) {
      if (change.key.startsWith(this.#prefix)) this.#buffer.push(change);
    }
    if (this.#buffer.length > BUFFERED_CHANGES) {
      this.#seen = (this.#buffer[0]?.revision ?? 1) - 1;
      this.#buffer = [];
      this.#live = false;
    }
    if (this.#buffer.length > 0 || !this.#live) this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#buffer = [];
    this.#source.forget(this);
    this.#notify();
  }

  #catchUp(): void {
    const page = this.#source.history(this.#prefix, this.#seen);
    this.#buffer = page;
    const last = page.at(-1);
    if (last) this.#seen = last.revision;
    else this.#live = true;
  }

  #take(): readonly Change[] {
    const taken = this.#buffer;
    this.#buffer = [];
    this.#delivered = taken.at(-1)?.revision ?? this.#delivered;
    return taken;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
