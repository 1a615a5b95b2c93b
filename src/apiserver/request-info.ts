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

/**
 * Resolves `/api/v1/…` and `/apis/<group>/<version>/…`. Undefined for a path that is not about objects
 * (discovery); throws 404 for an unknown resource.
 */
export function resolvePath(path: string, registry: Registry): ResourceRequest | undefined {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const root = parts.shift();
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : parts.shift();
  const version = parts.shift();
  if (group === undefined || version === undefined || parts.length === 0) return undefined;

  let namespace: string | undefined;
  // `namespaces/x` alone, and its own subresources, are about the namespace itself.
  if (parts[0] === 'namespaces' && parts.length > 2 && !(group === '' && isNamespaceSubresource(parts[2]))) {
    parts.shift();
    namespace = parts.shift();
  }
  const [plural = '', name, subresource, ...beyond] = parts;
  const resource = registry.find(group, version, plural);
  if (!resource || beyond.length > 0 || (namespace !== undefined && !resource.namespaced))
    throw pathNotFound();
  if (resource.namespaced && name !== undefined && namespace === undefined) throw pathNotFound();
  return { resource, namespace, name, subresource };
}

const isNamespaceSubresource = (part: string | undefined): boolean =>
  part === 'status' || part === 'finalize';
