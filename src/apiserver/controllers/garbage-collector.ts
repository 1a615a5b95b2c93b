/**
 * Deletes what has lost all its owners, and carries out the `foregroundDeletion` and `orphan` finalizers:
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/. Everything is decided from the newest
 * state of the store; the index of dependents only says where to look.
 */
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { isNotFound } from '../errors.ts';
import type { KubeObject, OwnerReference } from '../object.ts';
import { deleteObject } from '../write/delete.ts';
import type { PropagationPolicy } from '../write/delete.ts';
import { mutateObject } from '../write/mutate.ts';
import { findOwner, placeOf } from './places.ts';
import { controllerWriter } from './writer.ts';
import { WorkQueue } from './work-queue.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

const holds = (object: KubeObject, finalizer: string): boolean =>
  object.metadata.finalizers?.includes(finalizer) ?? false;

const ownersOf = (object: KubeObject | undefined): OwnerReference[] => object?.metadata.ownerReferences ?? [];

export class GarbageCollector {
  readonly #context: ApiContext;
  readonly #queue: WorkQueue;
  /** Owner's UID to the store keys of its dependents. */
  readonly #dependents = new Map<string, Set<string>>();
  /** UIDs of owners that were seen to go, as long as they have dependents: their kind may have gone with them. */
  readonly #gone = new Set<string>();

  constructor(context: ApiContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#collect(key), context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    this.#index(key, current, previous);
    if (current) {
      const { deletionTimestamp } = current.metadata;
      const ours = deletionTimestamp && (holds(current, FOREGROUND) || holds(current, ORPHAN));
      if (ours || ownersOf(current).length > 0) this.#queue.add(key);
    } else if (previous) {
      const { uid = '' } = previous.metadata;
      if (this.#dependents.has(uid)) this.#gone.add(uid);
      for (const dependent of this.#dependentsOf(previous)) this.#queue.add(dependent);
    }
    // An owner in foreground deletion waits for this one to go or to be let go.
    for (const owner of ownersOf(previous)) this.#queueOwner(owner, previous as KubeObject);
  }

  #index(key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    for (const { uid } of ownersOf(previous)) {
      const keys = this.#dependents.get(uid);
      keys?.delete(key);
      if (keys?.size === 0) this.#dependents.delete(uid);
    }
    for (const { uid } of ownersOf(current)) {
      const keys = this.#dependents.get(uid) ?? new Set();
      this.#dependents.set(uid, keys.add(key));
    }
    for (const { uid } of ownersOf(previous)) if (!this.#dependents.has(uid)) this.#gone.delete(uid);
  }

  #queueOwner(reference: OwnerReference, dependent: KubeObject): void {
    const owner = findOwner(this.#context, reference, dependent);
    if (typeof owner === 'string' || !holds(owner, FOREGROUND)) return;
    const place = placeOf(this.#context, owner);
    if (place) this.#queue.add(place.key);
  }

  #dependentsOf(owner: KubeObject): string[] {
    return [...(this.#dependents.get(owner.metadata.uid ?? '') ?? [])];
  }

  #read(key: string): KubeObject | undefined {
    const entry = this.#context.store.get(key);
    return entry && decodeEntry(entry);
  }

  async #collect(key: string): Promise<void> {
    const object = this.#read(key);
    if (!object) return;
    if (object.metadata.deletionTimestamp) {
      if (holds(object, ORPHAN)) return this.#orphanDependents(key, object);
      if (holds(object, FOREGROUND)) return this.#deleteDependentsFirst(key, object);
      return;
    }
    await this.#deleteIfUnowned(key, object);
  }

  async #orphanDependents(key: string, owner: KubeObject): Promise<void> {
    const { uid } = owner.metadata;
    for (const dependent of this.#dependentsOf(owner)) {
      await this.#removeOwners(dependent, this.#read(dependent), (reference) => reference.uid === uid);
    }
    await this.#removeFinalizer(key, owner, ORPHAN);
  }

  async #deleteDependentsFirst(key: string, owner: KubeObject): Promise<void> {
    const blocking = this.#dependentsOf(owner).filter((dependent) =>
      ownersOf(this.#read(dependent)).some(
        (reference) => reference.uid === owner.metadata.uid && reference.blockOwnerDeletion,
      ),
    );
    if (blocking.length === 0) return this.#removeFinalizer(key, owner, FOREGROUND);
    for (const dependent of blocking) {
      const object = this.#read(dependent);
      if (object && !object.metadata.deletionTimestamp) await this.#deleteIfUnowned(dependent, object);
      else if (object && holds(object, FOREGROUND)) await this.#breakCircle(dependent, object);
    }
  }

  /** Two that own each other and both delete in the foreground would wait for ever. */
  async #breakCircle(key: string, object: KubeObject): Promise<void> {
    const waitsForOwner = this.#dependentsOf(object).some((dependent) => {
      const found = this.#read(dependent);
      return found !== undefined && found.metadata.deletionTimestamp && holds(found, FOREGROUND);
    });
    if (!waitsForOwner) return;
    await mutateObject(this.#context, key, object.metadata.uid, ({ metadata }) => {
      for (const reference of metadata.ownerReferences ?? []) reference.blockOwnerDeletion = false;
    });
  }

  async #deleteIfUnowned(key: string, object: KubeObject): Promise<void> {
    const owners = ownersOf(object);
    if (owners.length === 0) return;
    const states = owners.map((reference) => this.#stateOf(reference, object));
    if (states.includes('present')) {
      const lost = new Set(owners.filter((_, i) => states[i] !== 'present').map(({ uid }) => uid));
      if (lost.size > 0) await this.#removeOwners(key, object, ({ uid }) => lost.has(uid));
      return;
    }
    const inForeground = states.includes('deleting') && this.#dependentsOf(object).length > 0;
    await this.#delete(object, inForeground || holds(object, FOREGROUND) ? 'Foreground' : 'Background');
  }

  #stateOf(reference: OwnerReference, dependent: KubeObject): 'present' | 'deleting' | 'absent' {
    if (this.#gone.has(reference.uid)) return 'absent';
    const owner = findOwner(this.#context, reference, dependent);
    if (owner === 'absent') return 'absent';
    // What cannot be told is taken for present: nothing is deleted on a guess.
    if (owner === 'unknown') return 'present';
    return owner.metadata.deletionTimestamp && holds(owner, FOREGROUND) ? 'deleting' : 'present';
  }

  async #delete(object: KubeObject, policy: PropagationPolicy): Promise<void> {
    const place = placeOf(this.#context, object);
    if (!place) return;
    const { uid, name, namespace } = object.metadata;
    const options = {
      dryRun: false,
      propagationPolicy: holds(object, ORPHAN) ? ('Orphan' as const) : policy,
      ...(uid !== undefined && { ofUid: uid }),
      writer: controllerWriter('generic-garbage-collector'),
    };
    this.#context.logger.info(
      { kind: object.kind, namespace, name, uid },
      'Deleting an object without owners',
    );
    await deleteObject(this.#context, place.target, options).catch((error: unknown) => {
      // Gone already, or another one of the same name.
      if (!isNotFound(error)) throw error;
    });
  }

  async #removeOwners(
    key: string,
    object: KubeObject | undefined,
    lost: (reference: OwnerReference) => boolean,
  ): Promise<void> {
    await mutateObject(this.#context, key, object?.metadata.uid, ({ metadata }) => {
      const kept = (metadata.ownerReferences ?? []).filter((reference) => !lost(reference));
      if (kept.length > 0) metadata.ownerReferences = kept;
      else delete metadata.ownerReferences;
    });
  }

  async #removeFinalizer(key: string, object: KubeObject, finalizer: string): Promise<void> {
    await mutateObject(this.#context, key, object.metadata.uid, ({ metadata }) => {
      metadata.finalizers = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
      if (metadata.finalizers.length === 0) delete metadata.finalizers;
    });
  }
}
