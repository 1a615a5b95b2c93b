import { beforeEach, describe, expect, test } from '@jest/globals';
import { Unread } from '../../../../src/apiserver/fairness/unread.ts';
import type { Reader } from '../../../../src/apiserver/fairness/unread.ts';

const jane: Reader = { user: 'jane', standing: 'ordinary' };
const joe: Reader = { user: 'joe', standing: 'ordinary' };
const boss: Reader = { user: 'boss', standing: 'privileged' };

let nowMs: number;
let unread: Unread;
let cut: string[];
beforeEach(() => {
  nowMs = 0;
  cut = [];
  unread = new Unread({ total: 100, ordinary: 60, perUser: 40 }, () => nowMs);
});

const tell = (reader: Reader, bytes: number, name: string) =>
  unread.tell(reader, bytes, () => void cut.push(name));

test('an answer that can be asked for again is refused; one to what was done counts all the same', () => {
  unread.take(jane, 30);
  expect(unread.take(jane, 30)).toBe('user');
  const done = unread.hold(jane, 30);
  expect([unread.bytes, unread.take(joe, 1)]).toEqual([60, 'ordinary']);
  done.release();
  done.release();
  expect(unread.bytes).toBe(30);
});

describe('where there is no room for what a watch has to tell', () => {
  test('nothing gives way that was sent just now', () => {
    tell(jane, 30, 'first');
    nowMs = 1_999;
    expect([tell(jane, 30, 'second'), cut]).toEqual(['user', []]);
  });

  test('what was not read for longest gives way, of the same user', () => {
    tell(joe, 20, 'of joe');
    nowMs = 1;
    tell(jane, 20, 'first');
    nowMs = 2;
    tell(jane, 20, 'second');
    nowMs = 3_000;
    expect(tell(jane, 10, 'third')).toHaveProperty('release');
    expect(cut).toEqual(['first']);
    expect(unread.bytes).toBe(50);
  });

  test('of anybody, when all of them together leave none', () => {
    tell(joe, 30, 'of joe');
    nowMs = 1;
    tell(jane, 30, 'of jane');
    tell(boss, 40, 'of boss');
    nowMs = 3_000;
    expect(tell({ ...boss, user: 'another' }, 5, 'of another')).toHaveProperty('release');
    expect([cut, unread.bytes]).toEqual([['of joe'], 75]);
  });

  test('what was read meanwhile does not', () => {
    const first = tell(jane, 30, 'first');
    if (typeof first !== 'string') first.release();
    nowMs = 3_000;
    tell(jane, 30, 'second');
    expect(tell(jane, 30, 'third')).toBe('user');
    expect(cut).toEqual([]);
  });
});
