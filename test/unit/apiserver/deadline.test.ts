import { beforeEach, describe, expect, test } from '@jest/globals';
import { allottedMs, withinAllottedTime, withinTimeOfChange } from '../../../src/apiserver/deadline.ts';
import type { Alarm } from '../../../src/apiserver/deadline.ts';
import { goDurationMs } from '../../../src/apiserver/go-duration.ts';

describe('durations as Go writes them', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['5s', 5000],
    ['1m30s', 90_000],
    ['-1.5h', -5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['250ms3us', 250.003],
  ])('%s', (text, ms) => {
    expect(goDurationMs(text)).toBeCloseTo(ms, 6);
  });

  test.each([
    ['bad', 'time: invalid duration "bad"'],
    ['', 'time: invalid duration ""'],
    ['.s', 'time: invalid duration ".s"'],
    ['5', 'time: missing unit in duration "5"'],
    ['1e3s', 'time: unknown unit "e" in duration "1e3s"'],
    ['3000000h', 'time: invalid duration "3000000h"'],
  ])('%j is none', (text, why) => {
    expect(() => goDurationMs(text)).toThrow(why);
  });
});

test.each([
  ['', 60_000],
  ['timeout=', 60_000],
  ['timeout=5s', 5000],
  ['timeout=0s', 60_000],
  ['timeout=-1s', 60_000],
  ['timeout=1h', 60_000],
])('a request with %j may take %i ms', (query, ms) => {
  expect(allottedMs(new URLSearchParams(query))).toBe(ms);
});

const ALLOTTED = 'Timeout: request did not complete within the allotted timeout';
const CONTEXT = 'Timeout: request did not complete within requested timeout - context';

interface Request {
  gone: AbortSignal;
}

/** Work that waits until it may not go on. */
const untilGone = ({ gone }: Request): Promise<never> =>
  new Promise((_, reject) => {
    const stop = (): void => reject(gone.reason as Error);
    gone.addEventListener('abort', stop);
    if (gone.aborted) stop();
  });

const open = (): Request => ({ gone: new AbortController().signal });
const never: Alarm = () => () => undefined;

describe('what is not done in time', () => {
  const set: number[] = [];
  beforeEach(() => void set.splice(0));
  const atOnce: Alarm = (afterMs, ring) => {
    set.push(afterMs);
    queueMicrotask(ring);
    return () => undefined;
  };

  test('a request', async () => {
    await expect(withinAllottedTime(open(), 5000, untilGone, atOnce)).rejects.toMatchObject({
      code: 504,
      reason: 'Timeout',
      details: {},
      message: ALLOTTED,
    });
    expect(set).toEqual([5000]);
  });

  test('a change of one object', async () => {
    const change = (request: Request) => withinTimeOfChange(request, untilGone, atOnce);
    await expect(withinAllottedTime(open(), 60_000, change, never)).rejects.toMatchObject({
      code: 504,
      message: `${CONTEXT} deadline exceeded`,
    });
    expect(set).toEqual([34_000]);
  });

  test('a change for which its client gives less', async () => {
    const change = (request: Request) => withinTimeOfChange(request, untilGone, never);
    await expect(withinAllottedTime(open(), 5000, change, atOnce)).rejects.toMatchObject({
      message: ALLOTTED,
    });
  });
});

test.each(['before', 'after'] as const)('a change ends with a client that left %s it began', async (when) => {
  const client = new AbortController();
  if (when === 'before') client.abort();
  let stopped = 0;
  const counted: Alarm = () => () => void stopped++;
  const change = (request: Request) => withinTimeOfChange(request, untilGone, counted);
  const ended = withinAllottedTime({ gone: client.signal }, 60_000, change, counted);
  client.abort();
  await expect(ended).rejects.toMatchObject({ code: 504, message: `${CONTEXT} canceled` });
  expect(stopped).toBe(2);
});

test('what is still under way of a change that failed goes no further', async () => {
  const failure = new Error('refused');
  let rest: AbortSignal | undefined;
  const change = ({ gone }: Request): Promise<never> => {
    rest = gone;
    throw failure;
  };
  await expect(withinTimeOfChange(open(), change, never)).rejects.toBe(failure);
  expect(rest?.reason).toBe(failure);
});

test('what is sent after the work is done ends with its client only', async () => {
  const client = new AbortController();
  const over = new Error('the answer is sent');
  const rest = await withinAllottedTime(
    { gone: client.signal },
    5000,
    ({ gone }) => Promise.resolve(gone),
    never,
  );
  expect(rest.aborted).toBe(false);
  client.abort(over);
  expect(rest.reason).toBe(over);
});
