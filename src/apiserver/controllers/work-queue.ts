import type { Logger } from '../context.ts';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

/** Processes keys one at a time, each at most once however often it was added; failures come again later. */
export class WorkQueue {
  readonly #process: (key: string) => Promise<void>;
  readonly #logger: Logger;
  readonly #waiting = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(process: (key: string) => Promise<void>, logger: Logger) {
    this.#process = process;
    this.#logger = logger;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#waiting.add(key);
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      try {
        await this.#process(key);
        this.#failures.delete(key);
      } catch (error) {
        this.#retry(key, error);
      }
    }
  }

  #retry(key: string, error: unknown): void {
    if (this.#closed) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#logger.warn({ err: error, key, failures }, 'Will try again');
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.add(key);
      },
      Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS),
    );
    this.#timers.add(timer);
  }
}
