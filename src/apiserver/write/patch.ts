import { badRequest, unsupportedMediaType } from '../errors.ts';
import { isObject } from '../object.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { mediaType, parseJson } from './body.ts';
import { jsonPatch } from './json-patch.ts';
import { strategicMerge } from './strategic-merge.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

export type Patch = (present: KubeObject) => KubeObject | Promise<KubeObject>;

/** Content types that PATCH takes for a resource. Custom resources have no strategic merge. */
export const patchTypes = ({ custom }: Pick<Resource, 'custom'>): string[] =>
  custom
    ? [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    : [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH];

/**
 * Parses a patch of any type but apply, which is not made from the present object alone. Throws 415 for a type that
 * the resource does not take, 400 for a malformed one.
 */
export async function decodePatch(
  body: Buffer,
  contentType: string | undefined,
  resource: Resource,
): Promise<Patch> {
  const type = mediaType(contentType);
  if (type === APPLY_PATCH || !patchTypes(resource).includes(type))
    throw unsupportedMediaType(patchTypes(resource));
  const patch = parseJson(body.toString());
  if (type === JSON_PATCH) return jsonPatch(patch);
  if (!isObject(patch)) throw badRequest('a merge patch must be an object');
  return type === MERGE_PATCH
    ? (present) => mergePatch(present as unknown as JsonObject, patch) as unknown as KubeObject
    : (present) =>
        strategicMerge(present as unknown as JsonObject, patch, resource.schema) as unknown as KubeObject;
}

/** RFC 7386. The target stays as it is; what the patch leaves alone is shared with it. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value) as JsonObject;
  }
  return merged;
}
