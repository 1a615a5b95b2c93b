import { WorkQueue } from '../../../src/reconcile/work-queue.ts';
import { settled } from '../../../src/simulation/scheduler.ts';
import { HandClock } from '../../support/hand-clock.ts';

/** A wish that a key be looked at from `dueMs` on. */
interface Wish {
  key: string;
  dueMs: number;
  /** The key was begun since, for another reason: the wish may still come true, but nobody waits for it. */
  lookedAt: boolean;
}

/**
 * A work queue whose workers end when the test says so, and a model of what it owes: each begin needs a wish that is
 * due, and as long as a worker is free no wish that is due waits.
 */
export class WatchedQueue {
  readonly clock = new HandClock();
  /** What the queue must not do, and did. */
  readonly violations: string[] = [];
  readonly #concurrency: number;
  readonly #queue: WorkQueue;
  readonly #inWork = new Map<string, () => void>();
  /** For each caller of `close` whether its wait is over. */
  readonly #closers: { over: boolean }[] = [];
  #wishes: Wish[] = [];

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.#queue = new WorkQueue(concurrency, (key) => this.#begin(key), this.clock);
  }

  add(key: string): void {
    this.#wish(key, 0);
    this.#queue.add(key);
  }

  addAfter(key: string, delayMs: number): void {
    this.#wish(key, delayMs);
    this.#queue.addAfter(key, delayMs);
  }

  /** A worker ends; before that it may ask to look at its key again, as reconcilers do. */
  async finish(worker: number, againAfterMs: number | undefined): Promise<void> {
    const keys = [...this.#inWork.keys()];
    const key = keys[worker % keys.length];
    if (key === undefined) return;
    if (againAfterMs !== undefined) this.addAfter(key, againAfterMs);
    const end = this.#inWork.get(key);
    this.#inWork.delete(key);
    end?.();
    await settled();
  }

  close(): void {
    const closer = { over: false };
    this.#closers.push(closer);
    this.#wishes = [];
    void this.#queue.close().then(() => {
      closer.over = true;
    });
  }

  /** What has to be true whenever nothing moves. */
  async expectAtRest(): Promise<void> {
    await settled();
    await this.clock.pass(0);
    const due = this.#wishes.filter(({ dueMs }) => dueMs <= this.clock.monotonicMs());
    const waiting = due.filter(({ key }) => !this.#inWork.has(key));
    const owed = new Set(waiting.filter(({ lookedAt }) => !lookedAt).map(({ key }) => key));
    if (this.#inWork.size < this.#concurrency) {
      for (const key of owed) this.violations.push(`${key} is due and not begun although a worker is free`);
      this.#wishes = this.#wishes.filter((wish) => !waiting.includes(wish));
    }
    const { depth } = this.#queue;
    if (depth < this.#inWork.size + owed.size) this.violations.push(`the depth is told as ${depth}`);
    if (this.#closers.length > 0 && this.clock.waiting > 0) this.violations.push('closing leaves a timer');
    for (const { over } of this.#closers) {
      if (over !== (this.#inWork.size === 0))
        this.violations.push(`closing is ${over ? 'over' : 'not over'}`);
    }
  }

  /** Everything that was asked for comes, when workers end and time passes. */
  async expectNothingLost(): Promise<void> {
    for (let turn = 0; turn < 100 && (this.#inWork.size > 0 || this.#wishes.length > 0); turn += 1) {
      await this.finish(0, undefined);
      await this.clock.pass(1_000);
      await this.expectAtRest();
    }
    for (const { key, dueMs } of this.#wishes) this.violations.push(`${key}, due at ${dueMs}, never came`);
    if (this.#queue.depth !== 0) this.violations.push(`a depth of ${this.#queue.depth} is left`);
  }

  #wish(key: string, delayMs: number): void {
    if (this.#closers.length > 0) return;
    this.#wishes.push({ key, dueMs: this.clock.monotonicMs() + delayMs, lookedAt: false });
  }

  #begin(key: string): Promise<void> {
    const now = this.clock.monotonicMs();
    const isServed = (wish: Wish): boolean => wish.key === key && wish.dueMs <= now;
    if (this.#inWork.has(key)) this.violations.push(`${key} is in work twice`);
    if (this.#inWork.size >= this.#concurrency) this.violations.push(`${key} is one too many`);
    if (!this.#wishes.some(isServed)) this.violations.push(`${key} is begun at ${now} without a reason`);
    this.#wishes = this.#wishes.filter((wish) => !isServed(wish));
    for (const wish of this.#wishes) if (wish.key === key) wish.lookedAt = true;
    return new Promise((resolve) => this.#inWork.set(key, resolve));
  }
}
