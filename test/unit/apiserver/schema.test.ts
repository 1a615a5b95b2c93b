import { describe, expect, test } from '@jest/globals';
import { applyDefaults, dropNulls, zeroNullItems } from '../../../src/apiserver/schema/default.ts';
import { prune } from '../../../src/apiserver/schema/prune.ts';
import { validateRules } from '../../../src/apiserver/schema/rules.ts';
import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import { validateSchema } from '../../../src/apiserver/schema/validate.ts';

const object = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});
const faults = (value: unknown, schema: Schema) =>
  validateSchema(value, object({ x: schema })).map(({ field, message }) => `${field}: ${message}`);

describe('validation words its errors as Kubernetes does', () => {
  test.each<[string, unknown, Schema, string]>([
    [
      'type',
      'a',
      { type: 'integer' },
      'x: Invalid value: "string": x in body must be of type integer: "string"',
    ],
    [
      'no fraction',
      1.5,
      { type: 'integer' },
      'x: Invalid value: "number": x in body must be of type integer: "number"',
    ],
    ['null', null, { type: 'string' }, 'x: Invalid value: "null": x in body must be of type string: "null"'],
    [
      'minimum',
      0,
      { type: 'integer', minimum: 1 },
      'x: Invalid value: 0: x in body should be greater than or equal to 1',
    ],
    [
      'exclusive maximum',
      5,
      { maximum: 5, exclusiveMaximum: true },
      'x: Invalid value: 5: x in body should be less than 5',
    ],
    ['multipleOf', 5, { multipleOf: 2 }, 'x: Invalid value: 5: x in body should be a multiple of 2'],
    ['enum', 'c', { enum: ['a', 'b'] }, 'x: Unsupported value: "c": supported values: "a", "b"'],
    ['minLength', '', { minLength: 1 }, 'x: Invalid value: "": x in body should be at least 1 chars long'],
    ['maxLength', 'abc', { maxLength: 2 }, 'x: Too long: may not be more than 2 bytes'],
    ['pattern', 'B', { pattern: '^a$' }, `x: Invalid value: "B": x in body should match '^a$'`],
    [
      'format',
      'soon',
      { format: 'date-time' },
      'x: Invalid value: "soon": x in body must be of type date-time: "soon"',
    ],
    ['minItems', [], { minItems: 1 }, 'x: Invalid value: 0: x in body should have at least 1 items'],
    ['maxItems', [1, 2], { maxItems: 1 }, 'x: Too many: 2: must have at most 1 items'],
    [
      'item',
      ['a', 1],
      { items: { type: 'string' } },
      'x[1]: Invalid value: "integer": x[1] in body must be of type string: "integer"',
    ],
    ['set', ['a', 'a'], { 'x-kubernetes-list-type': 'set' }, 'x[1]: Duplicate value: "a"'],
    ['required', {}, { required: ['y'] }, 'x.y: Required value'],
    [
      'int-or-string',
      true,
      { 'x-kubernetes-int-or-string': true },
      'x: Invalid value: "boolean": x in body must be of type integer,string: "boolean"',
    ],
    [
      'oneOf',
      { a: 1, b: 1 },
      { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      'x: Invalid value: "object": x in body must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
    [
      'not',
      'a',
      { not: { enum: ['a'] } },
      'x: Invalid value: "a": x in body must not validate the schema (not)',
    ],
  ])('%s', (_, value, schema, expected) => {
    expect(faults({ x: value }, schema)).toEqual([expected]);
  });

  test('what fits has no faults', () => {
    const fine: Schema = {
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      'x-kubernetes-int-or-string': true,
    };
    expect(faults({ x: 5 }, fine)).toEqual([]);
    expect(faults({ x: null }, { type: 'string', nullable: true })).toEqual([]);
    expect(faults({}, { type: 'string' })).toEqual([]);
  });
});

describe('what was let in before stays, when the schema has become stricter', () => {
  const schema = object({
    spec: object(
      {
        n: { type: 'integer', maximum: 5 },
        m: { type: 'integer', maximum: 5 },
        list: {
          type: 'array',
          items: object({ k: { type: 'string' }, v: { type: 'integer', maximum: 5 } }),
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['k'],
        },
      },
      { required: ['new'], 'x-kubernetes-validations': [{ rule: 'self.n < 5', message: 'n too large' }] },
    ),
    status: object({ phase: { type: 'string' } }),
  });
  const old = { spec: { n: 9, list: [{ k: 'a', v: 9 }] }, status: {} };
  const fieldsAtFault = (value: object) => [
    ...validateSchema(value, schema, '', old).map(({ field }) => field),
    ...validateRules(value, old, schema).map(({ field }) => `${field} by rule`),
  ];

  test('while its part is not touched', () => {
    expect(fieldsAtFault({ ...old, status: { phase: 'Gone' } })).toEqual([]);
  });

  test('and only what is touched must fit', () => {
    const changed = {
      ...old,
      spec: {
        ...old.spec,
        m: 9,
        list: [
          { k: 'b', v: 9 },
          { k: 'a', v: 9 },
        ],
      },
    };
    expect(fieldsAtFault(changed)).toEqual(['spec.new', 'spec.list[0].v', 'spec.m', 'spec by rule']);
  });
});

test('pruning drops what the schema does not know, and says where it was', () => {
  const schema = object({
    spec: object({
      known: { type: 'string' },
      list: { type: 'array', items: object({ a: {} }) },
      map: { type: 'object', additionalProperties: object({ a: {} }) },
      free: {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { strict: object({}) },
      },
    }),
  });
  const value = {
    apiVersion: 'v1',
    metadata: { anything: 1 },
    top: 1,
    spec: {
      known: 'a',
      other: 1,
      list: [{ a: 1, b: 2 }],
      map: { k: { a: 1, b: 2 } },
      free: { any: { thing: 1 }, strict: { x: 1 } },
    },
  };
  expect(prune(value, schema).sort()).toEqual([
    'spec.free.strict.x',
    'spec.list[0].b',
    'spec.map.k.b',
    'spec.other',
    'top',
  ]);
  expect(value.spec).toEqual({
    known: 'a',
    list: [{ a: 1 }],
    map: { k: { a: 1 } },
    free: { any: { thing: 1 }, strict: {} },
  });
});

test('defaults fill in from outside to inside; a null that is not allowed counts as absent', () => {
  const schema = object({
    a: { type: 'integer', default: 1 },
    b: object({ c: { type: 'string', default: 'x' } }),
    d: { ...object({ e: { type: 'integer', default: 2 } }), default: {} },
    list: { type: 'array', items: object({ f: { type: 'boolean', default: true } }) },
    n: { type: 'string', nullable: true, default: 'n' },
  });
  const value: Record<string, unknown> = { a: null, list: [{}], n: null };
  dropNulls(value, schema);
  applyDefaults(value, schema);
  expect(value).toEqual({ a: 1, d: { e: 2 }, list: [{ f: true }], n: null });
});

describe('validation rules', () => {
  const violations = (schema: Schema, value: unknown, old?: unknown) =>
    validateRules(value, old, schema).map(({ field, reason, message }) => `${field} ${reason} ${message}`);

  test('a message of its own, made or given; reason and fieldPath', () => {
    const schema = object({
      spec: object(
        {
          n: {
            type: 'integer',
            'x-kubernetes-validations': [
              { rule: 'self < 5', messageExpression: `"too much: " + string(self)` },
            ],
          },
        },
        {
          'x-kubernetes-validations': [
            { rule: 'has(self.m)', message: 'm is needed', fieldPath: '.m', reason: 'FieldValueRequired' },
          ],
        },
      ),
    });
    expect(violations(schema, { spec: { n: 7 } })).toEqual([
      'spec.m FieldValueRequired Required value: m is needed',
      'spec.n FieldValueInvalid Invalid value: 7: too much: 7',
    ]);
    expect(violations(object({}, { 'x-kubernetes-validations': [{ rule: 'false' }] }), {})).toEqual([
      '<nil> FieldValueInvalid Invalid value: failed rule: false',
    ]);
  });

  test('rules over time are for updates, unless they ask for the beginning too', () => {
    const immutable = object({
      x: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'immutable' }] },
    });
    expect(violations(immutable, { x: 'a' })).toEqual([]);
    expect(violations(immutable, { x: 'a' }, { x: 'b' })).toEqual([
      'x FieldValueInvalid Invalid value: "a": immutable',
    ]);
    const first = object({
      x: {
        type: 'string',
        'x-kubernetes-validations': [
          { rule: `oldSelf.hasValue() || self == "new"`, optionalOldSelf: true, message: 'new first' },
        ],
      },
    });
    expect(violations(first, { x: 'a' })).toHaveLength(1);
    expect(violations(first, { x: 'a' }, { x: 'b' })).toEqual([]);
  });

  test('items of a keyed list are compared by key, those of an atomic list not at all', () => {
    const items = object({
      k: { type: 'string' },
      v: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf', message: 'only up' }] },
    });
    const keyed = object({
      l: { type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] },
    });
    const old = {
      l: [
        { k: 'a', v: 1 },
        { k: 'b', v: 5 },
      ],
    };
    const next = {
      l: [
        { k: 'b', v: 4 },
        { k: 'a', v: 2 },
        { k: 'c', v: 0 },
      ],
    };
    expect(violations(keyed, next, old)).toEqual(['l[0].v FieldValueInvalid Invalid value: 4: only up']);
    expect(violations(object({ l: { type: 'array', items } }), next, old)).toEqual([]);
  });

  test('a rule that cannot be evaluated is an error of the object', () => {
    expect(
      violations(object({}, { 'x-kubernetes-validations': [{ rule: 'self.gone > 1' }] }), {})[0],
    ).toMatch(/rule evaluation error: self\.gone > 1: No such key/);
  });
});

test('a null in a list of a built-in kind is the zero value of its type', () => {
  const schema: Schema = {
    type: 'object',
    properties: {
      names: { type: 'array', items: { type: 'string' } },
      rules: {
        type: 'array',
        items: { type: 'object', properties: { ports: { type: 'array', items: { type: 'integer' } } } },
      },
      optional: { type: 'array', items: { type: 'string', nullable: true } },
    },
    additionalProperties: { type: 'array', items: { type: 'boolean' } },
  };
  const value = { names: ['a', null], rules: [null, { ports: [null, 1] }], optional: [null], more: [null] };
  zeroNullItems(value, schema);
  expect(value).toEqual({
    names: ['a', ''],
    rules: [{}, { ports: [0, 1] }],
    optional: [null],
    more: [false],
  });
});
