import type { Cancel, Clock } from '../clock/clock.ts';

/**
 * Keys to look at: each at most once in the queue and once in work at a time; what is added while in work is looked
 * at again afterwards. Delayed additions keep the earliest time. (client-go's workqueue is the model.)
 */
export class WorkQueue {
  readonly #process: (key: string) => Promise<void>;
  readonly #concurrency: number;
  readonly #ready: string[] = [];
  readonly #queued = new Set<string>();
  readonly #active = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { at: number; cancel: Cancel }>();
  readonly #clock: Clock;
  #closed = false;
  readonly #idle = Promise.withResolvers<void>();

  constructor(concurrency: number, process: (key: string) => Promise<void>, clock: Clock) {
    this.#clock = clock;
    this.#concurrency = concurrency;
    this.#process = process;
  }

  get depth(): number {
    return this.#ready.length + this.#active.size;
  }

  add(key: string): void {
    if (this.#closed || this.#queued.has(key)) return;
    if (this.#active.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#clearTimer(key);
    this.#queued.add(key);
    this.#ready.push(key);
    this.#pump();
  }

  /** Adds the key after `delayMs`, unless an earlier time stands already. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    const at = this.#clock.monotonicMs() + delayMs;
    const present = this.#timers.get(key);
    if (present && present.at <= at) return;
    this.#clearTimer(key);
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { at, cancel });
  }

  /** Takes no more work and resolves when nothing is in work any more. May be called more than once. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const key of this.#timers.keys()) this.#clearTimer(key);
    this.#ready.length = 0;
    if (this.#active.size === 0) this.#idle.resolve();
    await this.#idle.promise;
  }

  #pump(): void {
    while (this.#active.size < this.#concurrency) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#queued.delete(key);
      this.#active.add(key);
      void this.#process(key).finally(() => this.#done(key));
    }
  }

  #done(key: string): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) this.add(key);
    this.#pump();
    if (this.#closed && this.#active.size === 0) this.#idle.resolve();
  }

  #clearTimer(key: string): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
  }
}
