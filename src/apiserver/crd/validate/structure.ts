/** The rules of a structural schema: every value has a type of its own, and metadata is left to the server. */
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { isObject } from '../../object.ts';
import type { Schema } from '../../schema/schema.ts';
import type { Level, Node } from './walk.ts';

const EMBEDDED = 'x-kubernetes-embedded-resource';
const INT_OR_STRING = 'x-kubernetes-int-or-string';
const PRESERVE = 'x-kubernetes-preserve-unknown-fields';

const NO_TYPE: Record<Level, string> = {
  root: 'must not be empty at the root',
  items: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

export function validateStructure(node: Node): FieldError[] {
  const { schema, path, level } = node;
  return [
    ...(schema.type === 'array' && !schema.items
      ? [fieldError.required(`${path}.items`, 'must be specified')]
      : []),
    ...validateType(node),
    ...(schema.additionalProperties !== undefined && level === 'root'
      ? [fieldError.forbidden(`${path}.additionalProperties`, 'must not be used at the root')]
      : []),
    ...(schema.nullable && level === 'root'
      ? [fieldError.forbidden(`${path}.nullable`, 'nullable cannot be true at the root')]
      : []),
    ...validateIntOrString(schema, path),
    ...(schema[EMBEDDED] ? validateEmbedded(schema, path) : []),
    ...(level === 'root' || schema[EMBEDDED] ? validateObjectFields(node) : []),
  ];
}

function validateType({ schema, path, level }: Node): FieldError[] {
  const { type } = schema;
  const field = `${path}.type`;
  if (schema[EMBEDDED] && type !== 'object') {
    const why = `must be object if ${EMBEDDED} is true`;
    return [type ? fieldError.invalid(field, type, why) : fieldError.required(field, why)];
  }
  if (!type)
    return schema[INT_OR_STRING] || schema[PRESERVE] ? [] : [fieldError.required(field, NO_TYPE[level])];
  return level === 'root' && type !== 'object'
    ? [fieldError.invalid(field, type, 'must be object at the root')]
    : [];
}

function validateIntOrString(schema: Schema, path: string): FieldError[] {
  if (!schema[INT_OR_STRING]) return [];
  return [PRESERVE, EMBEDDED]
    .filter((name) => schema[name as typeof PRESERVE])
    .map((name) => fieldError.invalid(`${path}.${name}`, true, `must be false if ${INT_OR_STRING} is true`));
}

function validateEmbedded(
  { properties, additionalProperties, ...schema }: Schema,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (additionalProperties !== undefined) {
    const why = `must not be used if ${EMBEDDED} is set`;
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, why));
  }
  if (!schema[PRESERVE] && Object.keys(properties ?? {}).length === 0) {
    const why = `must not be empty if ${EMBEDDED} is true without ${PRESERVE}`;
    errors.push(fieldError.required(`${path}.properties`, why));
  }
  return errors;
}

/** The fields that every Kubernetes object has are what they are. */
function validateObjectFields({ schema: { properties = {} }, path, level }: Node): FieldError[] {
  const at = (name: string) => `${path}.properties[${name}]`;
  const names = ['kind', 'apiVersion'].flatMap((name) => {
    const sub = properties[name];
    return isObject(sub) && sub.type !== 'string'
      ? [fieldError.invalid(`${at(name)}.type`, sub.type ?? '', 'must be string')]
      : [];
  });
  const { metadata } = properties;
  if (!isObject(metadata)) return names;
  if (metadata.type !== 'object') {
    return [...names, fieldError.invalid(`${at('metadata')}.type`, metadata.type ?? '', 'must be object')];
  }
  return level === 'root' && !restrictsNamesOnly(metadata)
    ? [...names, fieldError.forbidden(at('metadata'), METADATA_RULE)]
    : names;
}

const METADATA_RULE =
  'must not specify anything other than name and generateName, but metadata is implicitly specified';

function restrictsNamesOnly({ properties = {}, ...schema }: Schema): boolean {
  const keywords = Object.keys(schema).every((keyword) => ['type', 'description'].includes(keyword));
  return keywords && Object.keys(properties).every((name) => ['name', 'generateName'].includes(name));
}
