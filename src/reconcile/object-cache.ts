import type { Lookup } from '../plan/lookups.ts';
import type { Resource } from '../resources/metadata.ts';
import { keyOf } from '../resources/metadata.ts';

/**
 * Whoever restores a backup of the API store raises its versions, so that nobody takes the past for the present: Purlin's
 * store by 10^9 and more, etcd by what its documentation recommends, which is as much. Nothing else makes such a leap.
 */
const RESTORE_RAISES_BY = 500_000_000n;

/**
 * The objects of one kind as last seen, indexed by key, namespace, UID and lookups. Only newer versions replace older ones, so
 * that the answer to an own write and the watch event of it may come in either order.
 */
export class ObjectCache<Kind extends Resource = Resource> {
  readonly #byKey = new Map<string, Kind>();
  readonly #keysByNamespace = new Map<string, Set<string>>();
  readonly #keyByUid = new Map<string, string>();
  /** Per lookup: value → keys. */
  readonly #found = new Map<string, Map<string, Set<string>>>();
  readonly #lookups: readonly Lookup[];
  /**
   * UIDs seen deleted, with the version that was known then: neither a late answer to a write nor an older list may bring
   * them back, but the restore of a backup does.
   */
  readonly #gone = new Map<string, bigint>();

  constructor(lookups: readonly Lookup[] = []) {
    this.#lookups = lookups;
    for (const [by] of lookups) this.#found.set(by, new Map());
  }

  get(key: string): Kind | undefined {
    return this.#byKey.get(key);
  }

  keyOfUid(uid: string): string | undefined {
    return this.#keyByUid.get(uid);
  }

  list(namespace?: string): Kind[] {
    if (namespace === undefined) return [...this.#byKey.values()];
    const keys = this.#keysByNamespace.get(namespace);
    return keys ? [...keys].flatMap((key) => this.#byKey.get(key) ?? []) : [];
  }

  find(by: string, value: string): Kind[] {
    const keys = this.#found.get(by)?.get(value);
    return keys ? [...keys].flatMap((key) => this.#byKey.get(key) ?? []) : [];
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Stores the object unless it is older than what is there. Returns what it replaced, or `unchanged`. */
  put(object: Kind): { before: Kind | undefined } | 'unchanged' {
    const key = keyOf(object);
    const before = this.#byKey.get(key);
    const goneAt = this.#gone.get(object.metadata.uid);
    if (goneAt !== undefined && versionOf(object) < goneAt + RESTORE_RAISES_BY) return 'unchanged';
    if (before && !isNewer(object, before)) return 'unchanged';
    // Its name was free: the one before is gone, and an older list must not bring it back.
    if (before && before.metadata.uid !== object.metadata.uid) this.remove(before);
    this.#index(key, this.#byKey.get(key), object);
    this.#byKey.set(key, object);
    this.#keyByUid.set(object.metadata.uid, key);
    const namespace = object.metadata.namespace ?? '';
    const keys = this.#keysByNamespace.get(namespace) ?? new Set();
    this.#keysByNamespace.set(namespace, keys.add(key));
    return { before };
  }

  /** Forgets the object, unless another of the same name has taken its place. Returns what was there of it. */
  remove(object: Kind): Kind | undefined {
    const key = keyOf(object);
    this.#gone.set(object.metadata.uid, versionOf(object));
    if (this.#gone.size > 10_000) this.#gone.delete(this.#gone.keys().next().value ?? '');
    this.#keyByUid.delete(object.metadata.uid);
    const known = this.#byKey.get(key);
    if (known?.metadata.uid !== object.metadata.uid) return undefined;
    this.#byKey.delete(key);
    this.#index(key, known, undefined);
    this.#keysByNamespace.get(object.metadata.namespace ?? '')?.delete(key);
    return known;
  }

  #index(key: string, before: Kind | undefined, after: Kind | undefined): void {
    for (const [by, valuesOf] of this.#lookups) {
      const found = this.#found.get(by) ?? new Map<string, Set<string>>();
      const old = before ? valuesOf(before) : [];
      const wanted = after ? valuesOf(after) : [];
      for (const value of old) {
        if (wanted.includes(value)) continue;
        const keys = found.get(value);
        keys?.delete(key);
        if (keys?.size === 0) found.delete(value);
      }
      for (const value of wanted) {
        if (old.includes(value)) continue;
        found.set(value, (found.get(value) ?? new Set()).add(key));
      }
    }
  }
}

/** Resource versions are decimal integers with one order over all kinds (Kubernetes 1.35, "comparable resource versions"). */
const versionOf = (object: Resource): bigint => BigInt(object.metadata.resourceVersion);

const isNewer = (a: Resource, b: Resource): boolean => versionOf(a) > versionOf(b);
