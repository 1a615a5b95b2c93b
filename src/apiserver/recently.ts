/** Keeps what was used last, as far as it fits; the newest always does. */
export class RecentlyUsed<Key, Value> {
  readonly #mostEntries: number;
  readonly #mostWeight: number;
  readonly #entries = new Map<Key, { value: Value; weight: number }>();
  #weight = 0;

  constructor(mostEntries: number, mostWeight: number) {
    this.#mostEntries = mostEntries;
    this.#mostWeight = mostWeight;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    // A Map keeps the order in which keys came: the first one was not used for longest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** For a key that is not there. */
  add(key: Key, value: Value, weight: number): void {
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const [oldest, { weight: relief }] of this.#entries) {
      const fits = this.#entries.size <= this.#mostEntries && this.#weight <= this.#mostWeight;
      if (fits || oldest === key) return;
      this.#entries.delete(oldest);
      this.#weight -= relief;
    }
  }
}
