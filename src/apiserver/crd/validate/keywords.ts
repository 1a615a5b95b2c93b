import { compileRe2 } from '../../../cel/index.ts';
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { isObject } from '../../object.ts';
import type { Schema } from '../../schema/schema.ts';
import { restrictionsOf } from './walk.ts';
import type { Node } from './walk.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Parts of JSON Schema that Kubernetes leaves out. */
const UNSUPPORTED = [
  '$ref',
  '$schema',
  'additionalItems',
  'definitions',
  'dependencies',
  'id',
  'patternProperties',
];

/** What a keyword's value must be, here and in the schemas that restrict this one. */
export function validateKeywords(node: Node): FieldError[] {
  return [...keywordFaults(node), ...restrictionsOf(node).flatMap((part) => restrictionFaults(part))];
}

function restrictionFaults(part: Node): FieldError[] {
  const { properties, items } = part.schema;
  const below = [
    ...Object.entries(properties ?? {}).map(([name, schema]) => ({
      schema,
      path: `${part.path}.properties[${name}]`,
    })),
    ...(items ? [{ schema: items, path: `${part.path}.items` }] : []),
  ].filter(({ schema }) => isObject(schema));
  return [
    ...keywordFaults(part),
    ...restrictionsOf(part).flatMap(restrictionFaults),
    ...below.flatMap((sub) => restrictionFaults({ ...sub, level: 'field' })),
  ];
}

function keywordFaults({ schema, path }: Pick<Node, 'schema' | 'path'>): FieldError[] {
  const present = schema as Record<string, unknown>;
  return [
    ...UNSUPPORTED.filter((name) => present[name] !== undefined).map((name) =>
      fieldError.forbidden(`${path}.${name}`, `${name} is not supported`),
    ),
    ...typeFaults(schema, path),
    ...patternFaults(schema, path),
    ...containerFaults(schema, path),
    ...extensionFaults(schema, path),
    ...valueFaults(schema, path),
  ];
}

function typeFaults({ type }: Schema, path: string): FieldError[] {
  if (type === undefined || TYPES.includes(type)) return [];
  const field = `${path}.type`;
  return type === 'null'
    ? [fieldError.forbidden(field, 'type cannot be set to null, use nullable as an alternative')]
    : [fieldError.notSupported(field, type, TYPES)];
}

function patternFaults({ pattern }: Schema, path: string): FieldError[] {
  if (pattern === undefined) return [];
  try {
    compileRe2(pattern);
    return [];
  } catch (error) {
    const why = `must be a valid regular expression, but isn't: ${(error as Error).message}`;
    return [fieldError.invalid(`${path}.pattern`, pattern, why)];
  }
}

function containerFaults(
  { items, additionalProperties, properties, uniqueItems }: Schema,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const forbid = (keyword: string, why: string) =>
    errors.push(fieldError.forbidden(`${path}.${keyword}`, why));
  if (Array.isArray(items)) forbid('items', 'items must be a schema object and not an array');
  if (uniqueItems) {
    forbid('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  }
  if (additionalProperties === false) {
    forbid('additionalProperties', 'additionalProperties cannot be set to false');
  }
  if (isObject(additionalProperties) && properties && Object.keys(properties).length > 0) {
    forbid('additionalProperties', 'additionalProperties and properties are mutual exclusive');
  }
  for (const [name, sub] of Object.entries(properties ?? {})) {
    if (!isObject(sub)) {
      errors.push(fieldError.typeInvalid(`${path}.properties[${name}]`, sub, 'must be a schema object'));
    }
  }
  return errors;
}

function extensionFaults(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const preserve = 'x-kubernetes-preserve-unknown-fields';
  if (schema[preserve] === false) {
    errors.push(fieldError.invalid(`${path}.${preserve}`, false, 'must be true or undefined'));
  }
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return errors;
  const field = `${path}.x-kubernetes-map-type`;
  if (!['atomic', 'granular'].includes(mapType)) {
    errors.push(fieldError.notSupported(field, mapType, ['atomic', 'granular']));
  }
  if (schema.type !== 'object') {
    errors.push(
      fieldError.invalid(
        `${path}.type`,
        schema.type ?? '',
        'must be object if x-kubernetes-map-type is specified',
      ),
    );
  }
  return errors;
}

const SIZES = ['maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties'] as const;

function valueFaults(schema: Schema, path: string): FieldError[] {
  const negative = SIZES.filter((name) => (schema[name] ?? 0) < 0).map((name) =>
    fieldError.invalid(`${path}.${name}`, schema[name], 'must be greater than or equal to 0'),
  );
  return schema.multipleOf !== undefined && schema.multipleOf <= 0
    ? [...negative, fieldError.invalid(`${path}.multipleOf`, schema.multipleOf, 'must be greater than 0')]
    : negative;
}
