import { describe, expect, test } from '@jest/globals';
import { allottedMs, withDeadline } from '../../../src/apiserver/deadline.ts';
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

/** Work that waits until it may not go on. */
const untilGone = ({ gone }: { gone: AbortSignal }): Promise<never> =>
  new Promise((_, reject) => gone.addEventListener('abort', () => reject(gone.reason as Error)));

describe('a write', () => {
  test.each([
    ['one object', '', 34_000, `${CONTEXT} deadline exceeded`],
    ['one object', 'timeout=50s', 34_000, `${CONTEXT} deadline exceeded`],
    ['one object', 'timeout=5s', 5000, ALLOTTED],
    ['many objects', '', 60_000, ALLOTTED],
  ] as const)('to %s with %j ends after %i ms', async (about, query, ms, message) => {
    const set: number[] = [];
    const at: Alarm = (afterMs, ring) => {
      set.push(afterMs);
      queueMicrotask(ring);
      return () => undefined;
    };
    const request = { query: new URLSearchParams(query), gone: new AbortController().signal };
    await expect(withDeadline(request, about, untilGone, at)).rejects.toMatchObject({
      code: 504,
      reason: 'Timeout',
      details: {},
      message,
    });
    expect(set).toEqual([ms]);
  });

  test.each(['before', 'after'] as const)('ends with a client that left %s it began', async (when) => {
    const client = new AbortController();
    if (when === 'before') client.abort();
    let stopped = 0;
    const request = { query: new URLSearchParams(), gone: client.signal };
    const never: Alarm = () => () => void stopped++;
    const work = ({ gone }: typeof request): Promise<never> => {
      if (gone.aborted) throw gone.reason as Error;
      return untilGone({ gone });
    };
    const ended = withDeadline(request, 'one object', work, never);
    client.abort();
    await expect(ended).rejects.toMatchObject({ code: 504, message: `${CONTEXT} canceled` });
    expect(stopped).toBe(1);
  });
});
