import { describe, expect, jest, test } from '@jest/globals';
import { schemas } from '../../../src/apiserver/builtin/schemas.ts';
import type { KubeObject } from '../../../src/apiserver/object.ts';
import { builtinResources } from '../../../src/apiserver/builtin/index.ts';
import { decodePatch, mergePatch } from '../../../src/apiserver/write/patch.ts';
import { findDuplicateKeys } from '../../../src/apiserver/write/body.ts';
import { strategicMerge } from '../../../src/apiserver/write/strategic-merge.ts';

test.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ['foo', { a: 'b' }, { a: 'b' }],
])('RFC 7386: %j with %j is %j', (target, patch, merged) => {
  expect(mergePatch(structuredClone(target), patch)).toEqual(merged);
});

describe('strategic merge', () => {
  const apply = (target: object, patch: object) =>
    strategicMerge(target as never, patch as never, schemas.Namespace);
  const owner = (uid: string, name: string) => ({ apiVersion: 'v1', kind: 'X', uid, name });

  test('lists with a key merge by it', () => {
    const target = { metadata: { ownerReferences: [owner('1', 'a'), owner('2', 'b')] } };
    const patch = {
      metadata: {
        ownerReferences: [{ uid: '2', name: 'changed' }, { uid: '1', $patch: 'delete' }, owner('3', 'c')],
      },
    };
    expect(apply(target, patch)).toEqual({
      metadata: { ownerReferences: [owner('2', 'changed'), owner('3', 'c')] },
    });
  });

  test('directives: replace, retain keys, delete from a list of values', () => {
    expect(
      apply(
        { metadata: { labels: { a: '1', b: '2' } } },
        { metadata: { labels: { $patch: 'replace', c: '3' } } },
      ),
    ).toEqual({
      metadata: { labels: { c: '3' } },
    });
    expect(apply({ spec: { a: 1, b: 2 } }, { spec: { $retainKeys: ['b'], b: 3 } })).toEqual({
      spec: { b: 3 },
    });
    const finalizers = { metadata: { finalizers: ['a', 'b'] } };
    const patch = {
      metadata: { $setElementOrder: [], '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] },
    };
    expect(apply(finalizers, patch)).toEqual({ metadata: { finalizers: ['c', 'b'] } });
    expect(() => apply({}, { spec: { $patch: 'explode' } })).toThrow(/unknown patch directive/);
  });
});

test('a configuration to apply is no patch of the present object', async () => {
  for (const resource of builtinResources()) {
    const patch = decodePatch(Buffer.from('{}'), 'application/apply-patch+yaml', resource);
    await expect(patch).rejects.toMatchObject({ code: 415 });
  }
});

describe('JSON patch', () => {
  /** A value this deep, around another. */
  const nest = (depth: number, inner: unknown): unknown =>
    depth === 0 ? inner : { a: nest(depth - 1, inner) };

  const configMap = builtinResources().find(({ kind }) => kind === 'ConfigMap');
  const present = (): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a' },
    data: { a: '1' },
  });
  const patch = async (operations: unknown) => {
    if (!configMap) throw new Error('no ConfigMap');
    const apply = await decodePatch(
      Buffer.from(JSON.stringify(operations)),
      'application/json-patch+json',
      configMap,
    );
    return apply(present());
  };

  test('applies its operations', async () => {
    const patched = await patch([
      { op: 'test', path: '/data/a', value: '1' },
      { op: 'add', path: '/data/b', value: '2' },
      { op: 'remove', path: '/data/a' },
    ]);
    expect(patched['data']).toEqual({ b: '2' });
  });

  test.each([
    [[{ op: 'test', path: '/data/a', value: '2' }], 422],
    [[{ op: 'remove', path: '/data/none' }], 422],
    [[{ op: 'replace', path: '/none/x', value: 1 }], 422],
    [[{ op: 'fly', path: '/data' }], 422],
    [[null], 422],
    [[{ op: 'remove', path: '/metadata' }], 400],
    [[{ op: 'add', path: '/__proto__/x', value: 1 }], 422],
    [[{ op: 'move', from: '/none', path: '/data/b' }], 422],
    // What every object inherits is not in it: neither functions nor numbers of theirs.
    ...['copy', 'move'].flatMap((op) =>
      ['/toString/call', '/data/constructor/name', '/metadata/name/length', '/data/a/0'].map(
        (from): [unknown, number] => [[{ op, from, path: '/data/b' }], 422],
      ),
    ),
    [[{ op: 'move', from: '/toString', path: '/then' }], 422],
    [[{ op: 'remove', path: '/data/toString' }], 422],
    [[{ op: '_get', path: '/nope' }], 422],
    [[{ op: 'valueOf', path: '', newDocument: {} }], 422],
    [[{ op: 'move', from: '', path: '/data/b' }], 422],
    [[{ op: 'add', path: 'data', value: 1 }], 422],
    [[{ op: 'add', value: 1 }], 422],
    // Only a number within an array is an index.
    ...['', '01x', '1e0', '4294967296', '4', '-5', ' 1'].flatMap((index) =>
      [
        { op: 'add', value: 1 },
        { op: 'remove' },
        { op: 'test', value: 'a' },
        { op: 'replace', value: 1 },
        { op: 'copy', from: '/data/a' },
      ].map((operation): [unknown, number] => [
        [
          { op: 'add', path: '/list', value: ['a', 'b', 'c'] },
          { ...operation, path: `/list/${index}` },
        ],
        422,
      ]),
    ),
    [[{ op: 'move', from: '/data', path: '/data/b' }], 422],
    [[{ op: 'add', path: '/a'.repeat(201), value: 1 }], 400],
    [{ op: 'remove' }, 400],
  ])('%j is refused with %d', async (operations, code) => {
    await expect(patch(operations)).rejects.toMatchObject({ code });
  });

  test('moves', async () => {
    const patched = await patch([
      { op: 'add', path: '/list', value: ['a', 'b', 'c'] },
      { op: 'move', from: '/list/2', path: '/list/0' },
      { op: 'move', from: '/data', path: '/data' },
      { op: 'move', from: '/list/1', path: '/data/a' },
    ]);
    expect([patched['list'], patched['data']]).toEqual([['c', 'b'], { a: 'a' }]);
  });

  test.each([
    ['what is absent is null', [{ op: 'test', path: '/data/none', value: null }], { a: '1' }],
    ['a replaced member need not be there', [{ op: 'replace', path: '/data/b', value: 2 }], { a: '1', b: 2 }],
    [
      'what is copied from nowhere is null',
      [{ op: 'copy', from: '/toString', path: '/data/absent' }],
      { a: '1', absent: null },
    ],
    [
      'names that objects inherit are names',
      [{ op: 'add', path: '/data/constructor', value: 'x' }],
      { a: '1', constructor: 'x' },
    ],
    [
      'negative indices count from the end',
      [
        { op: 'add', path: '/data/l', value: ['a', 'b'] },
        { op: 'remove', path: '/data/l/-2' },
        { op: 'add', path: '/data/l/-1', value: 'c' },
        { op: 'add', path: '/data/l/-', value: 'd' },
      ],
      { a: '1', l: ['b', 'c', 'd'] },
    ],
    ['escaped names', [{ op: 'add', path: '/data/a~1b~01', value: 'x' }], { a: '1', 'a/b~1': 'x' }],
    [
      'what is copied is another one',
      [
        { op: 'add', path: '/data/o', value: { n: 1 } },
        { op: 'copy', from: '/data/o', path: '/data/p' },
        { op: 'add', path: '/data/p/n', value: 2 },
      ],
      { a: '1', o: { n: 1 }, p: { n: 2 } },
    ],
  ])('%s', async (_, operations, data) => {
    expect((await patch(operations))['data']).toEqual(data);
  });

  test('a patch can be applied again and again', async () => {
    if (!configMap) throw new Error('no ConfigMap');
    const operations = [
      { op: 'add', path: '/data/o', value: { n: 1 } },
      { op: 'test', path: '/data/o', value: { n: 1 } },
      { op: 'replace', path: '/data/o/n', value: 2 },
    ];
    const body = Buffer.from(JSON.stringify(operations));
    const apply = await decodePatch(body, 'application/json-patch+json', configMap);
    for (let times = 0; times < 2; times += 1)
      expect(apply(present())).toMatchObject({ data: { a: '1', o: { n: 2 } } });
  });

  test('of a long list only so much may be shifted', async () => {
    const add = { op: 'add', path: '/data/l', value: Array.from({ length: 50_000 }, (_, i) => i) };
    const removals = (index: number) =>
      Array.from({ length: 2_000 }, () => ({ op: 'remove', path: `/data/l/${index}` }));
    await expect(patch([add, ...removals(1)])).rejects.toMatchObject({ code: 413 });
    expect((await patch([add, ...removals(-1)]))['data']).toHaveProperty(['l', 'length'], 48_000);
  });

  test('a move copies nothing, however much it writes over', async () => {
    const value = Array.from({ length: 1000 }, (_, i) => `item ${i}`);
    const stringify = jest.spyOn(JSON, 'stringify');
    await patch([
      { op: 'add', path: '/data/list', value },
      ...Array.from({ length: 100 }, () => ({ op: 'move', from: '/data', path: '/data' })),
    ]);
    // Of the patch itself, as it is sent.
    expect(stringify).toHaveBeenCalledTimes(1);
    stringify.mockRestore();
  });

  test('what operations together nest too deep is refused', async () => {
    const step = { op: 'add', path: '/data/c', value: nest(90, {}) };
    const around = { op: 'move', from: '/data/a', path: `/data/c${'/a'.repeat(90)}/a` };
    const back = { op: 'move', from: '/data/c', path: '/data/a' };
    const once = [step, around, back];
    expect(await patch(once)).toHaveProperty(['data', ...Array.from({ length: 92 }, () => 'a')], '1');
    await expect(patch(Array.from({ length: 300 }, () => once).flat())).rejects.toMatchObject({
      code: 400,
      message: 'the body is nested deeper than 200 levels',
    });
  });
});

test('duplicate keys are found where JSON.parse is silent', () => {
  const text = '{"a":1,"b":{"c":"}{\\"a\\"","c":2},"l":[{"x":1},{"x":1,"x":2}],"a":[[]],"d":{"a":1}}';
  expect(findDuplicateKeys(text)).toEqual(['b.c', 'l[1].x', 'a']);
});
