/** kubectl's way from client-side to server-side apply. */
import { expect, test } from '@jest/globals';
import { ApplyConflicts } from '../../../../src/apiserver/apply/apply.ts';
import { applyFromClient } from '../../../../src/apiserver/apply/last-applied.ts';
import { NO_MANAGERS } from '../../../../src/apiserver/apply/managers.ts';
import { trackUpdate } from '../../../../src/apiserver/apply/ownership.ts';
import { typeOfKind } from '../../../../src/apiserver/apply/types.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';
import { everySort } from './schemas.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

const thing = (fields: object, metadata: object = {}) =>
  ({ apiVersion: 'v1', kind: 'Thing', metadata, ...fields }) as KubeObject;

/** What client-side apply left behind, and since then became `now`. */
const applied = (last: string, now: object) => thing(now, { annotations: { [ANNOTATION]: last } });

function apply(manager: string, live: KubeObject, config: KubeObject): KubeObject {
  const common = {
    typeOf: () => typeOfKind(everySort),
    author: { manager, apiVersion: 'v1', subresource: '', ownable: (fields: never) => fields } as never,
    now: '2026-01-01T00:00:00Z',
  };
  const client = { ...(common.author as object), manager: 'kubectl-client-side-apply' } as never;
  const managers = trackUpdate({ ...common, author: client, old: {}, next: live, managers: NO_MANAGERS });
  return applyFromClient({ ...common, live, config, managers, force: false }).object as KubeObject;
}

const conflicts = (run: () => unknown): string[] => {
  try {
    run();
  } catch (error) {
    if (error instanceof ApplyConflicts) return error.conflicts.map(({ field }) => field);
    throw error;
  }
  return [];
};

const last = (fields: object) => JSON.stringify(thing(fields));

test('kubectl may change what it applied itself on the client’s side', () => {
  const live = applied(last({ text: 'x', number: 1 }), { text: 'x', number: 1 });
  expect(apply('kubectl', live, thing({ text: 'y' }))).toMatchObject({ text: 'y', number: 1 });
  expect(conflicts(() => apply('other', live, thing({ text: 'y' })))).toEqual(['.text']);
});

test('but not what has been changed since, nor what it never applied', () => {
  const live = applied(last({ text: 'x', number: 1 }), { text: 'x', number: 2, flag: true });
  const config = thing({ text: 'y', number: 3, flag: false });
  expect(conflicts(() => apply('kubectl', live, config))).toEqual(['.flag', '.number']);
});

test.each([
  ['no JSON', '{'],
  ['another version', JSON.stringify({ ...thing({ text: 'x' }), apiVersion: 'v2' })],
  ['no object', '1'],
])('an annotation that is %s allows nothing', (_, text) => {
  const live = applied(text, { text: 'x' });
  expect(conflicts(() => apply('kubectl', live, thing({ text: 'y' })))).toEqual(['.text']);
});

test('the annotation is renewed, as Go would write it', () => {
  const live = applied(last({ text: 'x' }), { text: 'x' });
  const config = thing({ text: 'y', struct: { b: 1, a: 2 } }, { annotations: { note: 'n' } });
  expect(apply('kubectl', live, config).metadata.annotations).toEqual({
    note: 'n',
    [ANNOTATION]:
      '{"apiVersion":"v1","kind":"Thing","metadata":{"annotations":{"note":"n"}},"struct":{"a":2,"b":1},"text":"y"}\n',
  });
});

test('an annotation that no longer fits goes', () => {
  const live = applied(last({ text: 'x' }), { text: 'x' });
  const config = thing({ text: 'y'.repeat(300_000) });
  expect(apply('kubectl', live, config).metadata.annotations).toEqual({});
});
