/** `allOf`, `anyOf`, `oneOf` and `not` restrict values that the schema around them has described. */
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { isObject } from '../../object.ts';
import { equalJson } from '../../../values/equal.ts';
import type { Schema } from '../../schema/schema.ts';
import { restrictionsOf } from './walk.ts';
import type { Node } from './walk.ts';

/** Keywords that describe, with what must become of each to leave a restriction. */
const DESCRIBING: readonly (readonly [keyof Schema, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];

export function validateRestrictions(node: Node): FieldError[] {
  return restrictionsOf(withoutIntOrString(node)).flatMap((part) => validatePart(part, node));
}

/** The one way in which a restriction may speak of types: `anyOf` integer or string, alone or first in `allOf`. */
function withoutIntOrString(node: Node): Node {
  const { anyOf, allOf, ...schema } = node.schema;
  if (!schema['x-kubernetes-int-or-string']) return node;
  const [first, ...others] = allOf ?? [];
  // An emptied entry keeps the indices of those behind it.
  const emptied = equalJson(first?.anyOf, INT_OR_STRING) ? [{ ...first, anyOf: [] }, ...others] : allOf;
  return {
    ...node,
    schema: {
      ...schema,
      ...(anyOf && !equalJson(anyOf, INT_OR_STRING) && { anyOf }),
      ...(emptied && { allOf: emptied }),
    },
  };
}

/** `described` is what the schema around says of the same value. */
function validatePart(part: Node, described: Node): FieldError[] {
  const { schema, path } = part;
  const errors = DESCRIBING.filter(([name]) => isSet(schema[name])).map(([name, why]) =>
    fieldError.forbidden(`${path}.${name}`, why),
  );
  if (schema.properties?.['metadata']) {
    errors.push(
      fieldError.forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'),
    );
  }
  return [
    ...errors,
    ...fieldsOf(part, described).flatMap(([sub, original]) =>
      original ? validatePart(sub, original) : [undescribed(sub, part, described)],
    ),
    ...restrictionsOf(part).flatMap((sub) => validatePart(sub, described)),
  ];
}

const isSet = (value: unknown): boolean => value !== undefined && value !== false && value !== '';

/** Each field and the item that the part speaks of, with the schema that describes it. */
function fieldsOf({ schema, path }: Node, described: Node): [Node, Node | undefined][] {
  const { properties = {}, additionalProperties, items } = described.schema;
  const pair = (sub: Schema, step: string, original: Schema | undefined): [Node, Node | undefined] => [
    { schema: sub, path: path + step, level: 'field' },
    isObject(original) ? { schema: original, path: described.path + step, level: 'field' } : undefined,
  ];
  return [
    ...Object.entries(schema.properties ?? {}).map(([name, sub]) =>
      pair(sub, `.properties[${name}]`, properties[name] ?? (additionalProperties as Schema | undefined)),
    ),
    ...(schema.items ? [pair(schema.items, '.items', items)] : []),
  ];
}

function undescribed(sub: Node, part: Node, described: Node): FieldError {
  const field = described.path + sub.path.slice(part.path.length);
  return fieldError.required(field, `because it is defined in ${sub.path}`);
}
