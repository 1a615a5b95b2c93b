import { describe, expect, test } from '@jest/globals';
import { validateDefinition } from '../../../../src/apiserver/crd/validate/index.ts';
import type { Schema } from '../../../../src/apiserver/schema/schema.ts';
import { definition, rootOf, version } from './definitions.ts';

const faults = (crd = definition(), old?: ReturnType<typeof definition>) =>
  validateDefinition(crd, old).map(({ field, message }) => `${field}: ${message}`);

const named = (names: object) =>
  definition({
    names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList', ...names },
  });

const SPEC = 'spec.validation.openAPIV3Schema.properties[spec]';

/** The faults of a definition whose spec has one field, without the path to it. */
const fieldFaults = (schema: Schema) =>
  faults(
    definition({ versions: [version('v1', { schema: { openAPIV3Schema: rootOf({ x: schema }) } })] }),
  ).map((line) => line.replaceAll(`${SPEC}.properties[x]`, 'x'));

test('a sound definition has none', () => {
  expect(faults()).toEqual([]);
});

describe('names and versions', () => {
  const label = /a DNS-1035 label must consist of lower case/;
  test.each<[string, ReturnType<typeof definition>, (string | RegExp)[]]>([
    ['no group', definition({ group: undefined }), ['spec.group: Required value']],
    [
      'a group of one word',
      { ...definition({ group: 'example' }), metadata: { name: 'gadgets.example' } },
      ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
    ],
    [
      'a group of Kubernetes',
      { ...definition({ group: 'x.k8s.io' }), metadata: { name: 'gadgets.x.k8s.io' } },
      [/^metadata\.annotations\[api-approved\.kubernetes\.io\]: Required value: protected groups/],
    ],
    [
      'another name than the names make',
      { ...definition(), metadata: { name: 'gadget.example.com' } },
      ['metadata.name: Invalid value: "gadget.example.com": must be spec.names.plural+"."+spec.group'],
    ],
    ['a short name in capitals', named({ shortNames: ['GD'] }), [label]],
    ['a list kind like the kind', named({ listKind: 'Gadget' }), [/kind and listKind may not be the same/]],
    [
      'a kind with a dash in front',
      named({ kind: '-Gadget' }),
      [/may have mixed case, but should otherwise match/],
    ],
    ['an odd scope', definition({ scope: 'World' }), [/spec\.scope: Unsupported value: "World"/]],
    [
      'no version',
      definition({ versions: [] }, { storedVersions: [] }),
      [
        /spec\.versions: Invalid value: \[\]: must have exactly one/,
        /storedVersions: Invalid value: null: must have at least one/,
      ],
    ],
    [
      'two storage versions',
      definition({ versions: [version('v1'), version('v2')] }),
      ['spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version'],
    ],
    [
      'a version twice',
      definition({ versions: [version('v1'), version('v1', { storage: false })] }),
      ['spec.versions: Invalid value: ["v1","v1"]: must contain unique version names'],
    ],
    [
      'no schema',
      definition({ versions: [{ name: 'v1', served: true, storage: true }] }),
      ['spec.versions[0].schema.openAPIV3Schema: Required value'],
    ],
    [
      'a conversion webhook',
      definition({ conversion: { strategy: 'Webhook' } }),
      [
        /^spec\.conversion\.strategy: Forbidden: conversion webhooks are not supported by this server: use strategy "None"/,
      ],
    ],
    [
      'a warning for a version that is not deprecated',
      definition({ versions: [version('v1', { deprecationWarning: 'old' })] }),
      [/deprecationWarning: Invalid value: "old": can only be set for deprecated versions/],
    ],
  ])('%s', (_, crd, expected) => {
    expect(faults(crd)).toEqual(
      expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
    );
  });
});

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

describe('rules', () => {
  const ruled = (rule: object, schema: Schema = { type: 'string', maxLength: 10 }) =>
    fieldFaults({ ...schema, 'x-kubernetes-validations': [rule as never] });
  const at = 'x.x-kubernetes-validations[0]';

  test.each<[string, object, Schema | undefined, (string | RegExp)[]]>([
    ['a sound one', { rule: 'self != ""' }, undefined, []],
    ['nothing', { rule: ' ' }, undefined, [`${at}.rule: Required value: rule is not specified`]],
    [
      'half of one',
      { rule: 'self ==' },
      undefined,
      [
        `${at}.rule: Invalid value: "self ==": compilation failed: ERROR: <input>:1:8: Unexpected token: EOF\n | self ==\n | .......^`,
      ],
    ],
    [
      'an unknown variable',
      { rule: 'self.matches("a") && slef == "b"' },
      undefined,
      [/ERROR: <input>:1:22: Unknown variable: slef\n \| self\.matches\("a"\) && slef/],
    ],
    [
      'an unknown function',
      { rule: 'frob(self)' },
      undefined,
      [/found no matching overload for 'frob\(string\)'/],
    ],
    [
      'a text for an answer',
      { rule: '"yes"' },
      undefined,
      [`${at}.rule: Invalid value: "\\"yes\\"": cel expression must evaluate to a bool`],
    ],
    [
      'a text taken for a number',
      { rule: 'self + 1 == 2' },
      undefined,
      [/ERROR: <input>:1:\d: no such overload: string \+ int/],
    ],
    ['a text taken for a condition', { rule: 'self' }, undefined, [/cel expression must evaluate to a bool/]],
    [
      'an unknown field',
      { rule: 'self.b.c == 1' },
      { type: 'object', properties: { b: { type: 'object', properties: { d: { type: 'integer' } } } } },
      [/ERROR: <input>:1:8: undefined field 'c'\n \| self\.b\.c == 1\n \| \.{7}\^$/],
    ],
    [
      'a field by its escaped name',
      { rule: 'self.a__dash__b == 1 && self.__namespace__ == 1' },
      { type: 'object', properties: { 'a-b': { type: 'integer' }, namespace: { type: 'integer' } } },
      [],
    ],
    [
      'a message of two lines',
      { rule: 'true', message: 'a\nb' },
      undefined,
      [/message must not contain line breaks/],
    ],
    [
      'a message that is no text',
      { rule: 'true', messageExpression: '5' },
      undefined,
      [/messageExpression: Invalid value: "5": cel expression must evaluate to a string/],
    ],
    [
      'an odd reason',
      { rule: 'true', reason: 'Because' },
      undefined,
      [/reason: Unsupported value: "Because"/],
    ],
    [
      'a path to nowhere',
      { rule: 'true', fieldPath: '.b' },
      { type: 'object', properties: { a: { type: 'string' } } },
      [/fieldPath: Invalid value: "\.b": fieldPath must be a valid path/],
    ],
    [
      'an optional past that is not asked for',
      { rule: 'true', optionalOldSelf: true },
      undefined,
      [/optionalOldSelf: Invalid value/],
    ],
  ])('%s', (_, rule, schema, expected) => {
    expect(ruled(rule, schema)).toEqual(
      expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
    );
  });

  test('the past of an item without a key is unknown', () => {
    const items: Schema = { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] };
    expect(fieldFaults({ type: 'array', maxItems: 5, items })).toEqual([
      'x.items.x-kubernetes-validations[0].rule: Invalid value: "self >= oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within x',
    ]);
  });

  test('one that could cost too much is refused, with what to do about it', () => {
    const everyPair = { rule: 'self.all(a, self.exists(b, a == b))' };
    const texts = (more: Schema): Schema => ({ type: 'array', items: { type: 'string' }, ...more });
    expect(ruled(everyPair, texts({}))).toEqual([
      `${at}.rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      `${at}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`,
      expect.stringMatching(
        /^spec\.validation\.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total/,
      ),
    ]);
    expect(ruled(everyPair, texts({ maxItems: 100, items: { type: 'string', maxLength: 64 } }))).toEqual([]);
    expect(ruled(everyPair, texts({ maxItems: 1500, items: { type: 'string', maxLength: 64 } }))).toEqual([
      expect.stringMatching(/exceeds budget by factor of \d\.\dx/),
    ]);
  });

  test('all together may not cost too much either', () => {
    const costly: Schema = {
      type: 'array',
      maxItems: 800,
      items: { type: 'string', maxLength: 10 },
      'x-kubernetes-validations': [{ rule: 'self.all(a, self.exists(b, a == b))' }],
    };
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, costly]));
    const found = faults(
      definition({ versions: [version('v1', { schema: { openAPIV3Schema: rootOf(many) } })] }),
    );
    expect(found.slice(0, -1)).toEqual(
      [0, 1, 2, 3].map((i) =>
        expect.stringMatching(new RegExp(`\\[f${i}\\].*contributed to estimated rule cost total`)),
      ),
    );
    expect(found.slice(-1)).toEqual([
      expect.stringMatching(
        /x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of 1\.2x/,
      ),
    ]);
  });
});

describe('what else a version offers', () => {
  const offering = (more: object) => faults(definition({ versions: [version('v1', more)] }));
  const schema = {
    openAPIV3Schema: rootOf({
      color: { type: 'string' },
      parts: { type: 'array', items: { type: 'string' } },
    }),
  };
  const selecting = (...paths: string[]) =>
    offering({ schema, selectableFields: paths.map((jsonPath) => ({ jsonPath })) });

  test('selectable fields are few and plain', () => {
    expect(selecting('.spec.color')).toEqual([]);
    expect(selecting('.spec.size')).toEqual([
      'spec.selectableFields[0].jsonPath: Invalid value: ".spec.size": is an invalid path: does not refer to a valid field',
    ]);
    expect(selecting('.spec.parts')).toEqual([expect.stringMatching(/must point to a field of type string/)]);
    expect(selecting('.metadata.name')).toEqual([
      expect.stringMatching(/must not point to fields in metadata/),
    ]);
    expect(selecting('.spec.color', '.spec.color')).toEqual([
      'spec.selectableFields[1].jsonPath: Duplicate value: ".spec.color"',
    ]);
    expect(selecting(...Array.from({ length: 9 }, () => '.spec.color'))).toEqual([
      'spec.selectableFields: Too many: 9: must have at most 8 items',
    ]);
  });

  test('printer columns', () => {
    const column = { name: 'Color', type: 'string', jsonPath: '.spec.color' };
    expect(offering({ additionalPrinterColumns: [column] })).toEqual([]);
    expect(offering({ additionalPrinterColumns: [{ ...column, type: 'text' }] })).toEqual([
      'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
    ]);
    expect(offering({ additionalPrinterColumns: [{ ...column, jsonPath: '.spec[' }] })).toEqual([
      expect.stringMatching(/jsonPath: Invalid value: "\.spec\[": unsupported JSONPath/),
    ]);
  });

  test('the paths of scale', () => {
    const scale = (more: object) =>
      offering({
        subresources: { scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', ...more } },
      });
    expect(scale({})).toEqual([]);
    expect(scale({ specReplicasPath: '.status.n' })).toEqual([
      'spec.subresources.scale.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec',
    ]);
    expect(scale({ statusReplicasPath: '.status.list[0]' })).toEqual([
      expect.stringMatching(/must be a json path of field names/),
    ]);
    expect(scale({ labelSelectorPath: '.metadata.x' })).toEqual([
      expect.stringMatching(/under \.spec or \.status/),
    ]);
  });
});

describe('over time', () => {
  const established = {
    storedVersions: ['v1'],
    conditions: [{ type: 'Established', status: 'True' }],
  };

  test('what keys and kinds depend on stays', () => {
    const old = definition({}, established);
    expect(faults(definition({ scope: 'Cluster' }, established), old)).toEqual([
      'spec.scope: Invalid value: "Cluster": field is immutable',
    ]);
    expect(faults(definition({ scope: 'Cluster' }), definition())).toEqual([]);
    expect(faults(named({ plural: 'gizmos' }), old)).toEqual(
      expect.arrayContaining(['spec.names.plural: Invalid value: "gizmos": field is immutable']),
    );
  });

  test('a version that objects may be stored in stays', () => {
    const next = definition({ versions: [version('v2')] }, { storedVersions: ['v1', 'v2'] });
    expect(faults(next, definition())).toEqual([
      expect.stringMatching(
        /^status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions; v1 was previously/,
      ),
    ]);
    expect(faults(definition({}, { storedVersions: [] }), definition())).toEqual([
      'status.storedVersions: Invalid value: null: must have at least one stored version',
    ]);
    const both = definition(
      { versions: [version('v1'), version('v2', { storage: false })] },
      { storedVersions: ['v2'] },
    );
    expect(faults(both, both)).toEqual([
      'status.storedVersions: Invalid value: ["v2"]: must have the storage version v1',
    ]);
  });

  test('a spec that was let in before is not looked at again', () => {
    const faulty = definition({
      versions: [version('v1', { schema: { openAPIV3Schema: rootOf({ x: {} }) } })],
    });
    expect(faults(faulty)).toHaveLength(1);
    expect(faults(faulty, faulty)).toEqual([]);
  });
});
