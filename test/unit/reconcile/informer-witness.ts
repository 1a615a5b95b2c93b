import type { ObjectListener } from '../../../src/reconcile/informer.ts';
import type { ObjectCache } from '../../../src/reconcile/object-cache.ts';
import { keyOf, type Resource } from '../../../src/resources/metadata.ts';

const list = (objects: readonly Resource[]): string => objects.map(describe).join(' and ') || 'nothing';

const describe = ({ metadata }: Resource): string =>
  `${keyOf({ metadata })} (${metadata.uid}) at ${metadata.resourceVersion}`;

const byKey = (objects: readonly Resource[]): Resource[] =>
  [...objects].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

/** Knows only what it was told, and holds that against the cache. */
export class InformerWitness {
  /** What must not be told, and was. */
  readonly violations: string[] = [];
  readonly #present = new Map<string, Resource>();
  readonly #gone = new Set<string>();

  readonly listener: ObjectListener = (object, before, deleted) => {
    const key = keyOf(object);
    const known = this.#present.get(key);
    if (object.kind !== 'Disk') this.violations.push(`told of a ${object.kind}`);
    if (before !== known) this.violations.push(`${describe(object)}: told of another predecessor`);
    if (deleted) this.#deleted(object, known);
    else this.#changed(object, known);
  };

  /** Everything that the cache has was told, and nothing else. */
  compare(cache: ObjectCache): void {
    const present = byKey([...this.#present.values()]);
    const cached = byKey(cache.list());
    const differs = present.length !== cached.length || present.some((each, at) => each !== cached[at]);
    if (differs) this.violations.push(`told ${list(present)}, but the cache has ${list(cached)}`);
    if (cache.size !== cached.length) this.violations.push(`the size of the cache is told as ${cache.size}`);
    for (const object of cached) {
      const { uid, namespace } = object.metadata;
      const found = cache.get(keyOf(object)) === object && cache.keyOfUid(uid) === keyOf(object);
      if (!found || !cache.list(namespace).includes(object))
        this.violations.push(`the cache does not find ${describe(object)}`);
    }
    for (const uid of this.#gone) if (cache.keyOfUid(uid)) this.violations.push(`${uid} is still found`);
  }

  #changed(object: Resource, known: Resource | undefined): void {
    const { uid, resourceVersion } = object.metadata;
    if (this.#gone.has(uid)) this.violations.push(`${describe(object)} was told deleted`);
    if (known && known.metadata.uid !== uid)
      this.violations.push(`${describe(object)}: the end of ${describe(known)} was not told`);
    if (known && BigInt(known.metadata.resourceVersion) >= BigInt(resourceVersion))
      this.violations.push(`${describe(object)} comes after ${describe(known)}`);
    this.#present.set(keyOf(object), object);
  }

  #deleted(object: Resource, known: Resource | undefined): void {
    const { uid } = object.metadata;
    if (known?.metadata.uid !== uid)
      this.violations.push(`${describe(object)} is deleted, but was not there`);
    this.#present.delete(keyOf(object));
    this.#gone.add(uid);
  }
}
