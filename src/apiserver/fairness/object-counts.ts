/** How many objects a collection has, as of a moment ago: good enough for an estimate, and asked for at every list. */

const KEPT_MS = 2000;
const MAX_KEPT = 1000;

export class ObjectCounts {
  readonly #count: (prefix: string) => number;
  readonly #nowMs: () => number;
  readonly #kept = new Map<string, { objects: number; atMs: number }>();

  constructor(count: (prefix: string) => number, nowMs: () => number) {
    this.#count = count;
    this.#nowMs = nowMs;
  }

  of(prefix: string): number {
    const known = this.#kept.get(prefix);
    const atMs = this.#nowMs();
    if (known && atMs - known.atMs < KEPT_MS) return known.objects;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    const objects = this.#count(prefix);
    this.#kept.set(prefix, { objects, atMs });
    return objects;
  }
}
