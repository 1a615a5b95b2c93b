/**
 * In-process locks by key. An exclusive holder stands alone; shared holders stand together. First come, first
 * served, so a waiting writer is not starved by later readers.
 */
export class Locks {
  readonly #queues = new Map<string, Waiter[]>();

  /** Runs `work` while nobody else holds `key`. */
  exclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#hold(key, 'exclusive', work);
  }

  /** Runs `work` while nobody holds `key` exclusively. */
  shared<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#hold(key, 'shared', work);
  }

  async #hold<T>(key: string, mode: Mode, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { mode, enter: resolve };
    queue.push(waiter);
    admit(queue);
    await promise;
    try {
      return await work();
    } finally {
      queue.splice(queue.indexOf(waiter), 1);
      if (queue.length === 0) this.#queues.delete(key);
      else admit(queue);
    }
  }
}

type Mode = 'exclusive' | 'shared';

interface Waiter {
  mode: Mode;
  enter: () => void;
}

/** Lets in the first waiter, or the leading run of shared ones. Entering twice is harmless. */
function admit(queue: Waiter[]): void {
  const firstExclusive = queue.findIndex(({ mode }) => mode === 'exclusive');
  const leading = firstExclusive === -1 ? queue : queue.slice(0, Math.max(firstExclusive, 1));
  for (const { enter } of leading) enter();
}
