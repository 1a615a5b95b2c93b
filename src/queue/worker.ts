import { Worker } from 'bullmq';
import { settledWithin } from './deadline.ts';
import { LockLost, WorkerClosing } from './interruptions.ts';
import { copiesQueueName, queueName } from './keys.ts';
import type { Doorbell } from './orders.ts';
import { longestWaitSeconds, type RedisAddress, redisOptions } from './redis-connection.ts';

export interface OrderWorkerOptions {
  redis: RedisAddress;
  agentUid: string;
  /**
   * Deals with whatever stands for the UID now. `signal` aborts when this worker can no longer be sure that the job
   * is its own; then only its own child work may stop, never a guest.
   */
  handle: (uid: string, signal: AbortSignal) => Promise<void>;
  onError: (error: Error) => void;
  /** How long a job's lock lasts without renewal; 30 s unless a test wants less. */
  lockDurationMs?: number;
}

const concurrency = { orders: 8, copies: 2 };

/** How long it pauses after a connection was lost in a blocking read. */
const retryMs = 1_000;

/** Answers the doorbells of one agent: short work and long copies each with their own concurrency. */
export class OrderWorker {
  readonly #orders: QueueWorker;
  readonly #copies: QueueWorker;

  constructor(options: OrderWorkerOptions) {
    this.#orders = new QueueWorker(queueName(options.agentUid), concurrency.orders, options);
    this.#copies = new QueueWorker(copiesQueueName(options.agentUid), concurrency.copies, options);
  }

  async ready(): Promise<void> {
    await Promise.all([this.#orders.ready(), this.#copies.ready()]);
  }

  /**
   * Takes no new work, aborts copies at once (they begin again another time), lets short work finish until the
   * deadline, then aborts what is left. Ends within the deadline and three seconds.
   */
  async close(deadlineMs: number): Promise<void> {
    await Promise.all([this.#orders.close(deadlineMs), this.#copies.close(0)]);
  }
}

interface ActiveJob {
  abort: AbortController;
  /** Monotonic time at which the lock was surely ours. */
  confirmedAt: number;
}

class QueueWorker {
  readonly #worker: Worker<Doorbell, void, 'order'>;
  readonly #active = new Map<string, ActiveJob>();
  readonly #lockDurationMs: number;
  #watch: NodeJS.Timeout | undefined;

  constructor(name: string, slots: number, options: OrderWorkerOptions) {
    this.#lockDurationMs = options.lockDurationMs ?? 30_000;
    this.#worker = new Worker<Doorbell, void, 'order'>(
      name,
      (job) => this.#run(job.id ?? '', () => job.data.uid, options.handle),
      {
        connection: redisOptions(options.redis, 'worker'),
        concurrency: slots,
        lockDuration: this.#lockDurationMs,
        stalledInterval: this.#lockDurationMs / 2,
        maxStalledCount: 3,
        // A worker that waits is woken by the job itself; this is only how often it asks whether one was missed.
        drainDelay: longestWaitSeconds,
        runRetryDelay: retryMs,
      },
    );
    this.#worker.on('error', options.onError);
    this.#worker.on('locksRenewed', ({ jobIds }) => this.#confirm(jobIds));
    this.#worker.on('lockRenewalFailed', (jobIds) => this.#lose(jobIds));
  }

  async ready(): Promise<void> {
    await this.#worker.waitUntilReady();
  }

  async close(deadlineMs: number): Promise<void> {
    const closed = this.#worker.close();
    await settledWithin(closed, deadlineMs);
    for (const { abort } of this.#active.values()) abort.abort(new WorkerClosing('the agent is closing'));
    await settledWithin(closed, 1_000);
    await settledWithin(this.#worker.close(true), 1_000);
    clearInterval(this.#watch);
  }

  async #run(jobId: string, uid: () => string, handle: OrderWorkerOptions['handle']): Promise<void> {
    const job: ActiveJob = { abort: new AbortController(), confirmedAt: performance.now() };
    this.#active.set(jobId, job);
    this.#watch ??= setInterval(() => this.#doubt(), this.#lockDurationMs / 10);
    try {
      await handle(uid(), job.abort.signal);
    } finally {
      this.#active.delete(jobId);
      if (this.#active.size === 0) {
        clearInterval(this.#watch);
        this.#watch = undefined;
      }
    }
  }

  #confirm(jobIds: string[]): void {
    for (const id of jobIds) {
      const job = this.#active.get(id);
      if (job) job.confirmedAt = performance.now();
    }
  }

  #lose(jobIds: string[]): void {
    for (const id of jobIds) this.#active.get(id)?.abort.abort(new LockLost());
  }

  /**
   * BullMQ says nothing while Redis is unreachable, and a process that was frozen is told only afterwards; so a lock
   * that nobody confirmed for nearly its whole duration counts as lost.
   */
  #doubt(): void {
    const now = performance.now();
    const unconfirmed = [...this.#active].filter(
      ([, job]) => now - job.confirmedAt > this.#lockDurationMs * 0.9,
    );
    this.#lose(unconfirmed.map(([id]) => id));
  }
}
