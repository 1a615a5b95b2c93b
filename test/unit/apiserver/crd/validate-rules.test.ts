/** Which rules a definition may have, and what they may cost. */
import { describe, expect, test } from '@jest/globals';
import type { Schema } from '../../../../src/apiserver/schema/schema.ts';
import { definition, rootOf, version } from './definitions.ts';
import { faults, fieldFaults } from './faults.ts';

describe('rules', () => {
  const ruled = (rule: object, schema: Schema = { type: 'string', maxLength: 10 }) =>
    fieldFaults({ ...schema, 'x-kubernetes-validations': [rule as never] });
  const at = 'x.x-kubernetes-validations[0]';

  test.each<[string, object, Schema | undefined, (string | RegExp)[]]>([
    ['a sound one', { rule: 'self != ""' }, undefined, []],
    ['nothing', { rule: ' ' }, undefined, [`${at}.rule: Required value: rule is not specified`]],
    [
      'half of one',
      { rule: 'self ==' },
      undefined,
      [
        `${at}.rule: Invalid value: "self ==": compilation failed: ERROR: <input>:1:8: Unexpected token: EOF\n | self ==\n | .......^`,
      ],
    ],
    [
      'an unknown variable',
      { rule: 'self.matches("a") && slef == "b"' },
      undefined,
      [/ERROR: <input>:1:22: Unknown variable: slef\n \| self\.matches\("a"\) && slef/],
    ],
    [
      'an unknown function',
      { rule: 'frob(self)' },
      undefined,
      [/found no matching overload for 'frob\(string\)'/],
    ],
    [
      'a text for an answer',
      { rule: '"yes"' },
      undefined,
      [`${at}.rule: Invalid value: "\\"yes\\"": cel expression must evaluate to a bool`],
    ],
    [
      'a text taken for a number',
      { rule: 'self + 1 == 2' },
      undefined,
      [/ERROR: <input>:1:\d: no such overload: string \+ int/],
    ],
    ['a text taken for a condition', { rule: 'self' }, undefined, [/cel expression must evaluate to a bool/]],
    [
      'an unknown field',
      { rule: 'self.b.c == 1' },
      { type: 'object', properties: { b: { type: 'object', properties: { d: { type: 'integer' } } } } },
      [/ERROR: <input>:1:8: undefined field 'c'\n \| self\.b\.c == 1\n \| \.{7}\^$/],
    ],
    [
      'a field by its escaped name',
      { rule: 'self.a__dash__b == 1 && self.__namespace__ == 1' },
      { type: 'object', properties: { 'a-b': { type: 'integer' }, namespace: { type: 'integer' } } },
      [],
    ],
    [
      'a message of two lines',
      { rule: 'true', message: 'a\nb' },
      undefined,
      [/message must not contain line breaks/],
    ],
    [
      'a message that is no text',
      { rule: 'true', messageExpression: '5' },
      undefined,
      [/messageExpression: Invalid value: "5": cel expression must evaluate to a string/],
    ],
    [
      'an odd reason',
      { rule: 'true', reason: 'Because' },
      undefined,
      [/reason: Unsupported value: "Because"/],
    ],
    [
      'a path to nowhere',
      { rule: 'true', fieldPath: '.b' },
      { type: 'object', properties: { a: { type: 'string' } } },
      [/fieldPath: Invalid value: "\.b": fieldPath must be a valid path/],
    ],
    [
      'an optional past that is not asked for',
      { rule: 'true', optionalOldSelf: true },
      undefined,
      [/optionalOldSelf: Invalid value/],
    ],
  ])('%s', (_, rule, schema, expected) => {
    expect(ruled(rule, schema)).toEqual(
      expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
    );
  });

  test('the past of an item without a key is unknown', () => {
    const items: Schema = { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] };
    expect(fieldFaults({ type: 'array', maxItems: 5, items })).toEqual([
      'x.items.x-kubernetes-validations[0].rule: Invalid value: "self >= oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within x',
    ]);
  });

  test('one that could cost too much is refused, with what to do about it', () => {
    const everyPair = { rule: 'self.all(a, self.exists(b, a == b))' };
    const texts = (more: Schema): Schema => ({ type: 'array', items: { type: 'string' }, ...more });
    expect(ruled(everyPair, texts({}))).toEqual([
      `${at}.rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      `${at}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`,
      expect.stringMatching(
        /^spec\.validation\.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total/,
      ),
    ]);
    expect(ruled(everyPair, texts({ maxItems: 100, items: { type: 'string', maxLength: 64 } }))).toEqual([]);
    expect(ruled(everyPair, texts({ maxItems: 1500, items: { type: 'string', maxLength: 64 } }))).toEqual([
      expect.stringMatching(/exceeds budget by factor of \d\.\dx/),
    ]);
  });

  test('all together may not cost too much either', () => {
    const costly: Schema = {
      type: 'array',
      maxItems: 800,
      items: { type: 'string', maxLength: 10 },
      'x-kubernetes-validations': [{ rule: 'self.all(a, self.exists(b, a == b))' }],
    };
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, costly]));
    const found = faults(
      definition({ versions: [version('v1', { schema: { openAPIV3Schema: rootOf(many) } })] }),
    );
    expect(found.slice(0, -1)).toEqual(
      [0, 1, 2, 3].map((i) =>
        expect.stringMatching(new RegExp(`\\[f${i}\\].*contributed to estimated rule cost total`)),
      ),
    );
    expect(found.slice(-1)).toEqual([
      expect.stringMatching(
        /x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of 1\.2x/,
      ),
    ]);
  });
});
