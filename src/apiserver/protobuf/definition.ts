/**
 * CustomResourceDefinition as a protobuf message: field numbers from the `generated.proto` of
 * k8s.io/apiextensions-apiserver. A schema contains schemas, and some of its fields are one of two things in JSON.
 */
import { fieldOf, listOf, message, objectMeta, readAs } from './descriptors.ts';
import type { Field, Message } from './descriptors.ts';

const json = readAs(message([1, 'raw', 'json*']), ({ raw }) => raw);

const rule = message(
  [1, 'rule', 'string'],
  [2, 'message', 'string'],
  [3, 'messageExpression', 'string'],
  [4, 'reason', 'string*'],
  [5, 'fieldPath', 'string'],
  [6, 'optionalOldSelf', 'bool*'],
);

/** Filled below: it is made of itself. */
const fields = new Map<number, Field>();
const schema: Message = fields;

const self = (name: string, shape: Field['shape'] = 'one'): Field => ({
  name,
  type: schema,
  pointer: true,
  shape,
});

const orBool = readAs(
  new Map([
    [1, fieldOf('allows', 'bool')],
    [2, self('schema')],
  ]),
  (decoded) => decoded['schema'] ?? decoded['allows'] ?? false,
);

const orList = readAs(
  new Map([
    [1, self('schema')],
    [2, self('schemas', 'list')],
  ]),
  (decoded) => decoded['schema'] ?? decoded['schemas'],
);

const SCHEMA: readonly (readonly [number, Field])[] = [
  [1, fieldOf('id', 'string')],
  [2, fieldOf('$schema', 'string')],
  [3, fieldOf('$ref', 'string*')],
  [4, fieldOf('description', 'string')],
  [5, fieldOf('type', 'string')],
  [6, fieldOf('format', 'string')],
  [7, fieldOf('title', 'string')],
  [8, fieldOf('default', json)],
  [9, fieldOf('maximum', 'double*')],
  [10, fieldOf('exclusiveMaximum', 'bool')],
  [11, fieldOf('minimum', 'double*')],
  [12, fieldOf('exclusiveMinimum', 'bool')],
  [13, fieldOf('maxLength', 'int*')],
  [14, fieldOf('minLength', 'int*')],
  [15, fieldOf('pattern', 'string')],
  [16, fieldOf('maxItems', 'int*')],
  [17, fieldOf('minItems', 'int*')],
  [18, fieldOf('uniqueItems', 'bool')],
  [19, fieldOf('multipleOf', 'double*')],
  [20, fieldOf('enum', listOf(json))],
  [21, fieldOf('maxProperties', 'int*')],
  [22, fieldOf('minProperties', 'int*')],
  [23, fieldOf('required', '[]string')],
  [24, fieldOf('items', orList)],
  [25, self('allOf', 'list')],
  [26, self('oneOf', 'list')],
  [27, self('anyOf', 'list')],
  [28, self('not')],
  [29, self('properties', 'map')],
  [30, fieldOf('additionalProperties', orBool)],
  [31, self('patternProperties', 'map')],
  [33, fieldOf('additionalItems', orBool)],
  [34, self('definitions', 'map')],
  [35, fieldOf('externalDocs', message([1, 'description', 'string'], [2, 'url', 'string']))],
  [36, fieldOf('example', json)],
  [37, fieldOf('nullable', 'bool')],
  [38, fieldOf('x-kubernetes-preserve-unknown-fields', 'bool*')],
  [39, fieldOf('x-kubernetes-embedded-resource', 'bool')],
  [40, fieldOf('x-kubernetes-int-or-string', 'bool')],
  [41, fieldOf('x-kubernetes-list-map-keys', '[]string')],
  [42, fieldOf('x-kubernetes-list-type', 'string*')],
  [43, fieldOf('x-kubernetes-map-type', 'string*')],
  [44, fieldOf('x-kubernetes-validations', listOf(rule))],
];
for (const [number, field] of SCHEMA) fields.set(number, field);

const names = message(
  [1, 'plural', 'string'],
  [2, 'singular', 'string'],
  [3, 'shortNames', '[]string'],
  [4, 'kind', 'string'],
  [5, 'listKind', 'string'],
  [6, 'categories', '[]string'],
);

const scale = message(
  [1, 'specReplicasPath', 'string'],
  [2, 'statusReplicasPath', 'string'],
  [3, 'labelSelectorPath', 'string*'],
);

const printerColumn = message(
  [1, 'name', 'string'],
  [2, 'type', 'string'],
  [3, 'format', 'string'],
  [4, 'description', 'string'],
  [5, 'priority', 'int'],
  [6, 'jsonPath', 'string'],
);

const version = message(
  [1, 'name', 'string'],
  [2, 'served', 'bool*'],
  [3, 'storage', 'bool*'],
  [4, 'schema', message([1, 'openAPIV3Schema', schema])],
  [5, 'subresources', message([1, 'status', message()], [2, 'scale', scale])],
  [6, 'additionalPrinterColumns', listOf(printerColumn)],
  [7, 'deprecated', 'bool'],
  [8, 'deprecationWarning', 'string*'],
  [9, 'selectableFields', listOf(message([1, 'jsonPath', 'string']))],
);

const condition = message(
  [1, 'type', 'string'],
  [2, 'status', 'string'],
  [3, 'lastTransitionTime', 'time'],
  [4, 'reason', 'string'],
  [5, 'message', 'string'],
);

export const definitionMessage: Message = message(
  [1, 'metadata', objectMeta],
  [
    2,
    'spec',
    message(
      [1, 'group', 'string'],
      [3, 'names', names],
      [4, 'scope', 'string'],
      [7, 'versions', listOf(version)],
      [9, 'conversion', message([1, 'strategy', 'string'])],
      [10, 'preserveUnknownFields', 'bool'],
    ),
  ],
  [
    3,
    'status',
    message(
      [1, 'conditions', listOf(condition)],
      [2, 'acceptedNames', names],
      [3, 'storedVersions', '[]string'],
    ),
  ],
);
