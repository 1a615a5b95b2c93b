import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { equalJson } from '../../../src/values/equal.ts';
import { canonicalJson } from '../../../src/values/hash.ts';

test('what is equal has the same canonical text, and the reverse', () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(equalJson(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
      expect(equalJson(a, JSON.parse(JSON.stringify(a)))).toBe(true);
    }),
  );
});

test.each([
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: 1, b: null }, { a: 1 }, false],
  [{ a: undefined }, { a: null }, false],
  [[1, 2], [2, 1], false],
  [[1], { 0: 1 }, false],
  [[], {}, false],
  // What every object inherits is no member.
  [{}, { constructor: 'x' }, false],
  [{ toString: 'x' }, { valueOf: 'x' }, false],
  [{ constructor: undefined }, {}, true],
])('%j and %j: %s', (a, b, equal) => {
  expect(equalJson(a, b)).toBe(equal);
  expect(equalJson(b, a)).toBe(equal);
});
