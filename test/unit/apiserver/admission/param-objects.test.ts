import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextStep } from 'node:timers/promises';
import { MAX_SELECTED, StoredParams } from '../../../../src/apiserver/admission/policy/param-objects.ts';
import { encodeObject } from '../../../../src/apiserver/codec.ts';
import { keyOf } from '../../../../src/apiserver/resource.ts';
import { openStore } from '../../../../src/store/index.ts';
import type { Store } from '../../../../src/store/index.ts';
import { builtin } from './requests.ts';

const configMaps = builtin('configmaps');
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const selector = { matchLabels: { params: 'yes' } };

let directory: string;
let store: Store;
let params: StoredParams;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-params-'));
  store = openStore({ file: join(directory, 'store.db') });
  params = new StoredParams(store, silent);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await params.close();
  store.close();
  rmSync(directory, { recursive: true });
});

const key = (name: string, namespace = 'tenant'): string => keyOf(configMaps, namespace, name);
const text = (name: string, label: string, most: string, namespace = 'tenant'): string =>
  encodeObject({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels: { params: label } },
    data: { most },
  });
const put = (name: string, label = 'yes', most = '1', namespace = 'tenant') =>
  store.create(key(name, namespace), text(name, label, most, namespace));

const found = (namespace = 'tenant'): string[] =>
  params.selected(configMaps, namespace, selector).map((one) => {
    const { metadata, data } = one as { metadata: { name: string }; data: { most: string } };
    return `${metadata.name} ${data.most}`;
  });

test('those of the namespace whose labels fit, as they come, change and go', async () => {
  await Promise.all([put('b'), put('a'), put('other', 'no'), put('c', 'yes', '1', 'elsewhere')]);
  expect(found()).toEqual(['a 1', 'b 1']);
  const created = await put('later');
  await nextStep();
  expect(found()).toEqual(['a 1', 'b 1', 'later 1']);
  const { revision } = await store.update(key('later'), text('later', 'yes', '2'), created.revision);
  await nextStep();
  expect(found()).toEqual(['a 1', 'b 1', 'later 2']);
  const relabelled = await store.update(key('later'), text('later', 'no', '2'), revision);
  await nextStep();
  expect(found()).toEqual(['a 1', 'b 1']);
  expect(found('elsewhere')).toEqual(['c 1']);
  await store.delete(key('later'), relabelled.revision);
  const { revision: last } = store.get(key('a')) ?? { revision: 0 };
  await store.delete(key('a'), last);
  await nextStep();
  expect(found()).toEqual(['b 1']);
});

test('what did not change is not read again', async () => {
  await Promise.all([put('a'), put('b'), ...Array.from({ length: 50 }, (_, i) => put(`other-${i}`, 'no'))]);
  const read = jest.spyOn(store, 'get');
  const listed = jest.spyOn(store, 'list');
  for (let write = 0; write < 20; write++) {
    expect(found()).toHaveLength(2);
    expect(params.named(configMaps, 'tenant', 'a')[0]).toBe(params.named(configMaps, 'tenant', 'a')[0]);
  }
  expect(listed).toHaveBeenCalledTimes(1);
  // Each by its label once; by its name each time, since nobody tells of changes.
  expect(read.mock.calls.filter(([one]) => one === key('b'))).toHaveLength(1);
  expect(read.mock.calls.some(([one]) => one.includes('other'))).toBe(false);
});

test('many are not evaluated, and that is said', async () => {
  await Promise.all(Array.from({ length: MAX_SELECTED }, (_, i) => put(`p-${i}`)));
  expect(found()).toHaveLength(MAX_SELECTED);
  await put('one-more');
  await nextStep();
  expect(() => found()).toThrow(
    'paramRef.selector selects 257 objects of kind ConfigMap, and at most 256 are evaluated: narrow the selector',
  );
});

test('one that is not there', () => {
  expect(params.named(configMaps, 'tenant', 'nobody')).toEqual([]);
  expect(found()).toEqual([]);
});
