import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { everything } from '../../../src/apiserver/read/list-options.ts';
import { Listing, PAGE, pagesOf, wholeOf } from '../../../src/apiserver/read/listing.ts';
import { openStore } from '../../../src/store/index.ts';
import type { Entry, Store } from '../../../src/store/index.ts';

const COUNT = 3 * PAGE.limit + 50;
const keys = Array.from({ length: COUNT }, (_, i) => `/r/${String(i).padStart(4, '0')}`);

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-listing-'));
  store = openStore({ file: join(directory, 'store.db') });
  await Promise.all(keys.map((key) => store.create(key, '{}')));
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const keyOf = ({ key }: Entry): string => key;
const all = everything('/r/');

test('all pages are of one revision, whatever is written between them', async () => {
  const listing = new Listing(store, all, ({ key, value }) => `${key} ${value}`);
  const seen: string[] = [];
  for await (const page of pagesOf(listing)) {
    seen.push(...page);
    await store.delete(keys.at(-seen.length) ?? '', store.get(keys.at(-seen.length) ?? '')?.revision ?? 0);
    await store.create(`/r/${String(seen.length).padStart(4, '0')}b`, '{}');
    const changed = store.get(keys[300] ?? '');
    if (changed) await store.update(changed.key, `{"n":${seen.length}}`, changed.revision);
  }
  expect(seen).toEqual(keys.map((key) => `${key} {}`));
  expect(listing.metadata).toEqual({ resourceVersion: String(COUNT) });
});

test('others come to their turn between two pages', async () => {
  let turns = 0;
  let after = 0;
  const count = (): void => {
    turns += 1;
    if (turns < 50) setImmediate(count);
  };
  setImmediate(count);
  for await (const page of pagesOf(new Listing(store, all, keyOf))) {
    expect(page.length).toBeLessThanOrEqual(PAGE.limit);
    after += 1;
    if (after > 3) break;
  }
  expect(turns).toBeGreaterThan(0);
});

test('large objects make small pages', async () => {
  const large = 'x'.repeat(PAGE.characters / 4);
  await Promise.all(keys.slice(0, 12).map((key, i) => store.update(key, large, i + 1)));
  const sizes: number[] = [];
  for await (const page of pagesOf(new Listing(store, all, keyOf))) sizes.push(page.length);
  expect(sizes.slice(0, 4)).toEqual([4, 4, 4, PAGE.limit]);
});

test.each([
  [PAGE.limit - 1, undefined],
  [PAGE.limit, undefined],
  [2 * PAGE.limit + 1, undefined],
  [30, (key: string) => key.endsWith('7')],
])('a limit of %d is met exactly, and what follows it can be had', async (limit, wanted) => {
  const selector = wanted && (() => true);
  const look = ({ key }: Entry) => (wanted?.(key) === false ? undefined : key);
  const listing = new Listing(store, { ...all, limit, selector }, look);
  const found = await wholeOf(listing);
  const expected = keys.filter((key) => wanted?.(key) !== false);
  expect(found).toEqual(expected.slice(0, limit));
  const rest = COUNT - limit;
  expect(listing.metadata).toEqual({
    resourceVersion: String(COUNT),
    continue: expect.any(String),
    ...(!wanted && { remainingItemCount: rest }),
  });
  const next = new Listing(store, { ...all, after: found.at(-1), selector }, look);
  expect(await wholeOf(next)).toEqual(expected.slice(limit));
  expect(next.metadata).toEqual({ resourceVersion: String(COUNT) });
});

test('a limit that is just met by all there is ends the list', async () => {
  const listing = new Listing(store, { ...all, limit: COUNT }, keyOf);
  expect(await wholeOf(listing)).toHaveLength(COUNT);
  expect(listing.metadata).toEqual({ resourceVersion: String(COUNT) });
});

test('nothing more is read once nobody waits for it', async () => {
  const gone = new AbortController();
  const why = new Error('nobody waits');
  let pages = 0;
  const read = async (): Promise<void> => {
    for await (const _ of pagesOf(new Listing(store, all, keyOf), gone.signal)) {
      pages += 1;
      gone.abort(why);
    }
  };
  await expect(read()).rejects.toBe(why);
  expect(pages).toBe(1);
});
