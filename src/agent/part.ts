import type { Cancel, Clock } from '../clock/clock.ts';

/** One part of the host, listed again whenever something may have changed in it. */
export interface PartOptions<Value> {
  list: () => Promise<Value>;
  /**
   * Brings the last listing up to date in one object, where that costs less than listing everything.
   * @returns nothing when only a full listing can tell
   */
  relist?: (value: Value, key: string) => Promise<Value | undefined>;
  /** Called after every listing, failed ones too; must not throw. */
  onListed: () => void;
  onError: (error: unknown) => void;
  clock: Clock;
}

const firstRetryMs = 500;
const longestRetryMs = 30_000;

/**
 * Keeps the newest listing. Listings never overlap; any number of requests while one runs make one more after it, so
 * that every request is answered by a listing that began after it.
 */
export class Part<Value> {
  readonly #options: PartOptions<Value>;
  #value: Value | undefined;
  #known = false;
  /** What the next listing is to look at. */
  #wanted: Set<string> | 'all' = new Set();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #retry: Cancel | undefined;
  #retryMs = firstRetryMs;
  #stopped = false;

  constructor(options: PartOptions<Value>) {
    this.#options = options;
  }

  /** What was listed last, even when a later listing failed. */
  get value(): Value | undefined {
    return this.#value;
  }

  /** True while the last listing succeeded. */
  get known(): boolean {
    return this.#known;
  }

  /**
   * Resolves after a listing that began after this call; a failed one is retried in the background.
   *
   * @param what the key of one object, or `all`
   */
  async refresh(what = 'all'): Promise<void> {
    if (this.#stopped) return;
    if (what === 'all') this.#wanted = 'all';
    else if (this.#wanted !== 'all') this.#wanted.add(what);
    // Between two listings nothing runs for a moment, and yet the next one is under way.
    if (this.#next) return this.#next;
    if (!this.#running) return this.#run();
    this.#next = this.#running.then(() => {
      this.#next = undefined;
      return this.#run();
    });
    return this.#next;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#retry?.();
    await this.#next;
    await this.#running;
  }

  #run(): Promise<void> {
    this.#running = this.#list();
    return this.#running;
  }

  async #list(): Promise<void> {
    const { onListed, onError } = this.#options;
    this.#retry?.();
    const wanted = this.#wanted;
    this.#wanted = new Set();
    try {
      this.#value = await this.#look(wanted);
      this.#known = true;
      this.#retryMs = firstRetryMs;
    } catch (error) {
      this.#known = false;
      onError(error);
      this.#retryLater();
    }
    this.#running = undefined;
    onListed();
  }

  async #look(wanted: Set<string> | 'all'): Promise<Value> {
    const { list, relist } = this.#options;
    let value = this.#known && relist ? this.#value : undefined;
    if (wanted === 'all' || value === undefined || !relist) return list();
    for (const key of wanted) {
      value = await relist(value, key);
      if (value === undefined) return list();
    }
    return value;
  }

  #retryLater(): void {
    if (this.#stopped) return;
    this.#retry = this.#options.clock.after(this.#retryMs, () => void this.refresh());
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
  }
}
