import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyedLocks } from '../../../src/queue/locks.ts';

describe('KeyedLocks', () => {
  test('holders of a common key never overlap, whatever order their keys are named in', async () => {
    const work = fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(work, async (jobs) => {
        const locks = new KeyedLocks();
        const held = new Set<string>();
        let done = 0;
        await Promise.all(
          jobs.map((keys) =>
            locks.holding(keys, async () => {
              const mine = [...new Set(keys)];
              expect(mine.filter((key) => held.has(key))).toEqual([]);
              for (const key of mine) held.add(key);
              await new Promise((resolve) => setImmediate(resolve));
              for (const key of mine) held.delete(key);
              done += 1;
            }),
          ),
        );
        expect(done).toBe(jobs.length);
      }),
    );
  });

  test('a failure releases what was held', async () => {
    const locks = new KeyedLocks();
    await expect(locks.holding(['a'], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(locks.holding(['a'], async () => 'yes')).resolves.toBe('yes');
  });
});
