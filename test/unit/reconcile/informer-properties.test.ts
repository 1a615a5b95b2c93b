import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InformerRun, type Name, type Noted, type Step } from './informer-run.ts';

const of = fc.constantFrom<Name>({ namespace: 'x', name: 'a' }, { namespace: 'y', name: 'a' });
const noted = fc.constantFrom<Noted>('never', 'never', 'at once', 'late');
const failure = fc.constantFrom('connection lost' as const, 'refused' as const);
const verb = fc.constantFrom('create' as const, 'update' as const, 'delete' as const, 'replace' as const);

/** Versions become longer on the way. */
const startRevision = fc.constantFrom(0, 5, 90);

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ step: fc.constant('write' as const), verb, of, noted }), weight: 12 },
  { arbitrary: fc.record({ step: fc.constant('read' as const), of, noted }), weight: 2 },
  { arbitrary: fc.constant({ step: 'write of another kind' as const }), weight: 1 },
  {
    arbitrary: fc.record({ step: fc.constant('a late answer arrives' as const), which: fc.nat(9) }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      step: fc.constant('the server answers' as const),
      behind: fc.constantFrom(0, 0, 1, 2, 5, 10),
      count: fc.integer({ min: 1, max: 4 }),
    }),
    weight: 10,
  },
  { arbitrary: fc.record({ step: fc.constant('the request fails' as const), failure }), weight: 3 },
  { arbitrary: fc.constant({ step: 'a bookmark arrives' as const }), weight: 1 },
  {
    arbitrary: fc.record({
      step: fc.constant('the watch expires' as const),
      told: fc.constantFrom('as an event' as const, 'as an answer' as const),
    }),
    weight: 3,
  },
  { arbitrary: fc.constant({ step: 'the watch ends' as const }), weight: 1 },
  { arbitrary: fc.constant({ step: 'history is compacted' as const }), weight: 1 },
  {
    arbitrary: fc.record({
      step: fc.constant('time passes' as const),
      durationMs: fc.constantFrom(50, 200, 5_000, 5_000),
    }),
    weight: 6,
  },
);

const a: Name = { namespace: 'x', name: 'a' };
const answer = { step: 'the server answers', behind: 0, count: 1 } as const;
const write = (verb: 'create' | 'update' | 'delete', when: Noted): Step => ({
  step: 'write',
  verb,
  of: a,
  noted: when,
});

/** Histories that are too seldom to be met by chance each time. */
const examples: [number, Step[]][] = [
  // A list from the past, and then events of what was over before the list that came first.
  [
    0,
    [
      write('create', 'never'),
      write('delete', 'never'),
      answer,
      { step: 'the watch expires', told: 'as an event' },
      { step: 'time passes', durationMs: 5_000 },
      { ...answer, behind: 2 },
      answer,
    ],
  ],
  // The late answer about an object whose name another had taken, and left again.
  [
    0,
    [
      write('create', 'never'),
      answer,
      write('update', 'late'),
      write('delete', 'never'),
      write('create', 'at once'),
      write('delete', 'at once'),
      { step: 'a late answer arrives', which: 0 },
    ],
  ],
];

test('whatever happens on the way, the cache never goes back, everything is told once, and the end is the truth', async () => {
  await fc.assert(
    fc.asyncProperty(
      startRevision,
      fc.array(step, { minLength: 10, maxLength: 60 }),
      async (revision, steps) => {
        const run = new InformerRun(revision);
        await run.start();
        for (const each of steps) await run.perform(each);
        await run.calm();
        expect(run.violations).toEqual([]);
      },
    ),
    { numRuns: 3_000, examples },
  );
}, 30_000);

test('it stops at any moment', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const run = new InformerRun(0);
      await run.start();
      for (const each of steps) await run.perform(each);
      await run.stop();
      expect(run.violations).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
