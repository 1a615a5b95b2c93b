import { beforeEach, expect, test } from '@jest/globals';
import { ObjectCache } from '../../../src/reconcile/object-cache.ts';
import type { ObjectMeta } from '../../../src/resources/metadata.ts';
import { hostObject, machine } from '../kinds/builders.ts';

const version = (resourceVersion: string, more: Partial<ObjectMeta> = {}) =>
  machine('web', { metadata: { resourceVersion, ...more } });

let cache: ObjectCache;
beforeEach(() => {
  cache = new ObjectCache();
});

test('newer replaces older, and says what it replaced', () => {
  const first = version('9');
  expect(cache.put(first)).toEqual({ before: undefined });
  expect(cache.put(version('10'))).toEqual({ before: first });
  expect(cache.get('default/web')?.metadata.resourceVersion).toBe('10');
});

test('older and equal versions change nothing: the answer to a write and its watch event come in either order', () => {
  cache.put(version('10'));
  expect(cache.put(version('9'))).toBe('unchanged');
  expect(cache.put(version('10'))).toBe('unchanged');
});

test('versions are compared as numbers of any length', () => {
  cache.put(version('9007199254740993'));
  expect(cache.put(version('9007199254740992'))).toBe('unchanged');
  expect(cache.put(version('10000000000000000000'))).not.toBe('unchanged');
});

test('finds by UID and lists by namespace', () => {
  cache.put(version('1'));
  cache.put(machine('api', { metadata: { namespace: 'other' } }));
  cache.put({
    ...hostObject('h1'),
    metadata: { ...hostObject('h1').metadata, namespace: undefined } as never,
  });
  expect(cache.keyOfUid('uid-of-api')).toBe('other/api');
  expect(cache.keyOfUid('uid-of-h1')).toBe('h1');
  expect(cache.list('other').map(({ metadata }) => metadata.name)).toEqual(['api']);
  expect(cache.list('nowhere')).toEqual([]);
  expect(cache.list()).toHaveLength(3);
  expect(cache.size).toBe(3);
});

test('a late answer to a write does not bring a deleted object back', () => {
  cache.put(version('1'));
  cache.remove(version('2'));
  expect(cache.put(version('1'))).toBe('unchanged');
  expect(cache.put(version('3'))).toBe('unchanged');
  expect(cache.list('default')).toEqual([]);
});

test('the late news that one was deleted does not remove its successor of the same name', () => {
  cache.put(version('1'));
  cache.put(version('5', { uid: 'second' }));
  expect(cache.keyOfUid('uid-of-web')).toBeUndefined();
  cache.remove(version('4'));
  expect(cache.get('default/web')?.metadata.uid).toBe('second');
  expect(cache.keyOfUid('second')).toBe('default/web');
});

test('a restored backup brings it back, at a version far above', () => {
  cache.put(version('2'));
  cache.remove(version('2'));
  expect(cache.put(version('1000000007'))).toEqual({ before: undefined });
  expect(cache.list('default')).toHaveLength(1);
});
