import { pathNotFound } from './errors.ts';
import type { Registry } from './registry.ts';
import type { Resource } from './resource.ts';

/** A request for objects of one resource. */
export interface ResourceRequest {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** What the path of a request for objects says, whether or not there is such a resource. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly resource: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** Further parts, which mean nothing to any resource. */
  readonly beyond: readonly string[];
}

/**
 * Parses `/api/v1/…` and `/apis/<group>/<version>/…`. Undefined for a path that is not about objects (discovery).
 * Throws 404 for a part that could be no name. Authorization and service both go by what is said here.
 */
export function parsePath(path: string): ResourcePath | undefined {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const root = parts.shift();
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : parts.shift();
  const version = parts.shift();
  if (group === undefined || version === undefined || parts.length === 0) return undefined;
  if (parts.some((part) => part.includes('/') || part === '.' || part === '..')) throw pathNotFound();

  let namespace: string | undefined;
  // `namespaces/x` alone, and its own subresources, are about the namespace itself.
  if (parts[0] === 'namespaces' && parts.length > 2 && !(group === '' && isNamespaceSubresource(parts[2]))) {
    parts.shift();
    namespace = parts.shift();
  }
  const [resource = '', name, subresource, ...beyond] = parts;
  return { group, version, namespace, resource, name, subresource, beyond };
}

/** The resource that a path is about. Undefined as for {@link parsePath}; throws 404 for an unknown resource. */
export function resolvePath(path: string, registry: Registry): ResourceRequest | undefined {
  const found = parsePath(path);
  if (!found) return undefined;
  const { group, version, namespace, name, subresource, beyond } = found;
  const resource = registry.find(group, version, found.resource);
  if (!resource || beyond.length > 0 || (namespace !== undefined && !resource.namespaced))
    throw pathNotFound();
  if (resource.namespaced && name !== undefined && namespace === undefined) throw pathNotFound();
  return { resource, namespace, name, subresource };
}

const isNamespaceSubresource = (part: string | undefined): boolean =>
  part === 'status' || part === 'finalize';
