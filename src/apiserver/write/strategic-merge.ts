import { badRequest } from '../errors.ts';
import { isObject } from '../object.ts';
import type { Json, JsonObject } from '../object.ts';
import { objectMeta } from '../builtin/schemas.ts';
import type { Schema } from '../schema/schema.ts';

/**
 * Strategic merge patch for built-in kinds: maps merge, lists with a merge key merge by it, other lists are
 * replaced. Supported directives: `$patch: delete|replace|merge`, `$deleteFromPrimitiveList/<field>`,
 * `$retainKeys`; `$setElementOrder/<field>` is accepted and does not reorder.
 */
export function strategicMerge(target: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  const directive = patch['$patch'];
  if (directive === 'delete') return {};
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive !== undefined && directive !== 'merge') {
    throw badRequest(`unknown patch directive $patch: ${JSON.stringify(directive)}`);
  }
  retainKeys(target, patch['$retainKeys']);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$deleteFromPrimitiveList/'))
      removeItems(target, key.slice(key.indexOf('/') + 1), value);
    if (key.startsWith('$')) continue;
    if (value === null) delete target[key];
    else target[key] = mergeField(target[key], value, fieldSchema(schema, key));
  }
  return target;
}

function fieldSchema(schema: Schema, key: string): Schema {
  const found =
    schema.properties?.[key] ??
    (isObject(schema.additionalProperties) ? (schema.additionalProperties as Schema) : {});
  return found.$ref?.endsWith('.ObjectMeta') ? objectMeta : found;
}

function mergeField(target: Json | undefined, value: Json, schema: Schema): Json {
  if (isObject(value)) return strategicMerge(isObject(target) ? target : {}, value, schema);
  if (!Array.isArray(value) || schema['x-kubernetes-patch-strategy'] !== 'merge') return value;
  const mergeKey = schema['x-kubernetes-patch-merge-key'];
  const present = Array.isArray(target) ? target : [];
  return mergeKey ? mergeByKey(present, value, mergeKey, schema.items ?? {}) : union(present, value);
}

/** What the patch names comes first. */
function union(present: Json[], named: Json[]): Json[] {
  const known = new Set(named);
  return [...named, ...present.filter((item) => !known.has(item))];
}

function mergeByKey(present: Json[], patch: Json[], mergeKey: string, items: Schema): Json[] {
  const replaceAll = patch.some(
    (item) => isObject(item) && item['$patch'] === 'replace' && Object.keys(item).length === 1,
  );
  let merged = replaceAll ? [] : [...present];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest('an item of a list that is merged by key must be an object');
    const key = item[mergeKey];
    if (key === undefined) {
      if (item['$patch'] === 'replace') continue;
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    }
    const at = merged.findIndex((one) => isObject(one) && one[mergeKey] === key);
    const found = merged[at];
    if (item['$patch'] === 'delete') merged = merged.filter((_, i) => i !== at);
    else if (isObject(found)) merged[at] = strategicMerge(found, item, items);
    else merged.push(withoutDirectives(item));
  }
  return merged;
}

function retainKeys(target: JsonObject, keys: Json | undefined): void {
  if (!Array.isArray(keys)) return;
  const kept = new Set(keys);
  for (const key of Object.keys(target)) if (!kept.has(key)) delete target[key];
}

function removeItems(target: JsonObject, field: string, items: Json): void {
  const list = target[field];
  if (!Array.isArray(list) || !Array.isArray(items)) return;
  const removed = new Set(items);
  target[field] = list.filter((item) => !removed.has(item));
}

const withoutDirectives = (value: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('$')));
