/**
 * What merging needs to know of a schema, as kube-openapi's schemaconv makes it of OpenAPI: which values are one
 * piece, and by what the items of lists are told apart.
 */
import { objectMeta } from '../builtin/schemas.ts';
import { isObject } from '../object.ts';
import type { Json } from '../object.ts';
import type { Schema } from '../schema/schema.ts';

/** The forms that a value may have; more than one where the schema leaves it open. */
export interface Type {
  readonly scalar?: ScalarType;
  readonly list?: ListType;
  readonly map?: MapType;
}

export interface ScalarType {
  readonly is: 'scalar';
  readonly accepts: 'numeric' | 'string' | 'boolean' | 'any scalar';
}

/** `atomic` lists are one piece; in the others, items are told apart by their keys or (`set`) their value. */
export interface ListType {
  readonly is: 'list';
  readonly relation: 'atomic' | 'set' | 'map';
  readonly keys: readonly string[];
  readonly item: Type;
}

export interface MapType {
  readonly is: 'map';
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, Field>;
  /** The type of all other keys; without one there are none. */
  readonly others: Type | undefined;
}

interface Field {
  readonly type: Type;
  readonly default: Json | undefined;
}

const scalar = (accepts: ScalarType['accepts']): ScalarType => ({ is: 'scalar', accepts });
const ANY_SCALAR = scalar('any scalar');
const NO_FIELDS: ReadonlyMap<string, Field> = new Map();

/** Free-form content below a list is one piece … */
const ATOMIC_CONTENT: Type = {
  scalar: ANY_SCALAR,
  list: {
    is: 'list',
    relation: 'atomic',
    keys: [],
    get item() {
      return ATOMIC_CONTENT;
    },
  },
  map: {
    is: 'map',
    atomic: true,
    fields: NO_FIELDS,
    get others() {
      return ATOMIC_CONTENT;
    },
  },
};

/** … and above the first list it merges key by key. */
const FREE_CONTENT: Type = {
  scalar: ANY_SCALAR,
  list: { is: 'list', relation: 'atomic', keys: [], item: ATOMIC_CONTENT },
  map: {
    is: 'map',
    atomic: false,
    fields: NO_FIELDS,
    get others() {
      return FREE_CONTENT;
    },
  },
};

const compiled = new WeakMap<Schema, Type>();

/** The type of a kind's objects; made once for each schema. */
export function typeOfKind(schema: Schema): Type {
  let type = compiled.get(schema);
  if (!type) {
    type = typeOf(asResource(schema), false);
    compiled.set(schema, type);
  }
  return type;
}

/** The fields that every object has, also one inside another. */
const asResource = (schema: Schema): Schema => ({
  ...schema,
  properties: {
    ...schema.properties,
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: objectMeta,
  },
});

/** `open`: somewhere above, unknown fields are kept, which counts for all that is below. */
function typeOf(given: Schema, open: boolean): Type {
  const schema = given['x-kubernetes-embedded-resource'] ? asResource(given) : given;
  const keepsUnknown = open || schema['x-kubernetes-preserve-unknown-fields'] === true;
  switch (schema.type) {
    case 'object':
      return { map: mapType(schema, keepsUnknown) };
    case 'array':
      return { list: listType(schema, keepsUnknown) };
    case 'integer':
    case 'number':
      return { scalar: scalar('numeric') };
    case 'boolean':
      return { scalar: scalar('boolean') };
    case 'string':
      return { scalar: textType(schema) };
    case undefined:
    default:
      return { scalar: ANY_SCALAR, list: listType(schema, keepsUnknown), map: mapType(schema, keepsUnknown) };
  }
}

function textType({ format }: Schema): ScalarType {
  return format === undefined || format === 'byte' ? scalar('string') : ANY_SCALAR;
}

const METADATA: Type = { map: mapType(objectMeta, false) };

function mapType(schema: Schema, keepsUnknown: boolean): MapType {
  const fields = new Map<string, Field>();
  for (const [name, sub] of Object.entries(schema.properties ?? {})) {
    const type = sub === objectMeta ? METADATA : typeOf(sub, keepsUnknown);
    fields.set(name, { type, default: sub.default });
  }
  return {
    is: 'map',
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    fields,
    others: otherKeys(schema, keepsUnknown),
  };
}

function otherKeys({ properties, additionalProperties }: Schema, keepsUnknown: boolean): Type | undefined {
  if (isObject(additionalProperties)) return typeOf(additionalProperties as Schema, keepsUnknown);
  if (additionalProperties !== undefined) return additionalProperties ? FREE_CONTENT : undefined;
  return keepsUnknown || Object.keys(properties ?? {}).length === 0 ? FREE_CONTENT : undefined;
}

function listType(schema: Schema, keepsUnknown: boolean): ListType {
  const item = schema.items ? typeOf(schema.items, keepsUnknown) : ATOMIC_CONTENT;
  return {
    is: 'list',
    relation: schema['x-kubernetes-list-type'] ?? 'atomic',
    keys: schema['x-kubernetes-list-map-keys'] ?? [],
    item,
  };
}

export type Shape = ScalarType | ListType | MapType;

/** The form of a type that a value has; for null, or a value that is of another type, the first there is. */
export function shapeOf({ scalar: one, list, map }: Type, value: unknown): Shape {
  if (list && Array.isArray(value)) return list;
  if (one && isScalar(value)) return one;
  return map ?? one ?? list ?? ANY_SCALAR;
}

export const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** The type of a map's key; undefined where the schema knows no such key. */
export const keyType = ({ fields, others }: MapType, key: string): Type | undefined =>
  fields.get(key)?.type ?? others;
