/**
 * The OpenAPI v2 document as gnostic's protobuf message (openapi.v2.Document in OpenAPIv2.proto): the only form
 * in which clients ask for it. kubectl validates `kind: List` by it; Argo CD will not sync without.
 */
import { isObject } from '../object.ts';
import { booleanField, doubleField, integerField, messageField, stringField } from '../protobuf/writer.ts';
import type { Schema } from '../schema/schema.ts';

export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** One writing operation; what it takes as query parameters tells clients what the server can do. */
export interface OperationV2 {
  readonly path: string;
  readonly method: 'put' | 'post' | 'patch';
  readonly action: string;
  readonly gvk: GroupVersionKind;
  readonly consumes: readonly string[];
  readonly queryParameters: readonly { readonly name: string; readonly description: string }[];
}

export interface DocumentV2 {
  readonly info: { readonly title: string; readonly version: string };
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly operations: readonly OperationV2[];
}

const METHOD_FIELDS = { put: 3, post: 4, patch: 8 } as const;

export function encodeDocument({ info, definitions, operations }: DocumentV2): Buffer {
  const byPath = Map.groupBy(operations, ({ path }) => path);
  return Buffer.concat([
    stringField(1, '2.0'),
    messageField(2, stringField(1, info.title), stringField(2, info.version)),
    messageField(8, ...[...byPath].map(([path, all]) => named(2, path, all.map(operation)))),
    messageField(9, ...namedSchemas(definitions)),
  ]);
}

/** An entry of a map, which gnostic writes as a list of name and value. */
const named = (field: number, name: string, value: Buffer[]): Buffer =>
  messageField(field, stringField(1, name), messageField(2, ...value));

const namedSchemas = (schemas: Readonly<Record<string, Schema>>): Buffer[] =>
  Object.entries(schemas).map(([name, schema]) => named(1, name, schemaFields(schema)));

function operation({ method, action, gvk, consumes, queryParameters }: OperationV2): Buffer {
  return messageField(
    METHOD_FIELDS[method],
    ...consumes.map((type) => stringField(7, type)),
    ...queryParameters.map(queryParameter),
    messageField(9, named(1, '200', [messageField(1, stringField(1, 'OK'))])),
    extension(13, 'x-kubernetes-action', action),
    extension(13, 'x-kubernetes-group-version-kind', gvk),
  );
}

/** ParametersItem → Parameter → NonBodyParameter → QueryParameterSubSchema. */
function queryParameter({ name, description }: { name: string; description: string }): Buffer {
  const fields = [
    stringField(2, 'query'),
    stringField(3, description),
    stringField(4, name),
    stringField(6, 'string'),
  ];
  return messageField(8, messageField(1, messageField(2, messageField(3, ...fields))));
}

/** Any value as YAML, which JSON is. */
const any = (field: number, value: unknown): Buffer =>
  messageField(field, stringField(2, JSON.stringify(value)));

const extension = (field: number, name: string, value: unknown): Buffer =>
  messageField(field, stringField(1, name), any(2, value));

/**
 * A schema as far as v2 can say it: without anyOf, oneOf, not and nullable. What may be of several types
 * has none, so that clients do not refuse what the server would take.
 */
function schemaFields(schema: Schema): Buffer[] {
  if (schema.$ref) return [stringField(1, schema.$ref.replace('#/components/schemas/', '#/definitions/'))];
  const anything = schema['x-kubernetes-preserve-unknown-fields'] || schema.nullable;
  const { additionalProperties, items, properties } = schema;
  return [
    stringField(2, schema.format),
    stringField(4, schema.description),
    ...(schema.default === undefined ? [] : [any(5, schema.default)]),
    doubleField(7, schema.maximum),
    booleanField(8, schema.exclusiveMaximum),
    doubleField(9, schema.minimum),
    booleanField(10, schema.exclusiveMinimum),
    integerField(11, schema.maxLength),
    integerField(12, schema.minLength),
    stringField(13, schema.pattern),
    integerField(14, schema.maxItems),
    integerField(15, schema.minItems),
    ...(schema.required ?? []).map((name) => stringField(19, name)),
    ...(schema.enum ?? []).map((value) => any(20, value)),
    ...(isObject(additionalProperties)
      ? [messageField(21, messageField(1, ...schemaFields(additionalProperties as Schema)))]
      : []),
    ...(schema.type && !anything ? [messageField(22, stringField(1, schema.type))] : []),
    ...(items && !anything ? [messageField(23, messageField(1, ...schemaFields(items)))] : []),
    ...(properties && !anything ? [messageField(25, ...namedSchemas(properties))] : []),
    ...Object.entries(schema)
      .filter(([name]) => name.startsWith('x-kubernetes-'))
      .map(([name, value]) => extension(31, name, value)),
  ];
}
