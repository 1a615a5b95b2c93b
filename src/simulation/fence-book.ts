import { type Admitted, type FenceBook, removalsKept, removalsKeptMs } from '../agent/fence-book.ts';

interface Entry extends Admitted {
  removed?: { generation: number; atMs: number };
}

/** What a host keeps on its disk, under the promises of the production book: there again after any crash. */
export class MemoryFenceBook implements FenceBook {
  readonly #facts = new Map<string, string>();
  readonly #entries = new Map<string, Entry>();

  fact(name: string): string | undefined {
    return this.#facts.get(name);
  }

  setFact(name: string, value: string): void {
    this.#facts.set(name, value);
  }

  admitted(uid: string): Admitted | undefined {
    return this.#entries.get(uid);
  }

  admit(uid: string, { epoch, generation }: Admitted): void {
    this.#entries.set(uid, { epoch, generation });
  }

  recordRemoval(uid: string, generation: number, atMs: number): void {
    const entry = this.#entries.get(uid);
    if (entry) entry.removed = { generation, atMs };
    const newestFirst = [...this.#entries]
      .flatMap(([of, { removed }]) => (removed ? [{ of, atMs: removed.atMs }] : []))
      .sort((a, b) => b.atMs - a.atMs);
    for (const [index, { of, atMs: removedAtMs }] of newestFirst.entries()) {
      if (index >= removalsKept || removedAtMs < atMs - removalsKeptMs) this.#entries.delete(of);
    }
  }

  removals(): Record<string, number> {
    const removed = [...this.#entries].flatMap(([uid, entry]) =>
      entry.removed ? [[uid, entry.removed.generation] as const] : [],
    );
    return Object.fromEntries(removed);
  }

  /** Nothing to close: the next agent of the host opens the same book. */
  close(): void {}
}
