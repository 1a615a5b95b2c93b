import type { Schema } from './schema.ts';

const PREFIX = '#/components/schemas/';

/**
 * Schemas of built-in kinds that refer to themselves, by name. Only these are looked into where a schema says
 * `$ref`; ObjectMeta has rules of its own.
 */
const named = new Map<string, Schema>();

export function nameSchema(name: string, schema: Schema): Schema {
  named.set(name, schema);
  return { $ref: PREFIX + name };
}

/** The schema itself, or the one that it refers to. */
export const resolved = (schema: Schema): Schema =>
  (schema.$ref !== undefined && named.get(schema.$ref.slice(PREFIX.length))) || schema;

export const namedSchemas = (): ReadonlyMap<string, Schema> => named;
