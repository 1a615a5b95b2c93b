import { expect, test } from '@jest/globals';
import { Strangers } from '../../../../src/apiserver/audit/strangers.ts';

test('a flood of strangers is noted by its first of each second, and counted', () => {
  let nowMs = 5_000;
  const strangers = new Strangers(() => nowMs);
  const flood = (count: number) => Array.from({ length: count }, () => strangers.admit());
  expect(flood(100).filter((one) => one !== 'leave out')).toEqual(Array(20).fill({ leftOut: 0 }));
  nowMs += 999;
  expect(strangers.admit()).toBe('leave out');
  nowMs += 1;
  expect([strangers.admit(), strangers.admit()]).toEqual([{ leftOut: 81 }, { leftOut: 0 }]);
});
