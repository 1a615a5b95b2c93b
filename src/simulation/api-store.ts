import { copyJson } from '../values/copy.ts';
import { applyDefaults } from '../apiserver/schema/default.ts';
import type { Schema } from '../apiserver/schema/schema.ts';
import { mergePatch } from '../apiserver/write/patch.ts';
import { ApiError, type ObjectPath, type ResourceList, type ResourceType } from '../reconcile/api.ts';
import type { Resource } from '../resources/metadata.ts';
import { equalJson } from '../values/equal.ts';
import { timestamp } from '../values/time.ts';

/** One collection, as its CustomResourceDefinition says. */
export interface Collection {
  kind: string;
  plural: string;
  /** Writes to the object leave its status alone, and the reverse. */
  statusSubresource: boolean;
  schema?: Schema;
  /** Throws for what the API server would refuse; without it everything is let in. */
  admit?: (object: Resource, before: Resource | undefined, subresource: 'status' | undefined) => void;
}

export interface Change {
  revision: number;
  plural: string;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: Resource;
}

type Body = Record<string, unknown> & { metadata?: Partial<Resource['metadata']> };

/**
 * What a Kubernetes API server promises of its objects, in memory and without time: versions, generations,
 * preconditions, finalizers, sub-resources, and the history that watches read.
 */
export class ApiStore {
  readonly #collections: ReadonlyMap<string, Collection>;
  readonly #objects = new Map<string, Map<string, Resource>>();
  readonly #history = new Map<string, Change[]>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #onRestored = new Set<() => void>();
  readonly #newUid: () => string;
  readonly #now: () => number;
  #revision = 0;
  /** History up to here is gone. */
  #compactedTo = 0;
  readonly #backups: ReadonlyMap<string, ReadonlyMap<string, Resource>>[] = [];
  #life = 0;

  constructor(options: { collections: readonly Collection[]; newUid: () => string; now: () => number }) {
    this.#collections = new Map(options.collections.map((each) => [each.plural, each]));
    for (const { plural } of options.collections) {
      this.#objects.set(plural, new Map());
      this.#history.set(plural, []);
    }
    this.#newUid = options.newUid;
    this.#now = options.now;
  }

  get revision(): number {
    return this.#revision;
  }

  /** @returns a function that ends it */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How often it was restored: what was sent to an earlier life gets no answer. */
  get life(): number {
    return this.#life;
  }

  /** @returns a function that ends it */
  onRestored(listener: () => void): () => void {
    this.#onRestored.add(listener);
    return () => this.#onRestored.delete(listener);
  }

  /** For {@link restore}: the first one is kept, and the last. */
  backUp(): void {
    const backup = new Map([...this.#objects].map(([plural, objects]) => [plural, new Map(objects)]));
    this.#backups[Math.min(this.#backups.length, 1)] = backup;
  }

  /**
   * What `purlin store restore` does: the objects of the backup are back, at versions above all that were given out,
   * without history and without Leases. @returns whether there was a backup
   */
  restore(which: 'first' | 'last'): boolean {
    const backup = this.#backups.at(which === 'first' ? 0 : -1);
    if (!backup) return false;
    this.#life += 1;
    for (const [plural, objects] of this.#objects) {
      objects.clear();
      if (plural === 'leases') continue;
      for (const [key, object] of backup.get(plural) ?? []) {
        this.#revision += 1;
        const metadata = { ...object.metadata, resourceVersion: String(this.#revision) };
        objects.set(key, { ...object, metadata });
      }
    }
    this.compact();
    for (const listener of this.#onRestored) listener();
    return true;
  }

  /** Every object there is. */
  everything(): Resource[] {
    return [...this.#objects.keys()].flatMap((plural) => this.all(plural));
  }

  all(plural: string): Resource[] {
    return [...this.#of(plural).values()];
  }

  find(plural: string, path: ObjectPath): Resource | undefined {
    return this.#of(plural).get(keyOf(path));
  }

  get({ plural }: ResourceType, path: ObjectPath): Resource {
    const object = this.find(plural, path);
    if (!object) throw new ApiError(404, 'NotFound', `${plural} "${path.name}" not found`);
    return object;
  }

  list({ plural }: ResourceType): ResourceList<Resource> {
    return { items: this.all(plural), resourceVersion: String(this.#revision) };
  }

  create({ plural, group, version }: ResourceType, namespace: string | undefined, given: object): Resource {
    const collection = this.#collection(plural);
    const { status, ...body } = copyJson(given) as Body;
    const name = body.metadata?.name ?? '';
    if (this.find(plural, { namespace, name }))
      throw new ApiError(409, 'AlreadyExists', `${plural} "${name}" already exists`);
    const object = {
      ...body,
      ...(status !== undefined && !collection.statusSubresource && { status }),
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind: collection.kind,
      metadata: {
        ...body.metadata,
        name,
        ...(namespace !== undefined && { namespace }),
        uid: this.#newUid(),
        generation: 1,
        creationTimestamp: this.#timestamp(),
        resourceVersion: '',
      },
    } as Resource;
    if (collection.schema) applyDefaults(object, collection.schema);
    collection.admit?.(object, undefined, undefined);
    return this.#commit(plural, 'ADDED', object);
  }

  patch(type: ResourceType, path: ObjectPath, patch: object, subresource?: 'status'): Resource {
    const present = this.get(type, path);
    const merged = mergePatch(present, copyJson(patch)) as Resource;
    return this.#update(type.plural, present, merged, (patch as Body).metadata ?? {}, subresource);
  }

  replace(type: ResourceType, path: ObjectPath, object: object): Resource {
    const present = this.get(type, path);
    const given = copyJson(object) as Resource;
    const merged = { ...given, metadata: { ...present.metadata, ...given.metadata } };
    return this.#update(type.plural, present, merged, given.metadata, undefined);
  }

  /** In the background, as kubectl does it by default. */
  delete(type: ResourceType, path: ObjectPath, uid?: string): void {
    const present = this.get(type, path);
    checkPreconditions(present, { ...(uid !== undefined && { uid }) });
    if ((present.metadata.finalizers ?? []).length === 0) {
      this.#remove(type.plural, present);
      return;
    }
    if (present.metadata.deletionTimestamp !== undefined) return;
    const metadata = {
      ...present.metadata,
      deletionTimestamp: this.#timestamp(),
      generation: present.metadata.generation + 1,
    };
    this.#commit(type.plural, 'MODIFIED', { ...present, metadata });
  }

  /** The first change of one collection after a revision, or `expired` when the history does not reach back that far. */
  next(plural: string, revision: number): Change | 'expired' | undefined {
    if (revision < this.#compactedTo) return 'expired';
    const history = this.#history.get(plural) ?? [];
    let index = history.length;
    while ((history[index - 1]?.revision ?? 0) > revision) index -= 1;
    return history[index];
  }

  /** Forgets the history: watches that are behind get 410. */
  compact(): void {
    this.#compactedTo = this.#revision;
    for (const changes of this.#history.values()) changes.length = 0;
  }

  #update(
    plural: string,
    present: Resource,
    wanted: Resource,
    preconditions: Partial<Resource['metadata']>,
    subresource: 'status' | undefined,
  ): Resource {
    checkPreconditions(present, preconditions);
    const collection = this.#collection(plural);
    const next: Resource =
      subresource === 'status'
        ? { ...present, status: wanted.status }
        : { ...wanted, ...(collection.statusSubresource && { status: present.status }) };
    const { uid, creationTimestamp, deletionTimestamp, generation } = present.metadata;
    const specChanged = !equalJson(next.spec, present.spec);
    next.metadata = {
      ...next.metadata,
      uid,
      creationTimestamp,
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      generation: generation + (specChanged ? 1 : 0),
      resourceVersion: present.metadata.resourceVersion,
    };
    if (collection.schema) applyDefaults(next, collection.schema);
    collection.admit?.(next, present, subresource);
    if (deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0) {
      return this.#remove(plural, next);
    }
    if (equalJson(next, present)) return present;
    return this.#commit(plural, 'MODIFIED', next);
  }

  #remove(plural: string, object: Resource): Resource {
    return this.#commit(plural, 'DELETED', object);
  }

  #commit(plural: string, type: Change['type'], object: Resource): Resource {
    this.#revision += 1;
    const stored = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#revision) },
    };
    const key = keyOf(stored.metadata);
    if (type === 'DELETED') this.#of(plural).delete(key);
    else this.#of(plural).set(key, stored);
    const change = { revision: this.#revision, plural, type, object: stored };
    this.#history.get(plural)?.push(change);
    for (const listener of this.#listeners) listener(change);
    return stored;
  }

  #collection(plural: string): Collection {
    const found = this.#collections.get(plural);
    if (!found) throw new ApiError(404, 'NotFound', 'the server could not find the requested resource');
    return found;
  }

  #of(plural: string): Map<string, Resource> {
    const found = this.#objects.get(plural);
    if (!found) throw new ApiError(404, 'NotFound', 'the server could not find the requested resource');
    return found;
  }

  #timestamp(): string {
    return timestamp(new Date(this.#now()));
  }
}

const keyOf = ({ namespace, name }: ObjectPath): string => `${namespace ?? ''}/${name}`;

function checkPreconditions(
  present: Resource,
  { uid, resourceVersion }: Partial<Resource['metadata']>,
): void {
  const { metadata } = present;
  const differs =
    (uid !== undefined && uid !== metadata.uid) ||
    (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion);
  if (differs) throw new ApiError(409, 'Conflict', `"${metadata.name}" has been modified`);
}
