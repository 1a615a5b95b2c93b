/**
 * How a commit reaches its watches: what a change costs is the watches that it concerns, not all that there are, and
 * what was committed lately is kept once, in memory, for all of them. A watch has no buffer of its own, only a place in
 * this one; who falls behind it reads the log.
 */
import type { Change } from './types.ts';

/** One who waits for changes of a prefix. */
export interface Waiter {
  wake(): void;
}

export interface RecentLimits {
  readonly changes: number;
  /** Of the values, in characters; a change has the one before, too. */
  readonly characters: number;
}

export const RECENT: RecentLimits = { changes: 4_096, characters: 8 * 2 ** 20 };

/** What is handed out at once: so that nobody who is far behind keeps the others waiting, or much memory. */
const MOST_IN_PAGE = { changes: 100, characters: 2 ** 18 };

const charactersOf = ({ value, previous }: Change): number =>
  (value?.length ?? 0) + (previous?.value.length ?? 0);

/** The watches of one prefix, and the recent changes that concern them. */
export class Audience {
  readonly prefix: string;
  readonly waiters = new Set<Waiter>();
  /** All changes of the prefix after `#since`, in order. */
  #changes: Change[];
  #since: number;

  constructor(prefix: string, since: number, changes: Change[]) {
    this.prefix = prefix;
    this.#since = since;
    this.#changes = changes;
  }

  /** Whether all changes after the revision are here. */
  reachesBackTo(revision: number): boolean {
    return revision >= this.#since;
  }

  hasAfter(revision: number): boolean {
    return (this.#changes.at(-1)?.revision ?? 0) > revision;
  }

  after(revision: number): Change[] {
    const page: Change[] = [];
    let characters = 0;
    for (let i = this.#firstAfter(revision); i < this.#changes.length; i += 1) {
      const change = this.#changes[i] as Change;
      page.push(change);
      characters += charactersOf(change);
      if (page.length === MOST_IN_PAGE.changes || characters > MOST_IN_PAGE.characters) break;
    }
    return page;
  }

  add(change: Change): void {
    this.#changes.push(change);
  }

  /**
   * Forgets changes up to the revision. Only what concerned this prefix counts as forgotten, so that a watch of what
   * never changes is not behind because others do.
   */
  forgetUpTo(revision: number): void {
    const kept = this.#firstAfter(revision);
    if (kept === 0) return;
    this.#since = this.#changes[kept - 1]?.revision ?? this.#since;
    this.#changes = this.#changes.slice(kept);
  }

  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle] as Change).revision > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

export class FanOut {
  readonly #limits: RecentLimits;
  readonly #audiences = new Map<string, Audience>();
  /** Prefixes that end within a part of a key: there are none in the API server. */
  readonly #uneven = new Set<Audience>();
  #recent: Change[] = [];
  #characters = 0;
  /** All changes after this revision are in `#recent`. */
  #since: number;

  constructor(revision: number, limits: RecentLimits = RECENT) {
    this.#since = revision;
    this.#limits = limits;
  }

  /** What it keeps in memory. */
  get held(): RecentLimits {
    return { changes: this.#recent.length, characters: this.#characters };
  }

  join(prefix: string, waiter: Waiter): Audience {
    const audience = this.#audiences.get(prefix) ?? this.#gather(prefix);
    audience.waiters.add(waiter);
    return audience;
  }

  leave(audience: Audience, waiter: Waiter): void {
    audience.waiters.delete(waiter);
    if (audience.waiters.size > 0) return;
    this.#audiences.delete(audience.prefix);
    this.#uneven.delete(audience);
  }

  /** Of one commit, in order. Whoever is concerned is woken once, after all of it is there. */
  publish(changes: readonly Change[]): void {
    const concerned = new Set<Audience>();
    for (const change of changes) {
      this.#recent.push(change);
      this.#characters += charactersOf(change);
      for (const audience of this.#audiencesOf(change.key)) {
        audience.add(change);
        concerned.add(audience);
      }
    }
    this.#forgetOldest();
    for (const { waiters } of concerned) for (const waiter of waiters) waiter.wake();
  }

  #gather(prefix: string): Audience {
    const matching = this.#recent.filter(({ key }) => key.startsWith(prefix));
    const audience = new Audience(prefix, this.#since, matching);
    this.#audiences.set(prefix, audience);
    if (!prefix.endsWith('/')) this.#uneven.add(audience);
    return audience;
  }

  *#audiencesOf(key: string): Generator<Audience> {
    for (let end = key.indexOf('/') + 1; end > 0; end = key.indexOf('/', end) + 1) {
      const audience = this.#audiences.get(key.slice(0, end));
      if (audience) yield audience;
    }
    for (const audience of this.#uneven) if (key.startsWith(audience.prefix)) yield audience;
  }

  /** A quarter at a time, because every audience is asked to forget, too. */
  #forgetOldest(): void {
    const { changes, characters } = this.#limits;
    if (this.#recent.length <= changes && this.#characters <= characters) return;
    let dropped = 0;
    while (this.#recent.length - dropped > changes * 0.75 || this.#characters > characters * 0.75) {
      this.#characters -= charactersOf(this.#recent[dropped] as Change);
      dropped += 1;
    }
    this.#since = this.#recent[dropped - 1]?.revision ?? this.#since;
    this.#recent = this.#recent.slice(dropped);
    for (const audience of this.#audiences.values()) audience.forgetUpTo(this.#since);
  }
}
