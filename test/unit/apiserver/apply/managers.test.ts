import { describe, expect, test } from '@jest/globals';
import { fieldSet, pathsOf } from '../../../../src/apiserver/apply/field-set.ts';
import {
  capUpdaters,
  decodeManagers,
  encodeManagers,
  identityOf,
} from '../../../../src/apiserver/apply/managers.ts';
import type { Manager } from '../../../../src/apiserver/apply/managers.ts';
import { displayPath } from '../../../../src/apiserver/apply/path-element.ts';

const entry = (more: object = {}) => ({
  manager: 'm',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:spec': { 'f:x': {} } },
  ...more,
});

describe('managedFields', () => {
  test.each([
    ['an operation that there is not', { operation: 'Patch' }],
    ['no version', { apiVersion: '' }],
    ['no type of fields', { fieldsType: undefined }],
    ['another type of fields', { fieldsType: 'FieldsV2' }],
    ['a step without its kind', { fieldsV1: { spec: {} } }],
    ['a key that is no JSON', { fieldsV1: { 'k:{name': {} } }],
    ['a key that is no object', { fieldsV1: { 'k:1': {} } }],
    ['an index that is no number', { fieldsV1: { 'i:one': {} } }],
    ['a field that holds no fields', { fieldsV1: { 'f:x': 1 } }],
  ])('with %s cannot be read', (_, fault) => {
    expect(() => decodeManagers([entry(fault) as never])).toThrow();
  });

  test('a kind of step that nobody knows yet is left out', () => {
    const [only] = decodeManagers([entry({ fieldsV1: { 'z:new': {}, 'f:a': {} } }) as never]).values();
    expect(only && pathsOf(only.fields).map(displayPath)).toEqual(['.a']);
  });

  test('who applies comes before who updates, the older first, then by name', () => {
    const times = { old: '2026-01-01T00:00:00Z', new: '2026-02-01T00:00:00Z' };
    const entries = [
      entry({ manager: 'late', time: times.new }),
      entry({ manager: 'b', time: times.old }),
      entry({ manager: 'a', time: times.old, subresource: 'status' }),
      entry({ manager: 'a', time: times.old }),
      entry({ manager: 'z', time: times.new, operation: 'Apply' }),
      entry({ manager: 'never' }),
    ];
    const order = encodeManagers(decodeManagers(entries as never)).map((one) => [
      one['manager'],
      one['subresource'],
    ]);
    expect(order).toEqual([
      ['z', undefined],
      ['never', undefined],
      ['a', undefined],
      ['a', 'status'],
      ['b', undefined],
      ['late', undefined],
    ]);
  });

  test('keys, values and indexes are sorted as values, not as texts', () => {
    const fieldsV1 = {
      'v:10': {},
      'k:{"b":1,"a":2}': {},
      'i:1': {},
      'v:"t"': {},
      'v:2': {},
      'f:z': { 'f:y': {}, '.': {} },
      'k:{"a":10}': {},
      'v:true': {},
    };
    const [encoded] = encodeManagers(decodeManagers([entry({ fieldsV1 }) as never]));
    expect(JSON.stringify(encoded?.['fieldsV1'])).toBe(
      '{"f:z":{".":{},"f:y":{}},"k:{\\"a\\":2,\\"b\\":1}":{},"k:{\\"a\\":10}":{},"v:2":{},"v:10":{},"v:\\"t\\"":{},"v:true":{},"i:1":{}}',
    );
  });
});

describe('more than ten that updated', () => {
  const manager = (i: number, apiVersion = 'v1'): Manager => ({
    manager: `m${i}`,
    operation: 'Update',
    apiVersion,
    subresource: '',
    time: new Date(i * 1000).toISOString(),
    fields: fieldSet([[`f:f${i}`]]),
  });
  const capped = (managers: Manager[]) =>
    [...capUpdaters(new Map(managers.map((one) => [identityOf(one), one]))).values()].map(
      ({ manager: name, apiVersion, fields }) => [
        name,
        apiVersion,
        pathsOf(fields).map(displayPath).join(' '),
      ],
    );

  test('the oldest become one', () => {
    const left = capped(Array.from({ length: 12 }, (_, i) => manager(i)));
    expect(left).toHaveLength(10);
    expect(left).toContainEqual(['ancient-changes', 'v1', '.f0 .f1 .f2']);
    expect(left).not.toContainEqual(expect.arrayContaining(['m0']));
  });

  test('of each version its own', () => {
    const left = capped(Array.from({ length: 12 }, (_, i) => manager(i, i % 2 === 0 ? 'v1' : 'v2')));
    expect(left).toContainEqual(['ancient-changes', 'v1', '.f0 .f2']);
    expect(left).toContainEqual(['ancient-changes', 'v2', '.f1 .f3']);
    expect(left).toHaveLength(10);
  });

  test('the next oldest joins those', () => {
    const before = { ...manager(1), manager: 'ancient-changes' };
    const left = capped([before, ...Array.from({ length: 10 }, (_, i) => manager(i + 2))]);
    expect(left).toContainEqual(['ancient-changes', 'v1', '.f1 .f2']);
    expect(left).toHaveLength(10);
  });

  test('ten are left alone, and who applies does not count', () => {
    const ten = Array.from({ length: 10 }, (_, i) => manager(i));
    expect(capped([...ten, { ...manager(11), operation: 'Apply' }])).toHaveLength(11);
  });
});
