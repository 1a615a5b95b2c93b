import { expect, test } from '@jest/globals';
import { EarlierLife } from '../../../src/queue/earlier-life.ts';

const version = (incarnation: string) => ({ incarnation, sequence: 1 });
const found = version('1.a');

test('an agent of an earlier start is believed when it has lived for long enough', () => {
  const life = new EarlierLife(30);
  expect(life.isAlive(found, version('1.a'), 100)).toBe(false);
  expect(life.isAlive(found, version('1.a'), 129)).toBe(false);
  expect(life.isAlive(found, { incarnation: '1.a', sequence: 9 }, 130)).toBe(true);
});

test.each([
  ['its sign of life ran out', found, undefined],
  ['a sign of life is of another start', found, version('2.b')],
  ['what is published is of another start', version('1.c'), version('1.c')],
] as const)('the time counts anew when %s', (_what, published, sign) => {
  const life = new EarlierLife(30);
  expect(life.isAlive(found, version('1.a'), 100)).toBe(false);
  expect(life.isAlive(published, sign, 120)).toBe(false);
  expect(life.isAlive(found, version('1.a'), 140)).toBe(false);
  expect(life.isAlive(found, version('1.a'), 169)).toBe(false);
  expect(life.isAlive(found, version('1.a'), 170)).toBe(true);
});

test('nothing of before counts once it was forgotten', () => {
  const life = new EarlierLife(30);
  life.isAlive(found, version('1.a'), 100);
  expect(life.forget()).toBe(false);
  expect(life.isAlive(found, version('1.a'), 140)).toBe(false);
});
