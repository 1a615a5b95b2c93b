/** Whoever reads the state of one revision page by page: its history is to stay until he is through. */

/** Somebody who takes longer for a page is not waited for. Longer than a client may leave an answer unread. */
const NEXT_PAGE_WITHIN_MS = 60_000;

export class PageReaders {
  readonly #nowMs: () => number;
  /** Revisions of which a page was read and others follow, with when that was. */
  readonly #readMs = new Map<number, number>();

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** A page of the state at a revision was read, and there is more of it. */
  reads(revision: number): void {
    this.#readMs.set(revision, this.#nowMs());
  }

  /** The oldest revision of which somebody may read on; Infinity when there is none. */
  oldest(): number {
    const expiredMs = this.#nowMs() - NEXT_PAGE_WITHIN_MS;
    let oldest = Infinity;
    for (const [revision, readMs] of this.#readMs) {
      if (readMs < expiredMs) this.#readMs.delete(revision);
      else oldest = Math.min(oldest, revision);
    }
    return oldest;
  }
}
