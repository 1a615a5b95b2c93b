import { describe, expect, test } from '@jest/globals';
import { Part } from '../../../src/agent/part.ts';
import { systemClock as clock } from '../../../src/clock/clock.ts';

/** A list whose answers are given by the test, one by one. */
function controlled() {
  const calls: PromiseWithResolvers<string>[] = [];
  const list = (): Promise<string> => {
    const call = Promise.withResolvers<string>();
    calls.push(call);
    return call.promise;
  };
  return { calls, list };
}

/** Resolves when all that can go on without an answer has. */
const everythingElse = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const quiet = { onListed: () => {}, onError: () => {}, clock };

describe('Part', () => {
  test('listings never overlap, and many requests during one make one more', async () => {
    const { calls, list } = controlled();
    const part = new Part({ list, ...quiet });
    const first = part.refresh();
    const later = [part.refresh(), part.refresh(), part.refresh()];
    expect(calls).toHaveLength(1);

    calls[0]?.resolve('one');
    await first;
    expect(calls).toHaveLength(2);
    expect(part.value).toBe('one');
    calls[1]?.resolve('two');
    await Promise.all(later);

    expect(calls).toHaveLength(2);
    expect(part.value).toBe('two');
  });

  // One of these turns is the moment between two listings, in which nothing runs.
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('a request %d turns after an answer', async (turns) => {
    const looked: string[] = [];
    const { calls, list } = controlled();
    const part = new Part<string>({
      list,
      relist: async (_, key) => {
        const value = await list();
        looked.push(key);
        return value;
      },
      ...quiet,
    });
    const answer = (): void => {
      expect(calls).toHaveLength(1);
      calls.shift()?.resolve('answer');
    };
    const begun = part.refresh();
    answer();
    await begun;
    const lookedWhenDone = (key: string): Promise<boolean> =>
      part.refresh(key).then(() => looked.includes(key));
    const done = [lookedWhenDone('a'), lookedWhenDone('b')];
    answer();
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    done.push(lookedWhenDone('c'));
    for (let asked = looked.length; asked < 3; asked = looked.length) {
      await everythingElse();
      answer();
      await everythingElse();
    }
    expect(await Promise.all(done)).toEqual([true, true, true]);
  });

  test('after a failure the value stays, is not known, and is listed again by itself', async () => {
    const { calls, list } = controlled();
    const errors: unknown[] = [];
    const listed: boolean[] = [];
    const known = Promise.withResolvers<void>();
    const part: Part<string> = new Part({
      list,
      onListed: () => {
        listed.push(part.known);
        if (listed.length === 3) known.resolve();
      },
      onError: (error) => errors.push(error),
      clock,
    });
    const first = part.refresh();
    calls[0]?.resolve('one');
    await first;
    const second = part.refresh();
    calls[1]?.reject(new Error('no answer'));
    await second;
    expect(part.value).toBe('one');
    expect(part.known).toBe(false);
    while (!calls[2]) await new Promise((resolve) => setTimeout(resolve, 10));
    calls[2].resolve('three');
    await known.promise;

    expect(listed).toEqual([true, false, true]);
    expect(errors).toEqual([new Error('no answer')]);
    expect(part.value).toBe('three');
    await part.stop();
  });

  test('looks at single objects where it can, and at everything where it must', async () => {
    const looks: string[] = [];
    const part = new Part<string[]>({
      list: async () => {
        looks.push('all');
        return ['a'];
      },
      relist: async (value, key) => {
        looks.push(key);
        return key === 'foreign' ? undefined : [...value, key];
      },
      ...quiet,
    });
    await part.refresh('a');
    expect(looks).toEqual(['all']); // nothing was known yet

    const running = part.refresh('b');
    await Promise.all([running, part.refresh('c'), part.refresh('d'), part.refresh('c')]);
    expect(looks).toEqual(['all', 'b', 'c', 'd']);
    expect(part.value).toEqual(['a', 'b', 'c', 'd']);

    await part.refresh('foreign');
    expect(looks.slice(4)).toEqual(['foreign', 'all']);
  });
});
