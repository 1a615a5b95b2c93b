import { describe, expect, test } from '@jest/globals';
import { compileExpression, list, scalar, text } from '../../../src/cel/index.ts';
import type { Shape } from '../../../src/cel/index.ts';
import { validateRules } from '../../../src/apiserver/schema/rules.ts';
import { shapeOfSchema } from '../../../src/apiserver/schema/shape.ts';
import type { Schema } from '../../../src/apiserver/schema/schema.ts';

const costFor = (rule: string, self: Shape) =>
  compileExpression(rule).check(self, { self: 'dyn', oldSelf: 'dyn' }, 'bool').cost;

describe('an estimate', () => {
  test.each<[string, Shape, number]>([
    ['true', scalar, 0],
    ['self > 1', scalar, 3],
    ['self == "abc"', text(1000), 3],
    ['self == self', text(1000), 103],
    ['self.startsWith("abc")', text(1000), 3],
    ['self.contains(self)', text(1000), 10_003],
    ['self.matches("^[a-z]+$")', text(1000), 204],
    ['size(self) > 1', list(50, scalar), 4],
    ['self.all(x, x > 1)', list(50, scalar), 252],
    ['self.all(x, self.exists(y, x == y))', list(50, scalar), 15_202],
    ['self.map(x, x + "abc").all(x, x == "a")', list(10, text(10)), 113],
    ['cel.bind(t, self, t == "a" || t == "b")', text(10), 9],
    ['self > 1 ? self > 2 : self > 3 || self > 4', scalar, 11],
  ])('%s', (rule, self, expected) => {
    expect(costFor(rule, self)).toBe(expected);
  });

  test('takes no longer for a value that doubles with every step, and knows how large that is', () => {
    const bound = Array.from({ length: 60 }, (_, i) => i).reduceRight((body, i) => {
      const before = i === 0 ? 'self' : `v${i - 1}`;
      return `cel.bind(v${i}, [${before}, ${before}], ${body})`;
    }, 'v59 == v59');
    expect(costFor(bound, text(10))).toBeGreaterThan(2 ** 50);
  });

  test('of what is there is never above that of what may be there', () => {
    const schema: Schema = { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 20 } };
    const rule = compileExpression('self.all(x, x.matches("a+") && self.exists(y, y == x))');
    const self = ['a', 'bb', 'a'.repeat(20)];
    const most = rule.check(shapeOfSchema(schema), { self: 'dyn', oldSelf: 'dyn' }, 'bool').cost;
    expect(rule.costOf({ self })).toBeGreaterThan(self.length);
    expect(rule.costOf({ self })).toBeLessThan(most);
  });
});

describe('at run time', () => {
  const everyPair: Schema = {
    type: 'array',
    items: { type: 'string' },
    'x-kubernetes-validations': [{ rule: 'self.all(a, self.exists(b, a == b))' }],
  };
  const texts = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`);
  const faults = (value: unknown, schema: Schema) =>
    validateRules(value, undefined, schema).map(({ message }) => message);

  test('a rule that costs too much is not evaluated', () => {
    expect(faults(texts(100), everyPair)).toEqual([]);
    expect(faults(texts(1000), everyPair)).toEqual([
      'Invalid value: no further validation rules will be run due to call cost exceeds limit for rule: self.all(a, self.exists(b, a == b))',
    ]);
  });

  test('nor are those for which nothing is left', () => {
    const many: Schema = { type: 'array', items: everyPair };
    expect(
      faults(
        Array.from({ length: 10 }, () => texts(300)),
        many,
      ),
    ).toEqual([]);
    expect(
      faults(
        Array.from({ length: 30 }, () => texts(300)),
        many,
      ),
    ).toEqual([
      'Invalid value: validation failed due to running out of cost budget, no further validation rules will be run',
    ]);
  });
});
