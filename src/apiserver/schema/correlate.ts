import { isObject } from '../object.ts';
import type { Schema } from './schema.ts';

/**
 * The previous state of a list's item. Items of a list with keys belong together by these; those of any other
 * list have no known past.
 */
export function previousItem(item: unknown, old: unknown, schema: Schema): unknown {
  if (!Array.isArray(old) || schema['x-kubernetes-list-type'] !== 'map' || !isObject(item)) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return old.find((one) => isObject(one) && keys.every((key) => one[key] === item[key])) as unknown;
}

/** The previous state of an object's field. */
export const previousField = (old: unknown, name: string): unknown => (isObject(old) ? old[name] : undefined);
