import { isObject } from '../object.ts';
import { resolved } from './reference.ts';
import type { Schema } from './schema.ts';

/** Fields that every object has, whatever its schema says of its root. */
const ROOT_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

/**
 * Removes what the schema does not know, in place, and returns the paths removed (`spec.disks[0].x`), which
 * field validation turns into warnings or an error.
 */
export function prune(root: unknown, schema: Schema): string[] {
  const removed: string[] = [];
  if (isObject(root)) pruneObject(root, schema, '', removed, ROOT_FIELDS);
  return removed;
}

function pruneValue(value: unknown, given: Schema, path: string, removed: string[]): void {
  const schema = resolved(given);
  if (Array.isArray(value)) {
    if (schema.items)
      for (const [i, item] of value.entries()) pruneValue(item, schema.items, `${path}[${i}]`, removed);
  } else if (isObject(value)) {
    const embedded = schema['x-kubernetes-embedded-resource'] ? ROOT_FIELDS : undefined;
    pruneObject(value, schema, path, removed, embedded);
  }
}

function pruneObject(
  value: Record<string, unknown>,
  schema: Schema,
  path: string,
  removed: string[],
  always?: ReadonlySet<string>,
): void {
  const { properties, additionalProperties } = schema;
  const keep = schema['x-kubernetes-preserve-unknown-fields'] === true || additionalProperties === true;
  for (const key of Object.keys(value)) {
    if (always?.has(key)) continue;
    const at = path ? `${path}.${key}` : key;
    const known = properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
    const sub = known ?? (isObject(additionalProperties) ? (additionalProperties as Schema) : undefined);
    if (sub) pruneValue(value[key], sub, at, removed);
    else if (!keep) {
      delete value[key];
      removed.push(at);
    }
  }
}
