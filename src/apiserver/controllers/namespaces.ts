/** Empties namespaces that are being deleted, and lets them go once nothing is left in them. */
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { timestamp } from '../../values/time.ts';
import { equalJson } from '../../values/equal.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { allObjects } from '../read/list.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { deleteObjects } from '../write/delete-many.ts';
import { mutateObject } from '../write/mutate.ts';
import { controllerWriter } from './writer.ts';
import { WorkQueue } from './work-queue.ts';

const USER = 'namespace-controller';

export class NamespaceController {
  readonly #context: ApiContext;
  readonly #queue: WorkQueue;
  readonly #terminating = new Set<string>();

  constructor(context: ApiContext) {
    this.#context = context;
    this.#queue = new WorkQueue((name) => this.#empty(name), context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(_key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    const object = current ?? previous;
    if (object?.kind === 'Namespace' && object.apiVersion === 'v1') {
      const { name = '', deletionTimestamp } = object.metadata;
      if (!current) this.#terminating.delete(name);
      else if (deletionTimestamp) {
        this.#terminating.add(name);
        this.#queue.add(name);
      }
    } else if (this.#terminating.has(object?.metadata.namespace ?? '')) {
      this.#queue.add(object?.metadata.namespace ?? '');
    }
  }

  async #empty(name: string): Promise<void> {
    const namespace = this.#read(name);
    if (!namespace?.metadata.deletionTimestamp) return;
    const failures: Error[] = [];
    for (const resource of this.#contentResources()) {
      const objects = await allObjects(this.#context, resource, name);
      const living = objects.filter((one) => !one.metadata.deletionTimestamp);
      const options = {
        dryRun: false,
        propagationPolicy: 'Background',
        writer: controllerWriter(USER),
      } as const;
      // What one kind refuses must not keep the others.
      await deleteObjects(this.#context, resource, living, options).catch((error: unknown) => {
        failures.push(error as Error);
      });
    }
    let remaining: KubeObject[] = [];
    for (const resource of this.#contentResources())
      remaining = remaining.concat(await allObjects(this.#context, resource, name));
    const key = this.#keyOf(name);
    await mutateObject(this.#context, key, namespace.metadata.uid, (object) => {
      if (remaining.length === 0) object.spec = { ...object.spec, finalizers: [] };
      else describeRemaining(object, remaining, failures, this.#context.now());
    });
    if (failures.length > 0) throw new AggregateError(failures, 'the namespace cannot be emptied');
  }

  #contentResources(): Resource[] {
    return this.#context.registry
      .all()
      .filter(({ namespaced, verbs, storedForm }) => namespaced && !storedForm && verbs.includes('delete'));
  }

  #keyOf(name: string): string {
    const resource = this.#context.registry.find('', 'v1', 'namespaces');
    if (!resource) throw new Error('the built-in resource namespaces is missing');
    return keyOf(resource, undefined, name);
  }

  #read(name: string): KubeObject | undefined {
    const entry = this.#context.store.get(this.#keyOf(name));
    return entry && decodeEntry(entry);
  }
}

/** The conditions by which `kubectl describe ns` tells what a deletion waits for. */
function describeRemaining(
  namespace: KubeObject,
  remaining: KubeObject[],
  failures: Error[],
  now: Date,
): void {
  const failed = failures.map(({ message }) => message).join(', ');
  setCondition(namespace, now, {
    type: 'NamespaceDeletionContentFailure',
    status: failed ? 'True' : 'False',
    reason: failed ? 'ContentDeletionFailed' : 'ContentDeleted',
    message: failed
      ? `Failed to delete all resource types, ${failures.length} remaining: ${failed}`
      : 'All content successfully deleted, may be waiting on finalization',
  });
  const kinds = tally(remaining.map(({ kind }) => kind));
  const finalizers = tally(remaining.flatMap(({ metadata }) => metadata.finalizers ?? []));
  setCondition(namespace, now, {
    type: 'NamespaceContentRemaining',
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: `Some resources are remaining: ${kinds.map(([kind, n]) => `${kind} has ${n} resource instances`).join(', ')}`,
  });
  setCondition(namespace, now, {
    type: 'NamespaceFinalizersRemaining',
    status: finalizers.length > 0 ? 'True' : 'False',
    reason: finalizers.length > 0 ? 'SomeFinalizersRemain' : 'ContentHasNoFinalizers',
    message:
      finalizers.length > 0
        ? `Some content in the namespace has finalizers remaining: ${finalizers.map(([name, n]) => `${name} in ${n} resource instances`).join(', ')}`
        : 'All content-preserving finalizers finished',
  });
}

function tally(names: string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

function setCondition(namespace: KubeObject, now: Date, condition: JsonObject): void {
  const status = (namespace.status ??= {});
  const conditions = Array.isArray(status['conditions']) ? (status['conditions'] as JsonObject[]) : [];
  const old = conditions.find(({ type }) => type === condition['type']);
  const kept = conditions.filter((one) => one !== old);
  const unchanged =
    old && equalJson({ ...old, lastTransitionTime: null }, { ...condition, lastTransitionTime: null });
  const sameStatus = old?.['status'] === condition['status'];
  const lastTransitionTime = sameStatus ? (old?.['lastTransitionTime'] ?? null) : timestamp(now);
  status['conditions'] = unchanged ? conditions : [...kept, { ...condition, lastTransitionTime }];
}
