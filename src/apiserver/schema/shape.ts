/** How large the values of a schema can be: what the cost of its rules is estimated by. */
import { MAX_REQUEST_BYTES, escapeField, list, scalar, text, unknown } from '../../cel/index.ts';
import type { Shape } from '../../cel/index.ts';
import { isObject } from '../object.ts';
import type { Schema } from './schema.ts';

const FORMAT_LENGTHS: Readonly<Record<string, number>> = { duration: 32, date: 10, 'date-time': 20 };
const UNBOUNDED_TEXT = MAX_REQUEST_BYTES - 2;
const MAX_NAME_CHARACTERS = 253;

/** `root` is the schema of a whole object, of which a rule sees name and kind besides its fields. */
export function shapeOfSchema(schema: Schema, root = false): Shape {
  const { type } = schema;
  if (schema['x-kubernetes-int-or-string']) return text(textLength(schema));
  switch (type) {
    case 'string':
      return text(textLength(schema));
    case 'array':
      return asSent(list(maxItems(schema), shapeOfSchema(schema.items ?? {})));
    case 'object':
      return objectShape(schema, root || schema['x-kubernetes-embedded-resource'] === true);
    case undefined:
      return unknown;
    default:
      return scalar;
  }
}

/** However large its parts can be, the whole comes in one request. */
const asSent = (shape: Shape): Shape => ({
  ...shape,
  total: () => Math.min(MAX_REQUEST_BYTES, shape.total()),
});

function objectShape(schema: Schema, whole: boolean): Shape {
  const { additionalProperties } = schema;
  if (isObject(additionalProperties)) return mapShape(schema, additionalProperties as Schema);
  const properties = whole ? withObjectFields(schema.properties ?? {}) : (schema.properties ?? {});
  const byName = new Map(Object.entries(properties).map(([name, sub]) => [escapeField(name), sub]));
  const shapeOfField = (name: string): Shape | undefined => {
    const sub = byName.get(name);
    return sub && shapeOfSchema(sub);
  };
  return asSent({
    size: byName.size,
    total: () => {
      const parts = Object.values(properties).map((sub) => shapeOfSchema(sub).total() + 1);
      return parts.reduce((sum, part) => sum + part, 1);
    },
    values: () => unknown,
    elements: () => text(MAX_NAME_CHARACTERS),
    field: shapeOfField,
  });
}

function mapShape(schema: Schema, values: Schema): Shape {
  const size = schema.maxProperties ?? Math.floor((MAX_REQUEST_BYTES - 2) / (minBytes(values) + 6));
  const value = shapeOfSchema(values);
  const key = text(Math.min(UNBOUNDED_TEXT, Math.floor(MAX_REQUEST_BYTES / Math.max(1, size))));
  return asSent({
    size,
    total: () => size * (value.total() + key.size),
    values: () => value,
    elements: () => key,
    field: () => value,
  });
}

function withObjectFields(properties: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const name: Schema = { type: 'string', maxLength: MAX_NAME_CHARACTERS };
  return {
    apiVersion: name,
    kind: name,
    ...properties,
    metadata: { type: 'object', properties: { name, generateName: name } },
  };
}

function textLength({ maxLength, enum: values, format }: Schema): number {
  if (values) return Math.max(0, ...values.map((value) => (typeof value === 'string' ? value.length : 1)));
  if (maxLength !== undefined) return maxLength;
  return (format !== undefined && FORMAT_LENGTHS[format]) || UNBOUNDED_TEXT;
}

const maxItems = ({ maxItems: most, items = {} }: Schema): number =>
  most ?? Math.floor((MAX_REQUEST_BYTES - 2) / (minBytes(items) + 1));

/** The least number of bytes that a value of the schema takes in a request. */
export function minBytes({ type, format, required = [], properties = {} }: Schema): number {
  switch (type) {
    case 'string':
      return ((format !== undefined && FORMAT_LENGTHS[format]) || 0) + 2;
    case 'boolean':
      return 4;
    case 'array':
      return 2;
    case 'object':
      return required.reduce((sum, name) => {
        const sub = properties[name];
        return sub && sub.default === undefined ? sum + name.length + 4 + minBytes(sub) : sum;
      }, 2);
    case undefined:
    default:
      return 1;
  }
}

/** How often a value of the schema can occur in one request, in a list or map without a bound of its own. */
export const maxOccurrences = (schema: Schema): number => Math.floor(MAX_REQUEST_BYTES / minBytes(schema));
