import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import type { KubeObject, OwnerReference } from '../object.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import type { WriteTarget } from '../write/options.ts';

/** Where an object lives, from the object itself; undefined when its kind is not served (any more). */
export function placeOf(
  { registry }: Pick<ApiContext, 'registry'>,
  object: KubeObject,
): { key: string; target: WriteTarget } | undefined {
  const resource = registry.findKind(object.apiVersion, object.kind);
  if (!resource) return undefined;
  const { name = '', namespace } = object.metadata;
  return {
    key: keyOf(resource, namespace, name),
    target: { resource, namespace, name, subresource: undefined },
  };
}

/** The owner as it is now; 'unknown' when it cannot be told whether it exists. */
export function findOwner(
  { store, registry }: Pick<ApiContext, 'store' | 'registry'>,
  owner: OwnerReference,
  dependent: KubeObject,
): KubeObject | 'absent' | 'unknown' {
  const resource: Resource | undefined = registry.findKind(owner.apiVersion, owner.kind);
  if (!resource) return 'unknown';
  const { namespace } = dependent.metadata;
  // A cluster-scoped object cannot say in which namespace its owner is.
  if (resource.namespaced && !namespace) return 'unknown';
  const entry = store.get(keyOf(resource, namespace, owner.name));
  if (!entry) return 'absent';
  const found = decodeEntry(entry);
  return found.metadata.uid === owner.uid ? found : 'absent';
}
