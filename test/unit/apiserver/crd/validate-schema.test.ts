/** Which schemas a definition may have. */
import { describe, expect, test } from '@jest/globals';
import type { Schema } from '../../../../src/apiserver/schema/schema.ts';
import { definition, rootOf, version } from './definitions.ts';
import { faults, fieldFaults } from './faults.ts';

describe('schemas', () => {
  const item = (more: Schema = {}): Schema => ({
    type: 'object',
    properties: { k: { type: 'string' } },
    ...more,
  });
  const map = (items: Schema, keys = ['k']): Schema => ({
    type: 'array',
    items,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
  });

  test.each<[string, Schema, (string | RegExp)[]]>([
    ['no type', {}, ['x.type: Required value: must not be empty for specified object fields']],
    ['an unknown type', { type: 'text' }, [/^x\.type: Unsupported value: "text"/]],
    ['null as type', { type: 'null' }, [/x\.type: Forbidden: type cannot be set to null, use nullable/]],
    ['a list of nothing', { type: 'array' }, ['x.items: Required value: must be specified']],
    ['a reference', { type: 'object', $ref: '#/x' }, ['x.$ref: Forbidden: $ref is not supported']],
    [
      'uniqueItems',
      { type: 'array', items: { type: 'string' }, uniqueItems: true },
      [/x\.uniqueItems: Forbidden/],
    ],
    [
      'fields of both kinds',
      { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } },
      ['x.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    ['no additional properties', { type: 'object', additionalProperties: false }, [/cannot be set to false/]],
    [
      'a pattern beyond RE2',
      { type: 'string', pattern: '(?=a)' },
      [/x\.pattern: Invalid value: "\(\?=a\)": must be/],
    ],
    [
      'false where only true makes sense',
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': false },
      [/must be true or undefined/],
    ],
    [
      'an embedded resource of nothing',
      { type: 'object', 'x-kubernetes-embedded-resource': true },
      [/^x\.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without/],
    ],
    [
      'a type inside of a restriction',
      { type: 'string', anyOf: [{ type: 'string' }] },
      ['x.anyOf[0].type: Forbidden: must be empty to be structural'],
    ],
    [
      'integer or string',
      { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
      [],
    ],
    [
      'a field that only a restriction knows',
      { type: 'object', oneOf: [{ properties: { y: { minLength: 1 } } }, { required: ['z'] }] },
      ['x.properties[y]: Required value: because it is defined in x.oneOf[0].properties[y]'],
    ],
    [
      'a set of objects that can change',
      { type: 'array', items: item(), 'x-kubernetes-list-type': 'set' },
      [/must be atomic as item of a list/],
    ],
    ['a map with keys', map(item({ required: ['k'] })), []],
    [
      'a map without keys',
      map(item(), []),
      [/^x\.x-kubernetes-list-map-keys: Required value: must not be empty/],
    ],
    [
      'a key that is no field',
      map(item({ required: ['k'] }), ['z']),
      [/entries must all be names of item properties/],
    ],
    [
      'a key that may be absent',
      map(item()),
      [
        'x.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      ],
    ],
    ['a key with a default', map(item({ properties: { k: { type: 'string', default: 'a' } } })), []],
    [
      'a map of texts',
      map({ type: 'string' }),
      [/must be object if parent array/, /names of item properties/],
    ],
    [
      'a default of the wrong type',
      { type: 'string', default: 5 },
      [/^x\.default: Invalid value: "integer": x\.default in body must be of type string/],
    ],
    [
      'a default with an unknown field',
      { type: 'object', properties: { a: { type: 'string' } }, default: { a: 'b', c: 'd' } },
      ['x.default: Invalid value: {"a":"b","c":"d"}: must not have unknown fields'],
    ],
    [
      'a default that inner defaults complete',
      { type: 'object', required: ['a'], properties: { a: { type: 'string', default: 'b' } }, default: {} },
      [],
    ],
    [
      'a default that breaks a rule',
      {
        type: 'integer',
        default: 5,
        'x-kubernetes-validations': [{ rule: 'self < 5', message: 'too much' }],
      },
      ['x.default: Invalid value: 5: too much'],
    ],
  ])('%s', (_, schema, expected) => {
    expect(fieldFaults(schema)).toEqual(
      expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
    );
  });

  test('the root is an object whose metadata is the server’s', () => {
    const root = (openAPIV3Schema: Schema, more = {}) =>
      faults(definition({ versions: [version('v1', { schema: { openAPIV3Schema }, ...more })] }));
    expect(root({ type: 'string' })).toEqual([
      'spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root',
    ]);
    expect(
      root({
        type: 'object',
        properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
      }),
    ).toEqual([
      expect.stringMatching(/properties\[metadata\]: Forbidden: must not specify anything other than name/),
    ]);
    expect(
      root(
        { type: 'object', properties: {}, oneOf: [{ required: ['spec'] }] },
        { subresources: { status: {} } },
      ),
    ).toEqual([
      expect.stringMatching(/oneOf: Forbidden: must not be used at the root of the schema if the status/),
    ]);
  });

  test('faults of versions that differ are told apart', () => {
    const versions = [
      version('v1', { schema: { openAPIV3Schema: rootOf({ x: {} }) } }),
      version('v2', { storage: false }),
    ];
    expect(faults(definition({ versions }))).toEqual([
      expect.stringMatching(
        /^spec\.versions\[0\]\.schema\.openAPIV3Schema\.properties\[spec\]\.properties\[x\]\.type:/,
      ),
    ]);
  });
});
