/**
 * Locks on UIDs and digests within one process: whoever holds a key has it alone, and waiters get it in the order
 * in which they came. All keys of one action are taken in sorted order, so that no two actions wait for each other.
 */
export class KeyedLocks {
  /** Key → resolves when the last in line is done with it. */
  readonly #lines = new Map<string, Promise<void>>();

  /** Runs `work` while holding every key. */
  async holding<Result>(keys: Iterable<string>, work: () => Promise<Result>): Promise<Result> {
    const releases: (() => void)[] = [];
    try {
      for (const key of [...new Set(keys)].sort()) releases.push(await this.#take(key));
      return await work();
    } finally {
      for (const release of releases.reverse()) release();
    }
  }

  async #take(key: string): Promise<() => void> {
    const before = this.#lines.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lines.set(key, promise);
    await before;
    return () => {
      if (this.#lines.get(key) === promise) this.#lines.delete(key);
      resolve();
    };
  }
}
