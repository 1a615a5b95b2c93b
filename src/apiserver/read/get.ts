import type { ApiContext } from '../context.ts';
import { readEntry } from '../codec.ts';
import { notFound } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';

export const groupResource = (resource: Resource) => ({ group: resource.group, resource: resource.plural });

/** The newest state of one object. Throws 404. */
export function getObject(
  { store }: Pick<ApiContext, 'store'>,
  resource: Resource,
  namespace: string | undefined,
  name: string,
): KubeObject {
  const entry = store.get(keyOf(resource, namespace, name));
  if (!entry) throw notFound(groupResource(resource), name);
  return readEntry(entry, resource);
}
