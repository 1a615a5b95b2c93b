import type { Cancel, Clock } from '../clock/clock.ts';

/** Looking at so many objects takes a few milliseconds to some tens of them. */
const TURN = 64;

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
  /** How many were begun since others last had a chance. */
  #begun = 0;
  #resume: Cancel | undefined;
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
    this.#resume?.();
    this.#ready.length = 0;
    if (this.#active.size === 0) this.#idle.resolve();
    await this.#idle.promise;
  }

  #pump(): void {
    while (this.#active.size < this.#concurrency && !this.#resume) {
      if (this.#begun === TURN) return this.#letOthersGo();
      const key = this.#ready.shift();
      if (key === undefined) {
        if (this.#active.size === 0) this.#begun = 0;
        return;
      }
      this.#begun += 1;
      this.#queued.delete(key);
      this.#active.add(key);
      void this.#process(key).finally(() => this.#done(key));
    }
  }

  /** Many keys that need no waiting would keep the whole process from everything else, such as its lease. */
  #letOthersGo(): void {
    this.#resume = this.#clock.after(0, () => {
      this.#resume = undefined;
      this.#begun = 0;
      this.#pump();
    });
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
