import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import { type Json, isObject } from './json.ts';

/** Whether a value is one that no server may let in, by the parts of a schema that need no interpretation. */
export function mustBeRefused(value: Json, schema: Schema): boolean {
  if (value === null) return false; // the same as leaving it out
  if (!fitsType(value, schema)) return true;
  if (schema.enum && !schema.enum.includes(value)) return true;
  if (typeof value === 'number') return outside(value, schema.minimum, schema.maximum);
  if (typeof value === 'string') {
    const fits = schema.pattern === undefined || new RegExp(schema.pattern).test(value);
    return !fits || outside(value.length, schema.minLength, schema.maxLength);
  }
  if (Array.isArray(value)) return badList(value, schema);
  return isObject(value) && badObject(value, schema);
}

const outside = (amount: number, least = -Infinity, most = Infinity): boolean =>
  amount < least || amount > most;

function fitsType(value: Json, schema: Schema): boolean {
  if (schema['x-kubernetes-int-or-string']) return typeof value === 'string' || Number.isInteger(value);
  switch (schema.type) {
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case undefined:
      return true;
    default:
      return typeof value === schema.type;
  }
}

function badList(items: readonly Json[], schema: Schema): boolean {
  const { items: sub, 'x-kubernetes-list-map-keys': keys = [] } = schema;
  const identities = items.map((item) => JSON.stringify(keys.map((key) => isObject(item) && item[key])));
  const repeated = keys.length > 0 && new Set(identities).size < items.length;
  return (
    repeated ||
    outside(items.length, schema.minItems, schema.maxItems) ||
    items.some((item) => sub !== undefined && mustBeRefused(item, sub))
  );
}

function badObject(value: Record<string, Json>, schema: Schema): boolean {
  const { properties = {}, additionalProperties, required = [] } = schema;
  return (
    required.some((name) => value[name] === undefined || value[name] === null) ||
    outside(Object.keys(value).length, schema.minProperties, schema.maxProperties) ||
    Object.entries(value).some(([name, member]) => {
      const sub = properties[name] ?? (typeof additionalProperties === 'object' && additionalProperties);
      return sub ? mustBeRefused(member, sub) : additionalProperties !== true;
    })
  );
}
