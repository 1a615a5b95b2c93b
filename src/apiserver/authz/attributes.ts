/** What a request wants to do, in the words of RBAC: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go. */
import type { ApiRequest } from '../http.ts';
import { parsePath } from '../request-info.ts';
import type { ResourcePath } from '../request-info.ts';

export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** A path that is not about objects: discovery, OpenAPI, health. */
export interface PathAttributes {
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Throws 404 for a path that cannot be an object's. */
export function attributesOf(request: Pick<ApiRequest, 'method' | 'path' | 'query'>): Attributes {
  const found = parsePath(request.path);
  if (!found) return { verb: request.method.toLowerCase(), path: request.path };
  const { group, resource, subresource } = found;
  // A namespace is authorised as part of itself, so that a Role in it may speak of it.
  const namespace = isNamespace(found) ? found.name : found.namespace;
  const common = {
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
  };
  const verb = VERBS[request.method] ?? '';
  if (found.name !== undefined) return { verb, ...common, name: found.name };
  if (verb === 'delete') return { verb: 'deletecollection', ...common };
  if (verb !== 'get') return { verb, ...common };
  const name = selectedName(request.query.get('fieldSelector'));
  return {
    verb: watches(request.query) ? 'watch' : 'list',
    ...common,
    ...(name !== undefined && { name }),
  };
}

const isNamespace = ({ group, resource, namespace }: ResourcePath): boolean =>
  group === '' && resource === 'namespaces' && namespace === undefined;

export function watches(query: URLSearchParams): boolean {
  const value = query.get('watch');
  return value === 'true' || value === '1';
}

/** The one name that a list or watch is narrowed to: rules with `resourceNames` then apply to it. */
function selectedName(fieldSelector: string | null): string | undefined {
  for (const term of fieldSelector?.split(',') ?? []) {
    const name = /^\s*metadata\.name\s*==?\s*([^=!\\\s]+)\s*$/.exec(term)?.[1];
    if (name) return name;
  }
  return undefined;
}
