/** What one action takes: alone what it changes, together with others what it merely stands on. */
export interface Claim {
  exclusive: Iterable<string>;
  shared?: Iterable<string>;
}

/** Everybody who has or awaits one key. */
interface Line {
  /** Resolves when the last exclusive holder so far is done. */
  exclusive: Promise<void>;
  /** One promise for each shared holder that came after it. */
  shared: Set<Promise<void>>;
  members: number;
}

/**
 * Locks on UIDs and digests within one process. Who comes later waits longer: a shared claim never overtakes a waiting
 * exclusive one. The keys of one claim are taken in sorted order, so that no two claims wait for each other.
 */
export class KeyedLocks {
  readonly #lines = new Map<string, Line>();

  /** Runs `work` while holding the claim. A key that is named in both ways is taken exclusively. */
  async holding<Result>({ exclusive, shared = [] }: Claim, work: () => Promise<Result>): Promise<Result> {
    const alone = new Set(exclusive);
    const keys = [...new Set([...alone, ...shared])].sort();
    const releases: (() => void)[] = [];
    try {
      for (const key of keys) {
        releases.push(await (alone.has(key) ? this.#takeAlone(key) : this.#takeShared(key)));
      }
      return await work();
    } finally {
      for (const release of releases.reverse()) release();
    }
  }

  async #takeAlone(key: string): Promise<() => void> {
    const line = this.#join(key);
    const before = [line.exclusive, ...line.shared];
    const { promise, resolve } = Promise.withResolvers<void>();
    line.exclusive = promise;
    line.shared = new Set();
    await Promise.all(before);
    return () => {
      resolve();
      this.#leave(key, line);
    };
  }

  async #takeShared(key: string): Promise<() => void> {
    const line = this.#join(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { exclusive, shared } = line;
    shared.add(promise);
    await exclusive;
    return () => {
      resolve();
      shared.delete(promise);
      this.#leave(key, line);
    };
  }

  #join(key: string): Line {
    const line = this.#lines.get(key) ?? { exclusive: Promise.resolve(), shared: new Set(), members: 0 };
    line.members += 1;
    this.#lines.set(key, line);
    return line;
  }

  #leave(key: string, line: Line): void {
    line.members -= 1;
    if (line.members === 0) this.#lines.delete(key);
  }
}
