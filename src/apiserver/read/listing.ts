/** A walk through a collection, in steps between which others are served. */
import type { ListMeta } from '../table.ts';
import type { Entry, Store } from '../../store/index.ts';
import { encodeContinue } from './list-options.ts';
import type { ListOptions } from './list-options.ts';
import { eventLoop } from './turns.ts';

/** What is read and looked at in one step: a few milliseconds' work. */
export const PAGE = { limit: 100, characters: 2 ** 19 };

/** What a list leaves for the one that continues it. */
interface Rest {
  readonly key: string;
  /** How many objects; unknown where a selector chooses. */
  readonly count: () => number | undefined;
}

/** All pages of a listing show one revision. */
export class Listing<Found> {
  readonly #store: Pick<Store, 'list'>;
  readonly #options: ListOptions;
  readonly #look: (entry: Entry) => Found | undefined;
  #revision: number | undefined;
  #after: string | undefined;
  #found = 0;
  #looked = 0;
  #rest: Rest | 'unknown' | 'none' = 'unknown';
  /** What {@link cut} would leave for another list. */
  #further: Rest | undefined;

  /** @param look what to make of an object; undefined leaves it out */
  constructor(store: Pick<Store, 'list'>, options: ListOptions, look: (entry: Entry) => Found | undefined) {
    this.#store = store;
    this.#options = options;
    this.#look = look;
    this.#revision = options.revision;
    this.#after = options.after;
  }

  /** Whether there is no other page. */
  get ended(): boolean {
    return this.#rest !== 'unknown';
  }

  /** Of the pages so far; a `continue` only once it has {@link ended} at its limit. */
  get metadata(): ListMeta {
    const { prefix } = this.#options;
    const resourceVersion = String(this.#revision);
    if (this.#rest === 'unknown' || this.#rest === 'none') return { resourceVersion };
    const remainingItemCount = this.#rest.count();
    return {
      resourceVersion,
      continue: encodeContinue(this.#revision ?? 0, this.#rest.key, prefix),
      ...(remainingItemCount !== undefined && { remainingItemCount }),
    };
  }

  /** Ends it after the pages that were read, as if it had been limited to what is in them. */
  cut(): void {
    this.#rest = this.#further ?? 'none';
  }

  /** How much the last page took a look at, in rows of the store. */
  get looked(): number {
    return this.#looked;
  }

  /** Reads and looks at a page, of which there may be nothing to show. Throws CompactedError. */
  next(): Found[] {
    const { prefix, selector, limit = Infinity } = this.#options;
    const wanted = limit - this.#found;
    const bounds = { ...PAGE, limit: selector ? PAGE.limit : Math.min(PAGE.limit, wanted) };
    const page = this.#store.list(prefix, { ...bounds, revision: this.#revision, after: this.#after });
    const { entries, reached, revision, looked } = page;
    this.#revision = revision;
    this.#looked = looked;
    // What a selector would let through is not known.
    const count = (): number | undefined => (selector ? undefined : page.remaining());
    const found: Found[] = [];
    for (const [i, entry] of entries.entries()) {
      const one = this.#look(entry);
      if (one !== undefined) found.push(one);
      if (found.length === wanted && (reached !== undefined || i + 1 < entries.length)) {
        this.#rest = { key: entry.key, count };
        return found;
      }
    }
    this.#found += found.length;
    this.#after = reached;
    if (reached === undefined) this.#rest = 'none';
    else this.#further = { key: reached, count };
    return found;
  }
}

/** The pages of a listing, each in its turn. Throws the reason why nobody waits for them any more. */
export async function* pagesOf<Found>(listing: Listing<Found>, gone?: AbortSignal): AsyncGenerator<Found[]> {
  for (;;) {
    const page = listing.next();
    eventLoop.spend(listing.looked);
    yield page;
    if (listing.ended) return;
    gone?.throwIfAborted();
    await eventLoop.take();
  }
}

/** What a listing shows, all at once. */
export async function wholeOf<Found>(listing: Listing<Found>, gone?: AbortSignal): Promise<Found[]> {
  const whole: Found[] = [];
  for await (const page of pagesOf(listing, gone)) whole.push(...page);
  return whole;
}

/** What is made of each of many, each page of them in its turn. */
export async function* slices<Item, Made>(
  items: readonly Item[],
  make: (item: Item) => Made,
): AsyncGenerator<Made[]> {
  for (let start = 0; start < items.length; start += PAGE.limit) {
    if (start > 0) await eventLoop.take();
    const made = items.slice(start, start + PAGE.limit).map(make);
    eventLoop.spend(made.length);
    yield made;
  }
}
