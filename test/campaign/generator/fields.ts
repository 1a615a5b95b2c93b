import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import { type Json, type JsonObject, type Path, isObject, valueAt } from './json.ts';

/** One place in an object that a user can write to. */
export interface Field {
  path: Path;
  /** As people name it: `spec.disks[root].template.spec.size`. */
  text: string;
  /** The same for all items of a list: `spec.disks[].template.spec.size`. */
  pattern: string;
  schema: Schema;
  /** The schema asks for it. */
  required: boolean;
  /** Rules say that it, or something around it, cannot be changed. */
  immutable: boolean;
  /** What the base has there. */
  value: Json | undefined;
}

/** Where a walk through a schema is. */
interface Place {
  path: Path;
  text: string;
  pattern: string;
  immutable: boolean;
}

/** Every place in the spec that a manifest has, and every place next to these that it could have. */
export function fieldsOf(spec: Schema, manifest: JsonObject): Field[] {
  const root = { path: ['spec'], text: 'spec', pattern: 'spec', immutable: isImmutable(spec) };
  return membersOf(spec, manifest, root);
}

/** `self == oldSelf`: what a CRD calls immutable. */
const isImmutable = (schema: Schema): boolean =>
  schema['x-kubernetes-validations']?.some(({ rule }) => rule.trim() === 'self == oldSelf') ?? false;

function membersOf(schema: Schema, manifest: JsonObject, parent: Place): Field[] {
  const base = valueAt(manifest, parent.path);
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, sub]) =>
      fieldAndBelow(sub, manifest, {
        path: [...parent.path, name],
        text: `${parent.text}.${name}`,
        pattern: `${parent.pattern}.${name}`,
        immutable: parent.immutable || isImmutable(sub),
        required: schema.required?.includes(name) ?? false,
      }),
    ),
    ...Object.keys(isObject(base) ? base : {}).flatMap((name) => {
      if (!isSchema(schema.additionalProperties) || schema.properties?.[name]) return [];
      return fieldAndBelow(schema.additionalProperties, manifest, {
        path: [...parent.path, name],
        text: `${parent.text}[${name}]`,
        pattern: `${parent.pattern}[]`,
        immutable: parent.immutable,
        required: false,
      });
    }),
  ];
}

function fieldAndBelow(schema: Schema, manifest: JsonObject, place: Place & { required: boolean }): Field[] {
  const value = valueAt(manifest, place.path);
  const field: Field = { ...place, schema, value };
  if (Array.isArray(value)) return [field, ...itemsOf(schema, manifest, place, value)];
  return isObject(value) ? [field, ...membersOf(schema, manifest, place)] : [field];
}

function itemsOf(schema: Schema, manifest: JsonObject, parent: Place, items: Json[]): Field[] {
  const { items: sub } = schema;
  if (!sub) return [];
  return items.flatMap((item, index) =>
    fieldAndBelow(sub, manifest, {
      path: [...parent.path, index],
      text: `${parent.text}[${nameOfItem(item, index, schema)}]`,
      pattern: `${parent.pattern}[]`,
      immutable: parent.immutable || isImmutable(sub),
      required: false,
    }),
  );
}

function nameOfItem(item: Json, index: number, schema: Schema): string {
  const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
  const name = key !== undefined && isObject(item) ? item[key] : undefined;
  return typeof name === 'string' ? name : String(index);
}

const isSchema = (value: Schema | boolean | undefined): value is Schema => typeof value === 'object';

/** Every place of a spec that the schema knows, as patterns: what a campaign has to reach. */
export function patternsOf(schema: Schema, pattern = 'spec'): string[] {
  const below = (name: string, sub: Schema): string[] => [
    `${pattern}${name}`,
    ...patternsOf(sub, `${pattern}${name}`),
  ];
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, sub]) => below(`.${name}`, sub)),
    ...(isSchema(schema.additionalProperties) ? below('[]', schema.additionalProperties) : []),
    ...(schema.items ? below('[]', schema.items) : []),
  ];
}
