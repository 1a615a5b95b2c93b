/** What holds for whatever is applied. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  difference,
  equalSets,
  fieldSet,
  hasPath,
  intersection,
  pathsOf,
  recursiveDifference,
  union,
} from '../../../../src/apiserver/apply/field-set.ts';
import { parseFields, serializeFields } from '../../../../src/apiserver/apply/fields-v1.ts';
import { fieldElement, keyElement, valueElement } from '../../../../src/apiserver/apply/path-element.ts';
import { History } from './history.ts';
import { everySort } from './schemas.ts';

const element = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '.').map(fieldElement),
  fc.record({ name: fc.constantFrom('x', 'y'), port: fc.nat(3) }).map(keyElement),
  fc.oneof(fc.nat(3), fc.constantFrom('x', 'y'), fc.boolean()).map(valueElement),
  fc.nat(3).map((index) => `i:${index}`),
);
const paths = fc.array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
const sets = paths.map(fieldSet);

describe('sets of fields', () => {
  test('come back from fieldsV1 as they were, and are written one way only', () => {
    fc.assert(
      fc.property(paths, (some) => {
        const set = fieldSet(some);
        const json = JSON.stringify(serializeFields(set));
        expect(equalSets(parseFields(JSON.parse(json)), set)).toBe(true);
        expect(JSON.stringify(serializeFields(fieldSet(some.toReversed())))).toBe(json);
      }),
    );
  });

  test('union, intersection and difference are those of the paths', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        for (const path of [...pathsOf(a), ...pathsOf(b)]) {
          const [inA, inB] = [hasPath(a, path), hasPath(b, path)];
          expect(hasPath(union(a, b), path)).toBe(inA || inB);
          expect(hasPath(intersection(a, b), path)).toBe(inA && inB);
          expect(hasPath(difference(a, b), path)).toBe(inA && !inB);
          const below = path.some((_, i) => hasPath(b, path.slice(0, i + 1)));
          expect(hasPath(recursiveDifference(a, b), path)).toBe(inA && !below);
        }
        expect(equalSets(union(difference(a, b), intersection(a, b)), a)).toBe(true);
      }),
    );
  });
});

const optional = <T extends Record<string, fc.Arbitrary<unknown>>>(fields: T) =>
  fc.record(fields, { requiredKeys: [] });
const text = fc.constantFrom('x', 'y', 'z');
const number = fc.nat(2);
// An empty set or list with keys is managed by nobody, as in structured-merge-diff: it has nothing to tell apart.
const set = fc.uniqueArray(text, { minLength: 1, maxLength: 3 });
const map = fc.dictionary(fc.constantFrom('k', 'l'), text, { noNullPrototype: true });
const content = optional({
  text,
  number,
  struct: optional({ a: number, b: number, inner: optional({ c: number }) }),
  whole: optional({ a: number, b: number }),
  map,
  structs: fc.dictionary(fc.constantFrom('k', 'l'), optional({ a: number, b: number }), {
    noNullPrototype: true,
  }),
  set,
  atomic: fc.array(text, { maxLength: 3 }),
  keyed: fc.uniqueArray(
    optional({ value: number, tags: set, map }).chain((rest) => text.map((name) => ({ name, ...rest }))),
    { selector: ({ name }) => name, minLength: 1, maxLength: 3 },
  ),
  free: fc.dictionary(fc.constantFrom('k', 'l'), fc.oneof(text, fc.array(number, { maxLength: 2 }), map), {
    noNullPrototype: true,
  }),
});

const steps = fc.array(
  fc.oneof(
    fc.record({ apply: fc.constantFrom('a', 'b'), is: content, force: fc.constant(true as const) }),
    fc.record({ update: fc.constantFrom('u', 'v'), is: content }),
  ),
  { maxLength: 4 },
);

describe('whatever was written before', () => {
  const after = (past: typeof steps extends fc.Arbitrary<infer T> ? T : never) => {
    const history = new History(everySort);
    for (const step of past) history.do(step);
    return history;
  };

  test('applying the same again changes nothing', () => {
    fc.assert(
      fc.property(steps, content, (past, is) => {
        const history = after(past).do({ apply: 'a', is, force: true });
        const before = history.outcome();
        expect(history.do({ apply: 'a', is }).outcome()).toEqual(before);
      }),
    );
  });

  test('who applies manages just that, whatever the object was', () => {
    fc.assert(
      fc.property(steps, content, (past, is) => {
        const history = after(past).do({ apply: 'a', is, force: true });
        const alone = new History(everySort).do({ apply: 'a', is });
        expect(history.outcome().managers['a applies']).toEqual(alone.outcome().managers['a applies']);
      }),
    );
  });

  test('who alone applied, and applies nothing, leaves nothing', () => {
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 4 }), (configurations) => {
        const history = new History(everySort);
        for (const is of configurations) history.do({ apply: 'a', is });
        history.do({ apply: 'a', is: {} });
        expect(history.outcome()).toEqual({ object: {}, managers: {}, conflicts: [] });
      }),
    );
  });

  test('a refused apply changes nothing', () => {
    fc.assert(
      fc.property(steps, content, (past, is) => {
        const history = after(past);
        const before = history.outcome();
        history.do({ apply: 'c', is });
        if (history.conflicts.length > 0) {
          expect({ ...history.outcome(), conflicts: [] }).toEqual({ ...before, conflicts: [] });
        }
      }),
    );
  });
});
