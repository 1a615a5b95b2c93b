import { expect, test } from '@jest/globals';
import { goQuoted } from '../../../src/apiserver/go-quoted.ts';
import { warningHeaders } from '../../../src/apiserver/warnings.ts';

const many = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, i) => `${i}`.padEnd(length, 'x'));

test.each([
  ['each once', ['a', 'b', 'a'], ['299 - "a"', '299 - "b"']],
  ['quoted', ['say "\\"'], ['299 - "say \\"\\\\\\""']],
  ['nothing that cannot be sent', ['', 'a\nb', 'a\x7fb', 'ok'], ['299 - "ok"']],
  ['in UTF-8', ['ü'], ['299 - "\u00c3\u00bc"']],
])('%s', (_, warnings, headers) => {
  expect(warningHeaders(warnings)).toEqual(headers);
});

test.each<[string, string[], number[]]>([
  ['4096 characters in all stay as they are', ['y'.repeat(4090), 'bbbbbb'], [4090, 6]],
  ['of more than that, each is cut', ['y'.repeat(5000), 'b'], [256, 1]],
  ['characters, not bytes', ['ü'.repeat(2000), 'ö'.repeat(2000)], [4000, 4000]],
  ['those that fit then', many(30, 300), Array.from({ length: 16 }, () => 256)],
  ['not too many', many(110, 5), Array.from({ length: 100 }, () => 5)],
])('%s', (_, warnings, lengths) => {
  const around = '299 - ""'.length;
  expect(warningHeaders(warnings).map(({ length }) => length - around)).toEqual(lengths);
});

test.each([
  ['größe', '"größe"'],
  ['字\x7f\n"\\\u0085', '"字\\x7f\\n\\"\\\\\\u0085"'],
  ['\x01\x07\v', '"\\x01\\a\\v"'],
])('%j as Go quotes it', (text, quoted) => {
  expect(goQuoted(text)).toBe(quoted);
});
