import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { systemClock } from '../../../src/clock/clock.ts';
import { WorkQueue } from '../../../src/reconcile/work-queue.ts';

/** Work that ends when the test says so. */
class Bench {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly queue: WorkQueue;

  constructor(concurrency = 2) {
    const process = (key: string): Promise<void> => {
      this.begun.push(key);
      return new Promise((resolve) => this.#ends.set(key, resolve));
    };
    this.queue = new WorkQueue(concurrency, process, systemClock);
  }

  async finish(key: string): Promise<void> {
    this.#ends.get(key)?.();
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }
}

let bench: Bench;
beforeEach(() => {
  jest.useFakeTimers();
  bench = new Bench();
});
afterEach(() => {
  jest.useRealTimers();
});

test('runs at most so many at once, in order', async () => {
  for (const key of ['a', 'b', 'c', 'd']) bench.queue.add(key);
  expect(bench.begun).toEqual(['a', 'b']);
  expect(bench.queue.depth).toBe(4);
  await bench.finish('b');
  expect(bench.begun).toEqual(['a', 'b', 'c']);
});

test('a key waits once, however often it is added', async () => {
  for (const key of ['a', 'b', 'c', 'c', 'c']) bench.queue.add(key);
  await bench.finish('a');
  await bench.finish('b');
  await bench.finish('c');
  expect(bench.begun).toEqual(['a', 'b', 'c']);
  expect(bench.queue.depth).toBe(0);
});

test('a key is never in work twice; added meanwhile, it is looked at again afterwards, once', async () => {
  bench.queue.add('a');
  bench.queue.add('a');
  bench.queue.add('a');
  expect(bench.begun).toEqual(['a']);
  await bench.finish('a');
  expect(bench.begun).toEqual(['a', 'a']);
  await bench.finish('a');
  expect(bench.begun).toEqual(['a', 'a']);
});

describe('delayed keys', () => {
  test('come when their time has come', () => {
    bench.queue.addAfter('a', 1_000);
    jest.advanceTimersByTime(999);
    expect(bench.begun).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(bench.begun).toEqual(['a']);
  });

  test('the earliest time wins', () => {
    bench.queue.addAfter('a', 1_000);
    bench.queue.addAfter('a', 100);
    bench.queue.addAfter('a', 5_000);
    jest.advanceTimersByTime(100);
    expect(bench.begun).toEqual(['a']);
  });

  test('an event takes the place of a delay', async () => {
    bench.queue.addAfter('a', 1_000);
    bench.queue.add('a');
    await bench.finish('a');
    jest.advanceTimersByTime(10_000);
    expect(bench.begun).toEqual(['a']);
  });
});

describe('closing', () => {
  test('waits for what is in work and begins nothing else', async () => {
    for (const key of ['a', 'b', 'c']) bench.queue.add(key);
    bench.queue.addAfter('d', 100);
    let closed = false;
    const closing = bench.queue.close().then(() => {
      closed = true;
    });
    bench.queue.add('e');
    bench.queue.addAfter('f', 1);
    jest.advanceTimersByTime(1_000);
    await bench.finish('a');
    expect(closed).toBe(false);
    await bench.finish('b');
    await closing;
    expect(bench.begun).toEqual(['a', 'b']);
  });

  test('everybody who closes waits for the same end', async () => {
    bench.queue.add('a');
    const closing = Promise.all([bench.queue.close(), bench.queue.close()]);
    await bench.finish('a');
    await expect(closing).resolves.toHaveLength(2);
  });

  test('an empty queue closes at once', async () => {
    await expect(bench.queue.close()).resolves.toBeUndefined();
  });
});

test('many keys that need no waiting let others go ahead now and then', async () => {
  const begun: string[] = [];
  const queue = new WorkQueue(2, async (key) => void begun.push(key), systemClock);
  const promisesSettle = async (): Promise<void> => {
    for (let turn = 0; turn < 1_000; turn += 1) await Promise.resolve();
  };
  for (let key = 0; key < 100; key += 1) queue.add(`${key}`);
  await promisesSettle();
  expect(begun).toHaveLength(64);
  jest.advanceTimersByTime(0);
  await promisesSettle();
  expect(begun).toHaveLength(100);
  // What comes one by one is never kept waiting.
  for (let key = 0; key < 100; key += 1) {
    queue.add(`${key}`);
    await promisesSettle();
  }
  expect(begun).toHaveLength(200);
});
