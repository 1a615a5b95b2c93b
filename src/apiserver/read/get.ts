import type { ApiContext } from '../context.ts';
import { readEntry } from '../codec.ts';
import type { Entry } from '../../store/index.ts';
import { notFound, resourceVersionTooLarge } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { parseResourceVersion } from './resource-version.ts';

export const groupResource = (resource: Resource) => ({ group: resource.group, resource: resource.plural });

/** The newest state of one object, which is also as old as any `resourceVersion` asks for. Throws 404 and 504. */
export function getObject(
  { store }: Pick<ApiContext, 'store'>,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  query = new URLSearchParams(),
): KubeObject {
  return readEntry(getEntry({ store }, resource, namespace, name, query), resource);
}

/** The same as it is stored. */
export function getEntry(
  { store }: Pick<ApiContext, 'store'>,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  query: URLSearchParams,
): Entry {
  const wanted = parseResourceVersion(query.get('resourceVersion')) ?? 0;
  if (wanted > store.revision) throw resourceVersionTooLarge(wanted, store.revision);
  const entry = store.get(keyOf(resource, namespace, name));
  if (!entry) throw notFound(groupResource(resource), name);
  return entry;
}
