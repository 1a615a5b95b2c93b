/** One part of the host, listed again whenever something may have changed in it. */
export interface PartOptions<Value> {
  list: () => Promise<Value>;
  /** Called after every listing, failed ones too. */
  onListed: () => void;
  onError: (error: unknown) => void;
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
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
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

  /** Resolves after a listing that began after this call; a failed one is retried in the background. */
  async refresh(): Promise<void> {
    if (this.#stopped) return;
    if (!this.#running) {
      this.#running = this.#list();
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      this.#running = this.#list();
      return this.#running;
    });
    return this.#next;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#next;
    await this.#running;
  }

  async #list(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      this.#value = await this.#options.list();
      this.#known = true;
      this.#retryMs = firstRetryMs;
    } catch (error) {
      this.#known = false;
      this.#options.onError(error);
      if (!this.#stopped) {
        this.#retry = setTimeout(() => void this.refresh(), this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
      }
    } finally {
      this.#running = undefined;
    }
    this.#options.onListed();
  }
}
