/** What the server, and not the client, says of an object: system fields, generation, status apart. */
import { badRequest } from '../errors.ts';
import { timestamp } from '../../values/time.ts';
import { equalJson } from '../../values/equal.ts';
import { copyJson } from '../../values/copy.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import type { WriteTarget } from './options.ts';

/** System fields of a new object; the client's values for them do not count. */
export function prepareForCreate(object: KubeObject, resource: Resource, now: Date): void {
  const { metadata } = object;
  if (metadata.resourceVersion) {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  for (const field of [
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'managedFields',
  ] as const) {
    delete metadata[field];
  }
  metadata.uid = crypto.randomUUID();
  metadata.creationTimestamp = timestamp(now);
  if (resource.statusSubresource) delete object.status;
  if (resource.custom) metadata.generation = 1;
  else delete metadata.generation;
  resource.rules?.prepare?.(object, undefined);
}

/** Keeps what this write may not change: the system fields, and status or all but status. */
export function prepareForUpdate(next: KubeObject, old: KubeObject, target: WriteTarget): KubeObject {
  const { resource, subresource } = target;
  const kept = keepSystemMetadata(next, old);
  if (subresource === 'finalize') return { ...without(copyJson(old), 'spec'), ...pick(kept, 'spec') };
  if (subresource === 'status') return { ...without(copyJson(old), 'status'), ...pick(kept, 'status') };
  if (resource.statusSubresource) {
    delete kept.status;
    Object.assign(kept, copyJson(pick(old, 'status')));
  }
  resource.rules?.prepare?.(kept, old);
  if (resource.custom && !equalJson(desired(kept, resource), desired(old, resource))) {
    kept.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  return kept;
}

function without(object: KubeObject, field: 'spec' | 'status'): KubeObject {
  delete object[field];
  return object;
}

const pick = (object: KubeObject, field: string): Partial<KubeObject> =>
  object[field] === undefined ? {} : { [field]: object[field] };

function keepSystemMetadata(next: KubeObject, old: KubeObject): KubeObject {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation } = old.metadata;
  const { managedFields: _, selfLink: __, ...metadata } = next.metadata;
  return {
    ...next,
    metadata: dropUndefined({
      ...metadata,
      uid,
      creationTimestamp,
      deletionTimestamp,
      deletionGracePeriodSeconds,
      generation,
    }),
  };
}

function dropUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

/** What generation counts changes of. */
function desired(object: KubeObject, { statusSubresource }: Resource): object {
  const { metadata: _, status, ...rest } = object;
  return statusSubresource ? rest : { ...rest, status };
}
