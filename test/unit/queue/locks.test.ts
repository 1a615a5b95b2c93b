import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyedLocks } from '../../../src/queue/locks.ts';

const keys = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
const claims = fc.array(fc.record({ exclusive: keys, shared: keys }), { maxLength: 12 });

describe('KeyedLocks', () => {
  test('nobody holds what somebody else holds alone, and everybody gets a turn', async () => {
    await fc.assert(
      fc.asyncProperty(claims, async (jobs) => {
        const locks = new KeyedLocks();
        const alone = new Set<string>();
        const holders = new Map<string, number>();
        let done = 0;
        const work = async (exclusive: string[], all: string[]): Promise<void> => {
          expect(all.filter((key) => alone.has(key))).toEqual([]);
          expect(exclusive.filter((key) => (holders.get(key) ?? 0) > 0)).toEqual([]);
          for (const key of exclusive) alone.add(key);
          for (const key of all) holders.set(key, (holders.get(key) ?? 0) + 1);
          await new Promise((resolve) => setImmediate(resolve));
          for (const key of exclusive) alone.delete(key);
          for (const key of all) holders.set(key, (holders.get(key) ?? 0) - 1);
          done += 1;
        };
        await Promise.all(
          jobs.map(({ exclusive, shared }) =>
            locks.holding({ exclusive, shared }, () =>
              work(exclusive, [...new Set([...exclusive, ...shared])]),
            ),
          ),
        );
        expect(done).toBe(jobs.length);
      }),
    );
  });

  test('shared holders work at the same time', async () => {
    const locks = new KeyedLocks();
    const both = Promise.withResolvers<void>();
    let inside = 0;
    const enter = async (): Promise<void> => {
      inside += 1;
      if (inside === 2) both.resolve();
      await both.promise;
    };
    await Promise.all([
      locks.holding({ exclusive: ['a'], shared: ['s'] }, enter),
      locks.holding({ exclusive: ['b'], shared: ['s'] }, enter),
    ]);
    expect(inside).toBe(2);
  });

  test('a shared claim does not overtake a waiting exclusive one', async () => {
    const locks = new KeyedLocks();
    const order: string[] = [];
    const first = Promise.withResolvers<void>();
    const say = (what: string) => async (): Promise<void> => {
      order.push(what);
    };
    const all = [
      locks.holding({ exclusive: [], shared: ['s'] }, () => first.promise),
      locks.holding({ exclusive: ['s'] }, say('alone')),
      locks.holding({ exclusive: [], shared: ['s'] }, say('shared')),
    ];
    first.resolve();
    await Promise.all(all);
    expect(order).toEqual(['alone', 'shared']);
  });

  test('a failure releases what was held', async () => {
    const locks = new KeyedLocks();
    const claim = { exclusive: ['a'] };
    await expect(locks.holding(claim, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(locks.holding(claim, async () => 'yes')).resolves.toBe('yes');
  });
});
