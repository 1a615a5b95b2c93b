import { copyJson } from '../../values/copy.ts';
import { isObject } from '../object.ts';
import type { Schema } from './schema.ts';

/**
 * Fills in the schema's defaults, in place. As in Kubernetes, an absent object without a default stays absent (its inner defaults do not create it).
 */
export function applyDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, sub] of Object.entries(schema.properties ?? {})) {
    if (value[name] === undefined && sub.default !== undefined) value[name] = copyJson(sub.default);
    if (value[name] !== undefined) applyDefaults(value[name], sub);
  }
  if (isObject(schema.additionalProperties)) {
    const sub = schema.additionalProperties as Schema;
    for (const [name, item] of Object.entries(value)) {
      if (!schema.properties || !Object.hasOwn(schema.properties, name)) applyDefaults(item, sub);
    }
  }
}

/**
 * Drops nulls of fields that are not nullable, in place: a JSON null is how a client says "not set", and a
 * real API server removes it before validation.
 */
export function dropNulls(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) dropNulls(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, sub] of Object.entries(schema.properties ?? {})) {
    if (value[name] === null && !sub.nullable) delete value[name];
    else dropNulls(value[name], sub);
  }
  const { properties, additionalProperties } = schema;
  if (!isObject(additionalProperties)) return;
  for (const name of Object.keys(value)) {
    if (properties && Object.hasOwn(properties, name)) continue;
    const sub = additionalProperties as Schema;
    if (value[name] === null && !sub.nullable) delete value[name];
    else dropNulls(value[name], sub);
  }
}

const ZEROS: Readonly<Record<string, unknown>> = { string: '', integer: 0, number: 0, boolean: false };

/** Puts in the place of a null in a list what it is in a list of Go: the zero value of its type. */
export function zeroNullItems(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items || items.nullable) return;
    for (const [i, item] of value.entries()) {
      if (item === null) value[i] = items.type === 'object' ? {} : (ZEROS[items.type ?? ''] ?? null);
      else zeroNullItems(item, items);
    }
    return;
  }
  if (!isObject(value)) return;
  const { properties = {}, additionalProperties } = schema;
  for (const [name, member] of Object.entries(value)) {
    const sub = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (isObject(sub)) zeroNullItems(member, sub as Schema);
  }
}
