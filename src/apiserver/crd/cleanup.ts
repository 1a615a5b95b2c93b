/** Deletes the objects of a definition that is being deleted, and lets the definition go after the last of them. */
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { timestamp } from '../../values/time.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { allObjects } from '../read/list.ts';
import { keyPrefix } from '../resource.ts';
import { deleteObjects } from '../write/delete-many.ts';
import { mutateObject } from '../write/mutate.ts';
import { WorkQueue } from '../controllers/work-queue.ts';
import { CLEANUP_FINALIZER, conditionOf, withCondition } from './definition.ts';
import type { CrdCondition, CustomResourceDefinition } from './definition.ts';
import { storageResource } from './resources.ts';

/** The deletion has been asked for: the finalizer and the condition that stand for what is left to do. */
export function markForCleanup(object: KubeObject, now: Date): void {
  const { metadata } = object;
  metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), CLEANUP_FINALIZER])];
  metadata.generation = (metadata.generation ?? 0) + 1;
  setTerminating(object, now, {
    status: 'True',
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  });
}

export class CleanupController {
  readonly #context: ApiContext;
  readonly #queue: WorkQueue;
  /** Where the objects of terminating definitions are, and the key of each definition. */
  readonly #terminating = new Map<string, string>();

  constructor(context: ApiContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#cleanUp(key), context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    const object = current ?? previous;
    if (object?.kind === 'CustomResourceDefinition') {
      const prefix = objectsOf(object as CustomResourceDefinition);
      if (!current) this.#terminating.delete(prefix);
      else if (current.metadata.deletionTimestamp) {
        this.#terminating.set(prefix, key);
        this.#queue.add(key);
      }
      return;
    }
    const definition = this.#terminating.get(prefixOf(key));
    // Only a departure brings the end closer; the last of them may be what it waits for.
    if (definition && !current) this.#queue.add(definition);
  }

  async #cleanUp(key: string): Promise<void> {
    const entry = this.#context.store.get(key);
    const crd = entry && (decodeEntry(entry) as CustomResourceDefinition);
    if (!crd?.metadata.deletionTimestamp || !crd.metadata.finalizers?.includes(CLEANUP_FINALIZER)) return;
    const begun = conditionOf(crd.status, 'Terminating')?.reason === IN_PROGRESS.reason;
    if (!begun) await this.#report(key, crd, IN_PROGRESS);
    const resource = storageResource(crd.spec);
    const objects = await allObjects(this.#context, resource);
    const living = objects.filter((one) => !one.metadata.deletionTimestamp);
    await deleteObjects(this.#context, resource, living, { dryRun: false, propagationPolicy: 'Background' });
    const remaining = await allObjects(this.#context, resource);
    if (remaining.length > 0) return this.#report(key, crd, waiting(remaining));
    await mutateObject(this.#context, key, crd.metadata.uid, (object) => {
      setTerminating(object, this.#context.now(), COMPLETED);
      object.metadata.finalizers =
        object.metadata.finalizers?.filter((one) => one !== CLEANUP_FINALIZER) ?? [];
    });
  }

  #report(key: string, { metadata }: KubeObject, condition: Terminating): Promise<void> {
    return mutateObject(this.#context, key, metadata.uid, (object) =>
      setTerminating(object, this.#context.now(), condition),
    );
  }
}

const objectsOf = ({ spec }: CustomResourceDefinition): string =>
  keyPrefix({ group: spec.group, plural: spec.names.plural });

/** `/registry/<group>/<plural>/` of any object's key. */
const prefixOf = (key: string): string => `${key.split('/', 4).join('/')}/`;

type Terminating = Pick<CrdCondition, 'status' | 'reason' | 'message'>;

const IN_PROGRESS: Terminating = {
  status: 'True',
  reason: 'InstanceDeletionInProgress',
  message: 'CustomResource deletion is in progress',
};

const COMPLETED: Terminating = {
  status: 'False',
  reason: 'InstanceDeletionCompleted',
  message: 'removed all instances',
};

const NAMED = 3;

function waiting(remaining: readonly KubeObject[]): Terminating {
  const names = remaining.slice(0, NAMED).map(({ metadata: { namespace, name, finalizers = [] } }) => {
    const held = finalizers.length > 0 ? ` (held by ${finalizers.join(', ')})` : '';
    return `${namespace ? `${namespace}/` : ''}${name}${held}`;
  });
  const more = remaining.length > NAMED ? ` and ${remaining.length - NAMED} more` : '';
  return {
    status: 'True',
    reason: 'InstanceDeletionInProgress',
    message: `CustomResource deletion is in progress: waiting for ${names.join(', ')}${more}`,
  };
}

function setTerminating(object: KubeObject, now: Date, condition: Terminating): void {
  const crd = object as CustomResourceDefinition;
  const conditions = withCondition(
    crd.status?.conditions ?? [],
    { type: 'Terminating', ...condition },
    timestamp(now),
  );
  object.status = { ...object.status, conditions: conditions as unknown as JsonObject[] };
}
