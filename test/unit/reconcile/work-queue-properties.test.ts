import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WatchedQueue } from './watched-queue.ts';

type Step =
  | { step: 'add'; key: string }
  | { step: 'add after'; key: string; delayMs: number }
  | { step: 'finish'; worker: number; againAfterMs: number | undefined }
  | { step: 'time passes'; durationMs: number }
  | { step: 'time jumps'; durationMs: number }
  | { step: 'close' };

const key = fc.constantFrom('a', 'b', 'c');
const delayMs = fc.constantFrom(0, 1, 5, 20, 100, 1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ step: fc.constant('add' as const), key }), weight: 6 },
  { arbitrary: fc.record({ step: fc.constant('add after' as const), key, delayMs }), weight: 4 },
  {
    arbitrary: fc.record({
      step: fc.constant('finish' as const),
      worker: fc.nat(3),
      againAfterMs: fc.option(delayMs, { nil: undefined }),
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ step: fc.constant('time passes' as const), durationMs: delayMs }), weight: 4 },
  { arbitrary: fc.record({ step: fc.constant('time jumps' as const), durationMs: delayMs }), weight: 1 },
);
/** Nothing is asked for after closing in earnest, so it comes late in a history, and perhaps more than once. */
const closing: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: step, weight: 4 },
  { arbitrary: fc.constant({ step: 'close' as const }), weight: 1 },
);
const history = fc
  .tuple(fc.array(step, { maxLength: 40 }), fc.array(closing, { maxLength: 12 }))
  .map(([open, end]) => [...open, ...end]);

async function perform(queue: WatchedQueue, step: Step): Promise<void> {
  switch (step.step) {
    case 'add':
      return queue.add(step.key);
    case 'add after':
      return queue.addAfter(step.key, step.delayMs);
    case 'finish':
      return queue.finish(step.worker, step.againAfterMs);
    case 'time passes':
      return queue.clock.pass(step.durationMs);
    case 'time jumps':
      return queue.clock.jump(step.durationMs);
    case 'close':
      return queue.close();
  }
}

test('a key is in work once, for a reason, in time, and nothing that was asked for is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), history, async (concurrency, steps) => {
      const queue = new WatchedQueue(concurrency);
      for (const each of steps) {
        await perform(queue, each);
        await queue.expectAtRest();
        expect(queue.violations).toEqual([]);
      }
      await queue.expectNothingLost();
      expect(queue.violations).toEqual([]);
    }),
    { numRuns: 4_000 },
  );
}, 30_000);
