/** Objects that outlive their schemas, their versions, and the time before anybody kept track. */
import { expect, test } from '@jest/globals';
import { NO_MANAGERS } from '../../../../src/apiserver/apply/managers.ts';
import type { Schema } from '../../../../src/apiserver/schema/schema.ts';
import { History } from './history.ts';

const withStruct = (more: Schema = {}): Schema => ({
  type: 'object',
  properties: {
    struct: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } }, ...more },
    list: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
  },
});
const whole = withStruct({ 'x-kubernetes-map-type': 'atomic' });

test('who managed parts of what has become one piece manages the whole', () => {
  const history = new History(withStruct()).do({ apply: 'a', is: { struct: { a: 1 } } });
  history.do({ apply: 'b', is: { struct: { b: 2 } } }).changeSchema('v1', whole);
  history.do({ apply: 'a', is: { struct: { a: 1 } } });
  expect(history.outcome().conflicts).toEqual(['b: .struct']);
  history.do({ apply: 'a', is: { struct: { a: 1, b: 2 } } });
  expect(history.outcome()).toMatchObject({
    managers: { 'a applies': ['.struct'], 'b applies': ['.struct'] },
  });
});

test('who managed one piece that fell apart keeps it until the next apply', () => {
  const history = new History(whole).do({ apply: 'a', is: { struct: { a: 1, b: 2 } } });
  history.changeSchema('v1', withStruct());
  history.do({ apply: 'b', is: { struct: { a: 3 } } });
  expect(history.outcome()).toMatchObject({
    object: { struct: { a: 3, b: 2 } },
    managers: { 'a applies': ['.struct'], 'b applies': ['.struct.a'] },
  });
});

test('one who applies stays the same over versions; one who updates does not', () => {
  const history = new History({ v1: withStruct(), v2: withStruct() });
  history.do({ apply: 'a', is: { struct: { a: 1, b: 2 } }, version: 'v1' });
  history.do({ apply: 'a', is: { struct: { a: 1 } }, version: 'v2' });
  expect(history.outcome()).toMatchObject({
    object: { struct: { a: 1 } },
    managers: { 'a applies': ['.struct.a'] },
  });
  history.do({ update: 'u', is: { struct: { a: 1, b: 1 } }, version: 'v1' });
  history.do({ update: 'u', is: { struct: { a: 2, b: 1 } }, version: 'v2' });
  expect([...history.managers.values()].map(({ apiVersion }) => apiVersion)).toEqual(['v1', 'v2']);
});

test('managers of a version that is gone are forgotten and keep nobody from applying', () => {
  const history = new History({ v1: withStruct(), v2: withStruct() });
  history.do({ apply: 'a', is: { struct: { a: 1 } }, version: 'v1' }).changeSchema('v1', undefined);
  history.do({ apply: 'b', is: { struct: { a: 2 } }, version: 'v2' });
  expect(history.outcome()).toEqual({
    object: { struct: { a: 2 } },
    managers: { 'b applies': ['.struct.a'] },
    conflicts: [],
  });
});

test('what was there before anybody kept track conflicts as such, and stays when it is not applied', () => {
  const history = new History(withStruct()).do({ update: 'u', is: { struct: { a: 1, b: 2 }, list: ['x'] } });
  history.managers = NO_MANAGERS;
  history.do({ apply: 'a', is: { struct: { a: 3 } } });
  expect(history.outcome().conflicts).toEqual(['before-first-apply: .struct.a']);
  history.do({ apply: 'a', is: { struct: { a: 3 } }, force: true });
  expect(history.outcome()).toMatchObject({
    object: { struct: { a: 3, b: 2 }, list: ['x'] },
    managers: {
      'a applies': ['.struct.a'],
      'before-first-apply updates': ['.list', '.struct', '.list[="x"]', '.struct.b'],
    },
  });
});

test('an item of a list that nothing tells apart keeps from applying over it', () => {
  const history = new History(withStruct());
  history.object = { list: [{ no: 'text' }] };
  expect(() => history.do({ apply: 'a', is: { list: ['x'] } })).toThrow(
    /element 0: associative list without keys/,
  );
});
