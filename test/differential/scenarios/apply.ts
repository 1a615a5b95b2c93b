import type { Scenario } from '../scenario.ts';
import { apply, get, jsonPatch, mergePatch, post, put, remove } from '../scenario.ts';
import { CONFIG_MAPS, GADGETS, configMap, gadget } from './objects.ts';

const ONE = `${GADGETS}/one`;
const status = (name: string, fields: object): object => ({
  apiVersion: 'diff.example.com/v1',
  kind: 'Gadget',
  metadata: { name },
  status: fields,
});
const managed = (metadata: object): object => gadget('one', {}, metadata);

export const applying: Scenario = {
  name: 'apply',
  covers: 'server-side apply: creation, ownership, conflicts, force, removal, no-ops',
  steps: [
    apply('alice', 'creates', ONE, gadget('one', { color: 'red', nested: { a: '1' } })),
    apply('alice', 'same', ONE, gadget('one', { color: 'red', nested: { a: '1' } })),
    apply('bob', 'shares', ONE, gadget('one', { color: 'red', nested: { b: '2' } })),
    apply('bob', 'conflicts', ONE, gadget('one', { color: 'blue', nested: { b: '2' } })),
    apply('bob', 'forces', ONE, gadget('one', { color: 'blue', nested: { b: '2' } }), { force: true }),
    apply('alice', 'lost it', ONE, gadget('one', { color: 'red', nested: { a: '1' } })),
    apply('alice', 'gives up', ONE, gadget('one', { nested: { a: '1' } })),
    apply('bob', 'removes', ONE, gadget('one', { color: 'blue' })),
    apply('alice', 'two conflicts', ONE, gadget('one', { color: 'red', count: 5 })),
    mergePatch('somebody updates', ONE, { spec: { count: 7, note: 'by hand' } }),
    apply('alice', 'conflict with an update', ONE, gadget('one', { count: 5, note: 'other' })),
    apply('alice', 'same as the update', ONE, gadget('one', { count: 7 })),
    apply('alice', 'dry', ONE, gadget('one', { count: 7, enabled: true }), { dryRun: true }),
    get('dry was it', ONE),
    apply('alice', 'nothing left', ONE, gadget('one')),
    apply('carol', 'with a version', ONE, gadget('one', { enabled: true }, { resourceVersion: '1' })),
    apply(
      'carol',
      'other uid',
      ONE,
      gadget('one', { enabled: true }, { uid: 'c0ffee00-0000-4000-8000-000000000000' }),
    ),
    apply('carol', 'other name', ONE, gadget('two', { enabled: true })),
    apply('carol', 'other kind', ONE, configMap('one')),
    apply('carol', 'no kind', ONE, { metadata: { name: 'one' }, spec: {} }),
    apply('carol', 'managed', ONE, managed({ managedFields: [{ manager: 'x', operation: 'Apply' }] })),
    apply('carol', 'invalid', ONE, gadget('one', { color: 'pink' }), { force: true }),
    apply('carol', 'unknown field', ONE, gadget('one', { colour: 'red' })),
    apply('carol', 'wrong type', ONE, gadget('one', { tags: 'x' })),
    apply(
      'carol',
      'yaml',
      ONE,
      'apiVersion: diff.example.com/v1\nkind: Gadget\nmetadata: {name: one}\nspec: {low: 1}\n',
    ),
    apply('carol', 'no yaml', ONE, 'a: [', {}),
    apply('carol', 'status ignored', ONE, { ...gadget('one', { low: 1 }), status: { phase: 'Ready' } }),
    mergePatch('no manager', ONE, gadget('one'), {
      headers: { 'content-type': 'application/apply-patch+yaml' },
    }),
    mergePatch('force to nothing', `${ONE}?fieldManager=x&force=maybe`, gadget('one'), {
      headers: { 'content-type': 'application/apply-patch+yaml' },
    }),
    mergePatch('cbor', `${ONE}?fieldManager=x`, 'x', {
      headers: { 'content-type': 'application/apply-patch+cbor' },
    }),
    apply('x'.repeat(129), 'long manager', ONE, gadget('one')),
    apply('bad\u0007', 'unprintable manager', ONE, gadget('one')),
    apply('alice', 'creates elsewhere', GADGETS.replace('{ns}', 'nowhere') + '/one', gadget('one')),
    post('manager of a create', `${GADGETS}?fieldManager=dave`, gadget('two', { color: 'red' })),
    put('manager of an update', `${GADGETS}/two?fieldManager=erin`, {
      ...gadget('two', { color: 'red', low: 1 }, { resourceVersion: '1' }),
    }),
  ],
};

export const applyingLists: Scenario = {
  name: 'apply-lists',
  covers: 'server-side apply: list types set, map and atomic, map types granular and atomic, defaults, nulls',
  steps: [
    apply(
      'alice',
      'lists',
      ONE,
      gadget('one', { tags: ['a', 'b'], steps: ['x', 'y'], ports: [{ number: 80 }] }),
    ),
    apply('bob', 'more of a set', ONE, gadget('one', { tags: ['b', 'c'] })),
    apply(
      'alice',
      'less of a set',
      ONE,
      gadget('one', { tags: ['a'], steps: ['x', 'y'], ports: [{ number: 80 }] }),
    ),
    apply('bob', 'atomic list conflicts', ONE, gadget('one', { tags: ['b', 'c'], steps: ['x'] })),
    apply('bob', 'atomic list shared', ONE, gadget('one', { tags: ['b', 'c'], steps: ['x', 'y'] })),
    apply('bob', 'other item', ONE, gadget('one', { ports: [{ number: 81, name: 'b' }] })),
    apply(
      'bob',
      'same item, other field',
      ONE,
      gadget('one', { ports: [{ number: 80, name: 'web' }, { number: 81 }] }),
    ),
    apply('carol', 'item conflicts', ONE, gadget('one', { ports: [{ number: 80, name: 'other' }] })),
    apply('alice', 'item given up', ONE, gadget('one', { tags: ['a'] })),
    apply('bob', 'items given up', ONE, gadget('one', {})),
    apply('alice', 'duplicate keys', ONE, gadget('one', { ports: [{ number: 80 }, { number: 80 }] })),
    apply('alice', 'duplicates in a set', ONE, gadget('one', { tags: ['a', 'a'] })),
    apply('alice', 'missing key', ONE, gadget('one', { parts: [{ weight: 3 }] })),
    apply(
      'alice',
      'maps',
      ONE,
      gadget('one', { settings: { a: '1' }, whole: { a: '1' }, extra: { x: { y: 1 } } }),
    ),
    apply('bob', 'granular map', ONE, gadget('one', { settings: { b: '2' } })),
    apply('bob', 'atomic map', ONE, gadget('one', { settings: { b: '2' }, whole: { b: '2' } })),
    apply('bob', 'atomic map forced', ONE, gadget('one', { settings: { b: '2' }, whole: { b: '2' } }), {
      force: true,
    }),
    apply('bob', 'unknown structure', ONE, gadget('one', { extra: { x: { z: 2 }, list: [1, 2] } })),
    apply('alice', 'empty lists', ONE, gadget('one', { tags: [], steps: [], ports: [] })),
    apply('alice', 'empty again', ONE, gadget('one', { tags: [], steps: [], ports: [] })),
    apply('alice', 'null', ONE, gadget('one', { note: null, nested: { a: null } })),
    apply('alice', 'null again', ONE, gadget('one', { note: null, nested: { a: null } })),
    apply('alice', 'int or string', ONE, gadget('one', { size: 5 })),
    apply('bob', 'int or string, other type', ONE, gadget('one', { size: '5' })),
    apply('alice', 'order', ONE, gadget('one', { parts: [{ name: 'b' }, { name: 'a' }] })),
    apply(
      'bob',
      'order of another',
      ONE,
      gadget('one', { parts: [{ name: 'c' }, { name: 'a' }, { name: 'd' }] }),
    ),
    apply('alice', 'order changed', ONE, gadget('one', { parts: [{ name: 'a' }, { name: 'b' }] })),
    apply(
      'alice',
      'deep',
      ONE,
      gadget('one', { nested: { deep: { c: 'x' } }, parts: [{ name: 'a', labels: { k: 'v' } }] }),
    ),
    apply(
      'bob',
      'deep of another',
      ONE,
      gadget('one', { nested: { deep: { d: 1 } }, parts: [{ name: 'a', labels: { l: 'w' } }] }),
    ),
    apply('alice', 'deep given up', ONE, gadget('one', {})),
    get('at last', ONE),
    apply('alice', 'map', ONE, gadget('one', { settings: { x: '1' } })),
    apply('alice', 'empty map', ONE, gadget('one', { settings: {} })),
  ],
};

export const managers: Scenario = {
  name: 'managers',
  covers: 'managedFields over all verbs, subresources, versions, migration from client-side apply',
  steps: [
    post('created', GADGETS, gadget('one', { color: 'red' }, { labels: { a: '1' } })),
    mergePatch('patched by the same', ONE, { spec: { low: 1 } }),
    mergePatch('patched by another', `${ONE}?fieldManager=frank`, { spec: { low: 2 } }),
    apply(
      'alice',
      'status by apply',
      `${ONE}/status`,
      status('one', { phase: 'Ready', conditions: [{ type: 'Ready', status: 'True' }] }),
    ),
    apply(
      'bob',
      'status of another',
      `${ONE}/status`,
      status('one', { conditions: [{ type: 'Good', status: 'True' }] }),
    ),
    apply(
      'bob',
      'status conflict',
      `${ONE}/status`,
      status('one', { phase: 'Gone', conditions: [{ type: 'Good', status: 'True' }] }),
    ),
    mergePatch('status by patch', `${ONE}/status`, { status: { replicas: 2 } }),
    apply('alice', 'same manager, main resource', ONE, gadget('one', { enabled: true })),
    apply('alice', 'older version', ONE.replace('/v1/', '/v1beta1/'), {
      ...gadget('one', { enabled: true, high: 9 }),
      apiVersion: 'diff.example.com/v1beta1',
    }),
    jsonPatch('managers removed', ONE, [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }]),
    apply('alice', 'first after none', ONE, gadget('one', { color: 'red' })),
    jsonPatch('managers emptied', ONE, [{ op: 'replace', path: '/metadata/managedFields', value: [] }]),
    mergePatch('update after none', ONE, { spec: { low: 3 } }),
    jsonPatch('malformed managers', ONE, [
      { op: 'replace', path: '/metadata/managedFields', value: [{ manager: 'x', operation: 'Frob' }] },
    ]),
    post(
      'by-kubectl',
      `${CONFIG_MAPS}?fieldManager=kubectl-client-side-apply`,
      configMap('one', { a: '1', b: '2' }),
    ),
    jsonPatch('migrated', `${CONFIG_MAPS}/one`, [
      { op: 'test', path: '/metadata/resourceVersion', value: '{by-kubectl.metadata.resourceVersion}' },
      {
        op: 'replace',
        path: '/metadata/managedFields',
        value: [
          {
            manager: 'kubectl',
            operation: 'Apply',
            apiVersion: 'v1',
            time: '2026-01-01T00:00:00Z',
            fieldsType: 'FieldsV1',
            fieldsV1: { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } },
          },
        ],
      },
    ]),
    apply('kubectl', 'config map', `${CONFIG_MAPS}/one`, configMap('one', { a: '1' })),
    apply('kubectl', 'config map conflict', `${CONFIG_MAPS}/one`, configMap('one', { a: '2' })),
    apply('kubectl', 'config map forced', `${CONFIG_MAPS}/one`, configMap('one', { a: '2' }), {
      force: true,
    }),
    apply(
      'kubectl',
      'config map made',
      `${CONFIG_MAPS}/two`,
      configMap('two', { a: '2' }, { labels: { x: 'y' } }),
    ),
    apply(
      'other',
      'owner and finalizer',
      `${CONFIG_MAPS}/two`,
      configMap(
        'two',
        {},
        {
          finalizers: ['example.com/f'],
          ownerReferences: [
            { apiVersion: 'v1', kind: 'ConfigMap', name: 'one', uid: '{by-kubectl.metadata.uid}' },
          ],
        },
      ),
    ),
    apply('other', 'given up', `${CONFIG_MAPS}/two`, configMap('two')),
    remove('removed', `${CONFIG_MAPS}/two`),
  ],
};
