import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { CompactedError, FutureRevisionError, openStore } from '../../../src/store/index.ts';
import type { Change, ChangeType, Entry, Store, Watch } from '../../../src/store/index.ts';
import { type ModelChange, StoreModel } from './model.ts';

let directory: string;
let stores = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-store-model-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Write {
  type: ChangeType;
  key: string;
  value: string;
  /** How far the caller's knowledge of the key is behind; 0 is the truth. */
  staleBy: number;
}

type Step =
  /** Writes of one turn of the event loop: they share a commit. */
  | { step: 'write'; writes: Write[] }
  | { step: 'list'; prefix: string; limit: number; characters: number | undefined; revision: number }
  /** A revision is counted back from the newest. */
  | { step: 'watch'; prefix: string; back: number }
  | { step: 'read'; watch: number }
  | { step: 'compact'; back: number }
  | { step: 'reopen' };

const prefix = fc.constantFrom('/', '/a/', '/b/');
const back = fc.nat(12);
const write: fc.Arbitrary<Write> = fc.record({
  type: fc.constantFrom<ChangeType>('create', 'update', 'delete', 'update'),
  key: fc.constantFrom('/a/1', '/a/2', '/ab/1', '/b/1'),
  value: fc.string({ unit: 'binary', maxLength: 8 }),
  staleBy: fc.constantFrom(0, 0, 0, 0, 1),
});
const writes = fc.record({
  step: fc.constant('write' as const),
  writes: fc.array(write, { minLength: 1, maxLength: 5 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: writes, weight: 6 },
  {
    arbitrary: fc.record({
      step: fc.constant('list' as const),
      prefix,
      limit: fc.integer({ min: 1, max: 4 }),
      characters: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
      revision: back,
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ step: fc.constant('watch' as const), prefix, back }), weight: 2 },
  { arbitrary: fc.record({ step: fc.constant('read' as const), watch: fc.nat(20) }), weight: 3 },
  { arbitrary: fc.record({ step: fc.constant('compact' as const), back }), weight: 1 },
  { arbitrary: fc.constant({ step: 'reopen' as const }), weight: 1 },
);

/** A watch with the changes that it still owes. */
interface Watched {
  watch: Watch;
  prefix: string;
  position: number;
  /** A reader that waits already; its answer may be that the history is gone. */
  waiting?: Promise<readonly Change[] | CompactedError>;
}

const charactersOf = (entries: readonly Entry[]): number =>
  entries.reduce((sum, { value }) => sum + value.length, 0);

const next = (watch: Watch): Promise<readonly Change[] | CompactedError> =>
  watch.next().catch((error: unknown) => {
    if (error instanceof CompactedError) return error;
    throw error;
  });

class Run {
  readonly #file = join(directory, `${(stores += 1)}.db`);
  readonly #model = new StoreModel();
  #store: Store = openStore({ file: this.#file });
  #watches: Watched[] = [];

  async perform(step: Step): Promise<void> {
    await this.#perform(step);
    for (const watched of this.#watches) {
      if (watched.waiting && this.#owed(watched).length > 0) await this.#read(watched);
      this.#expectHonest(watched);
    }
  }

  async #perform(step: Step): Promise<void> {
    switch (step.step) {
      case 'write':
        return this.#write(step.writes);
      case 'list':
        return this.#list(step, this.#back(step.revision));
      case 'watch':
        return this.#watch(step.prefix, this.#back(step.back));
      case 'read': {
        const watched = this.#watches[step.watch % Math.max(1, this.#watches.length)];
        if (watched) await this.#read(watched);
        return;
      }
      case 'compact':
        this.#model.compact(this.#back(step.back));
        return this.#store.compact(this.#back(step.back));
      case 'reopen':
        this.#store.close();
        for (const { watch, waiting } of this.#watches) {
          // One whose history was gone said so before.
          expect([[], expect.any(CompactedError)]).toContainEqual(await (waiting ?? watch.next()));
        }
        this.#watches = [];
        this.#store = openStore({ file: this.#file });
    }
  }

  /** Nothing is owed any more, and from each version ever seen the rest can be had, or it is known to be gone. */
  async finish(): Promise<void> {
    while (this.#watches[0]) {
      const [watched] = this.#watches;
      if (this.#owed(watched).length > 0) await this.#read(watched);
      else this.#watches.shift();
    }
    const { revision, compacted } = this.#model;
    expect([this.#store.revision, this.#store.compactedRevision]).toEqual([revision, compacted]);
    for (let from = 0; from < compacted; from += 1) {
      expect(() => this.#store.watch('/', from)).toThrow(CompactedError);
      expect(() => this.#store.list('/', { revision: from })).toThrow(CompactedError);
    }
    for (let from = compacted; from <= revision; from += 1) await this.#resume(from);
    expect(() => this.#store.watch('/', revision + 1)).toThrow(FutureRevisionError);
  }

  close(): void {
    this.#store.close();
  }

  #back(count: number): number {
    return Math.max(0, this.#model.revision - count);
  }

  async #write(batch: Write[]): Promise<void> {
    const expected = batch.map(({ type, key, value, staleBy }) => {
      const known = Math.max(0, (this.#model.get(key)?.revision ?? 0) - staleBy);
      return { known, change: this.#model.write(type, key, value, known) };
    });
    const results = await Promise.allSettled(
      batch.map(({ type, key, value }, index) => {
        const known = expected[index]?.known ?? 0;
        if (type === 'create') return this.#store.create(key, value);
        return type === 'update' ? this.#store.update(key, value, known) : this.#store.delete(key, known);
      }),
    );
    expect(
      results.map((result) => (result.status === 'fulfilled' ? result.value.revision : result.reason.name)),
    ).toEqual(
      expected.map(
        ({ change }, index) =>
          change?.revision ?? (batch[index]?.type === 'create' ? 'ExistsError' : 'ConflictError'),
      ),
    );
  }

  /** All pages of a list are of one revision, and together what the model has. */
  #list({ prefix: listed, limit, characters }: Step & { step: 'list' }, revision: number): void {
    if (revision < this.#model.compacted) return;
    const expected = this.#model.list(listed, revision);
    let after: string | undefined;
    for (let seen = 0; ; ) {
      const bounds = { limit, revision, ...(characters !== undefined && { characters }) };
      const page = this.#store.list(listed, { ...bounds, ...(after !== undefined && { after }) });
      const { length } = page.entries;
      expect([page.entries, page.revision]).toEqual([expected.slice(seen, seen + length), revision]);
      expect([page.reached !== undefined, page.remaining()]).toEqual([
        expected.length > seen + length,
        expected.length - seen - length,
      ]);
      const full = length === limit || charactersOf(page.entries) >= (characters ?? Infinity);
      expect(full || page.reached === undefined).toBe(true);
      seen += length;
      after = page.reached;
      if (after === undefined) return;
    }
  }

  #watch(watched: string, from: number): void {
    if (from < this.#model.compacted) {
      expect(() => this.#store.watch(watched, from)).toThrow(CompactedError);
    } else {
      this.#watches.push({ watch: this.#store.watch(watched, from), prefix: watched, position: from });
    }
  }

  #owed({ prefix: watched, position }: Watched): ModelChange[] {
    return this.#model.after(watched, position);
  }

  /** The next changes of a watch are the next that it owes; or they are gone, if compaction went past it. */
  async #read(watched: Watched): Promise<void> {
    const owed = this.#owed(watched);
    watched.waiting ??= next(watched.watch);
    if (owed.length === 0) return;
    const changes = await watched.waiting;
    delete watched.waiting;
    if (changes instanceof CompactedError) {
      expect(watched.position).toBeLessThan(this.#model.compacted);
      this.#watches = this.#watches.filter((other) => other !== watched);
      return;
    }
    expect(changes.length).toBeGreaterThan(0);
    expect(changes).toEqual(owed.slice(0, changes.length));
    watched.position = changes.at(-1)?.revision ?? watched.position;
  }

  /** The progress of a watch, which bookmarks promise, passes nothing that it still owes. */
  #expectHonest(watched: Watched): void {
    const { progress } = watched.watch;
    expect(progress).toBeGreaterThanOrEqual(watched.position);
    expect(this.#owed(watched).filter(({ revision }) => revision <= progress)).toEqual([]);
  }

  /** A list and the watch from its version are the present state. */
  async #resume(from: number): Promise<void> {
    const state = new Map(this.#store.list('/', { revision: from }).entries.map((each) => [each.key, each]));
    expect([...state.values()]).toEqual(this.#model.list('/', from));
    const watched = { watch: this.#store.watch('/', from), prefix: '/', position: from };
    const replayed: ModelChange[] = [];
    for (const owed = this.#owed(watched); replayed.length < owed.length; ) {
      for (const { type, key, revision, value, previous } of await watched.watch.next()) {
        replayed.push({ type, key, revision, value, previous });
        if (value === undefined) state.delete(key);
        else state.set(key, { key, value, revision });
      }
    }
    watched.watch.close();
    expect(replayed).toEqual(this.#owed(watched));
    expect([...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(
      this.#store.list('/').entries,
    );
  }
}

test('is what a model of it is: writes, lists in pages, watches, compaction, restarts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const run = new Run();
      try {
        for (const each of steps) await run.perform(each);
        await run.finish();
      } finally {
        run.close();
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
