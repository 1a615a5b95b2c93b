import { describe, expect, test } from '@jest/globals';
import { Locks } from '../../../src/host/storage/locks.ts';

describe('locks', () => {
  /** Work that tells when it runs and ends when it is told. */
  const work = (log: string[], name: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const run = async () => {
      log.push(`${name} in`);
      await promise;
      log.push(`${name} out`);
    };
    return { run, end: resolve };
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test('shared holders stand together, an exclusive one alone and in turn', async () => {
    const locks = new Locks();
    const log: string[] = [];
    const [a, b, c, d] = [work(log, 'a'), work(log, 'b'), work(log, 'c'), work(log, 'd')] as const;
    const all = [
      locks.shared('x', a.run),
      locks.shared('x', b.run),
      locks.exclusive('x', c.run),
      locks.shared('x', d.run),
    ];
    await settle();
    expect(log).toEqual(['a in', 'b in']);
    b.end();
    await settle();
    expect(log).toEqual(['a in', 'b in', 'b out']);
    a.end();
    await settle();
    expect(log.slice(3)).toEqual(['a out', 'c in']);
    c.end();
    d.end();
    await Promise.all(all);
    expect(log.slice(5)).toEqual(['c out', 'd in', 'd out']);
  });

  test('a failure frees the lock and reaches its own caller only', async () => {
    const locks = new Locks();
    const failing = locks.exclusive('x', () => Promise.reject(new Error('broken')));
    const next = locks.exclusive('x', () => Promise.resolve('fine'));
    await expect(failing).rejects.toThrow('broken');
    await expect(next).resolves.toBe('fine');
  });

  test('other keys do not wait', async () => {
    const locks = new Locks();
    const held = work([], 'held');
    const holding = locks.exclusive('x', held.run);
    await expect(locks.exclusive('y', () => Promise.resolve(1))).resolves.toBe(1);
    held.end();
    await holding;
  });
});
