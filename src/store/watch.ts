import type { Audience, Waiter } from './fan-out.ts';
import type { Change, Turn, Watch } from './types.ts';

/** What a watch needs from the store: its history, and to be forgotten when it closes. */
export interface WatchSource {
  revision(): number;
  join(watch: Waiter): Audience;
  /** The first changes of the prefix after a revision; throws CompactedError. */
  history(after: number): Change[];
  leave(audience: Audience, watch: Waiter): void;
}

/** One watcher: a place in the history of a prefix. It reads from memory what is there, and the log otherwise. */
export class StoreWatch implements Watch, Waiter {
  readonly #source: WatchSource;
  readonly #audience: Audience;
  /** All changes up to here have been handed out. */
  #position: number;
  /** No change after this one is handed out. */
  #last = Number.POSITIVE_INFINITY;
  #closed = false;
  /** What was handed out when it was closed: nothing has been since, whatever came. */
  #progressAtClose = 0;
  #wake: (() => void) | undefined;

  constructor(fromRevision: number, source: WatchSource) {
    this.#position = fromRevision;
    this.#source = source;
    this.#audience = source.join(this);
  }

  get progress(): number {
    if (this.#closed) return this.#progressAtClose;
    return this.#pending() ? this.#position : this.#source.revision();
  }

  async next(turn?: Turn): Promise<readonly Change[]> {
    for (;;) {
      if (this.#closed) return [];
      if (this.#pending()) {
        await turn?.();
        const page = this.#closed ? [] : this.#take();
        if (page.length > 0) return page;
      } else if (this.#last !== Number.POSITIVE_INFINITY) return [];
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  end(): void {
    this.#last = this.#source.revision();
    this.wake();
  }

  close(): void {
    if (this.#closed) return;
    this.#progressAtClose = this.progress;
    this.#closed = true;
    this.#source.leave(this.#audience, this);
    this.wake();
  }

  /** Called by the store after each commit that concerns the prefix. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Whether there may be changes to hand out. */
  #pending(): boolean {
    if (this.#position >= this.#last) return false;
    return !this.#audience.reachesBackTo(this.#position) || this.#audience.hasAfter(this.#position);
  }

  #take(): readonly Change[] {
    const inMemory = this.#audience.reachesBackTo(this.#position);
    const page = (
      inMemory ? this.#audience.after(this.#position) : this.#source.history(this.#position)
    ).filter(({ revision }) => revision <= this.#last);
    // Nothing more is known of the prefix up to now.
    this.#position = page.at(-1)?.revision ?? this.#source.revision();
    return page;
  }
}
