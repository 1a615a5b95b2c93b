import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import {
  CompactedError,
  ConflictError,
  DamagedError,
  ExistsError,
  FutureRevisionError,
  copyStore,
  openStore,
  openUnchanging,
} from '../../../src/store/index.ts';
import type { Change, Store, Watch } from '../../../src/store/index.ts';

let directory: string;
let store: Store;
const file = () => join(directory, 'store.db');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-store-'));
  store = openStore({ file: file() });
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const told = (changes: readonly Change[]) =>
  changes.map(({ type, key, revision }) => `${revision} ${type} ${key}`);

/** Reads until so many changes have come. */
async function take(watch: Watch, count: number): Promise<Change[]> {
  const taken: Change[] = [];
  while (taken.length < count) taken.push(...(await watch.next()));
  return taken;
}

describe('reading and writing', () => {
  test('one revision over all keys', async () => {
    expect(await store.create('/a/1', 'one')).toEqual({ key: '/a/1', value: 'one', revision: 1 });
    expect((await store.create('/b/1', 'two')).revision).toBe(2);
    expect((await store.update('/a/1', 'three', 1)).revision).toBe(3);
    expect(await store.delete('/b/1', 2)).toEqual({ key: '/b/1', value: 'two', revision: 4 });
    expect(store.get('/a/1')).toEqual({ key: '/a/1', value: 'three', revision: 3 });
    expect(store.get('/b/1')).toBeUndefined();
    expect(store.revision).toBe(4);
  });

  test('a write that does not fit what is there is refused and changes nothing', async () => {
    await store.create('/a', 'one');
    await expect(store.create('/a', 'two')).rejects.toThrow(ExistsError);
    await expect(store.update('/a', 'two', 7)).rejects.toThrow(ConflictError);
    await expect(store.delete('/a', 7)).rejects.toThrow(ConflictError);
    await expect(store.update('/b', 'two', 1)).rejects.toMatchObject({ current: undefined });
    expect([store.revision, store.get('/a')?.value]).toEqual([1, 'one']);
  });

  test('a check sees every write before its own, and refuses no other', async () => {
    const room = () => {
      if (store.count('/a/') >= 2) throw new RangeError('full');
    };
    const writes = ['/a/1', '/a/2', '/a/3', '/b/1'].map((key) =>
      store.create(key, 'x', key === '/b/1' ? undefined : room),
    );
    const settled = await Promise.allSettled(writes);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    await expect(writes[2]).rejects.toMatchObject({ name: 'RefusedError', cause: new RangeError('full') });
    expect([store.count('/a/'), store.revision]).toEqual([2, 3]);
  });

  test('of writes in one turn the first wins, and others do not suffer', async () => {
    await store.create('/a', 'one');
    const results = await Promise.allSettled([
      store.update('/a', 'two', 1),
      store.update('/a', 'three', 1),
      store.create('/b', 'four'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(store.get('/a')?.value).toBe('two');
  });

  test('history stays for who is reading page by page, for a while and up to a limit', async () => {
    let nowMs = 0;
    store.close();
    store = openStore({ file: file(), historyRevisions: 100, nowMs: () => nowMs });
    for (let i = 0; i < 10; i += 1) await store.create(`/r/${i}`, 'first');
    const write = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i += 1) await store.update('/r/5', 'x', store.get('/r/5')?.revision ?? 0);
      await store.compact(0);
    };
    const page = (after?: string) => store.list('/r/', { revision: 10, limit: 3, ...(after && { after }) });
    page();
    await write(300);
    expect(page('/r/2').entries.map(({ value }) => value)).toEqual(['first', 'first', 'first']);
    await write(300);
    expect(() => page('/r/5')).toThrow(CompactedError);
    const { revision } = store.list('/r/', { limit: 3 });
    nowMs += 60_001;
    await write(120);
    expect(store.compactedRevision).toBeGreaterThan(revision);
  });

  test('lists are sorted, bounded by their prefix, and come in pages', async () => {
    for (const key of ['/r/b', '/r/a', '/r/c', '/rr/a', '/q/z']) await store.create(key, key);
    expect(store.list('/r/').entries.map(({ key }) => key)).toEqual(['/r/a', '/r/b', '/r/c']);
    const page = store.list('/r/', { limit: 2 });
    expect([page.entries.length, page.remaining(), page.revision]).toEqual([2, 1, 5]);
    const rest = store.list('/r/', { limit: 2, after: '/r/b', revision: page.revision });
    expect([rest.entries.map(({ key }) => key), rest.remaining()]).toEqual([['/r/c'], 0]);
    expect(store.count('/r/')).toBe(3);
  });

  test.each([
    ['came and went', 0],
    ['came and stayed', 1],
  ])('a list at an older revision goes in steps past much that %s since', async (_, stays) => {
    await store.create('/r/a', 'before');
    await store.create('/r/z', 'before');
    const { revision } = store;
    const names = Array.from({ length: 3000 }, (_name, i) => `/r/m${String(i).padStart(4, '0')}`);
    const made = await Promise.all(names.map((name) => store.create(name, 'after')));
    if (!stays) await Promise.all(made.map((entry) => store.delete(entry.key, entry.revision)));
    const seen: string[] = [];
    const looked: number[] = [];
    for (let after: string | undefined = '/r/'; after !== undefined; ) {
      const page = store.list('/r/', { revision, limit: 1, after });
      seen.push(...page.entries.map(({ key }) => key));
      looked.push(page.looked);
      after = page.reached;
    }
    expect(seen).toEqual(['/r/a', '/r/z']);
    expect(Math.max(...looked)).toBeLessThan(2500);
    expect(looked.length).toBeLessThan(20);
    expect(store.list('/r/', { revision, limit: 1 }).remaining()).toBe(1);
  });

  test('a second store on the same file is refused, and the first goes on', async () => {
    expect(() => openStore({ file: file() })).toThrow(/in use by another process/);
    await expect(store.create('/a', 'one')).resolves.toBeDefined();
  });

  test('reopened, it is as it was; so is a copy', async () => {
    await store.create('/a', 'one');
    await store.create('/b', 'two');
    await store.delete('/b', 2);
    const freeze = store.freeze();
    const source = openUnchanging(freeze.file);
    copyStore(source, join(directory, 'copy.db'), 'refuse');
    source.close();
    freeze.end();
    store.close();
    for (const reopened of [file(), join(directory, 'copy.db')]) {
      expect(statSync(reopened).mode & 0o777).toBe(0o600);
      store = openStore({ file: reopened });
      expect([store.revision, store.list('/').entries]).toEqual([
        3,
        [{ key: '/a', value: 'one', revision: 1 }],
      ]);
      expect(told(await take(store.watch('/', 0), 3))).toEqual(['1 create /a', '2 create /b', '3 delete /b']);
      store.close();
    }
    store = openStore({ file: file() });
  });
});

describe('the file', () => {
  /** As it was written before rows had checksums. */
  const withoutChecksums = (change = '') => {
    store.close();
    rmSync(file());
    const plain = new DatabaseSync(file());
    plain.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE log (
        rev INTEGER PRIMARY KEY, key TEXT NOT NULL, type INTEGER NOT NULL, prev INTEGER NOT NULL, value TEXT
      ) STRICT;
      CREATE TABLE cur (key TEXT PRIMARY KEY, rev INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      INSERT INTO meta VALUES ('revision', 4), ('compacted', 1);
      INSERT INTO log VALUES (1, '/a', 0, 0, 'one'), (2, '/b', 0, 0, 'two'), (3, '/a', 1, 1, 'three'), (4, '/b', 2, 2, NULL);
      INSERT INTO cur VALUES ('/a', 3);
      ${change}
    `);
    plain.close();
  };

  test('of before there were checksums opens, and has them from then on', async () => {
    withoutChecksums();
    store = openStore({ file: file() });
    expect(store.list('/')).toMatchObject({ entries: [{ key: '/a', value: 'three' }], revision: 4 });
    expect(told(await take(store.watch('/', 1), 3))).toEqual(['2 create /b', '3 update /a', '4 delete /b']);
    await store.update('/a', 'five', 3);
    store.close();
    const plain = new DatabaseSync(file());
    plain.exec("UPDATE log SET value = 'tHree' WHERE rev = 3");
    plain.close();
    expect(() => openStore({ file: file() })).toThrow(DamagedError);
  });

  test('of before there was an index of the log gets one; one that is not what the log has is damage', async () => {
    await store.create('/a', 'one');
    await store.update('/a', 'two', 1);
    store.close();
    const change = (sql: string): void => {
      const plain = new DatabaseSync(file(), { defensive: false });
      plain.exec(sql);
      plain.close();
    };
    change('DROP INDEX log_by_key; PRAGMA user_version = 1');
    store = openStore({ file: file() });
    expect(store.list('/', { revision: 1 }).entries).toMatchObject([{ value: 'one' }]);
    store.close();
    change(`PRAGMA writable_schema = ON;
      UPDATE sqlite_schema SET sql = 'CREATE INDEX log_by_key ON log (key, prev, rev)' WHERE name = 'log_by_key'`);
    expect(() => openStore({ file: file() })).toThrow(DamagedError);
  });

  test.each([
    ['a revision is missing', 'DELETE FROM log WHERE rev = 2'],
    [
      'all of a key that came and went is missing',
      `DELETE FROM log WHERE key = '/b';
       INSERT INTO log VALUES (5, '/c', 0, 0, 'five');
       INSERT INTO cur VALUES ('/c', 5);
       UPDATE meta SET value = 5 WHERE name = 'revision'`,
    ],
    ['a table has another shape', 'ALTER TABLE meta RENAME COLUMN value TO valve'],
    ['a revision is of another time', 'UPDATE log SET prev = 0 WHERE rev = 3'],
    ['the last revisions are missing', "UPDATE meta SET value = 7 WHERE name = 'revision'"],
    ['there are more than the last one', "UPDATE meta SET value = 3 WHERE name = 'revision'"],
    [
      'more is compacted than was said',
      "UPDATE meta SET value = 0 WHERE name = 'compacted'; DELETE FROM log WHERE rev = 1",
    ],
    ['the last revision is not known', "DELETE FROM meta WHERE name = 'revision'"],
    ['a key leads to what it was', "UPDATE cur SET rev = 1 WHERE key = '/a'"],
    ['a key is lost', 'DELETE FROM cur'],
    ['a deleted key is back', "INSERT INTO cur VALUES ('/b', 2)"],
  ])('is known to be damaged when %s', (_what, change) => {
    withoutChecksums(change);
    expect(() => openStore({ file: file() })).toThrow(DamagedError);
  });

  test('of a newer version is left alone', () => {
    withoutChecksums('PRAGMA user_version = 99');
    expect(() => openStore({ file: file() })).toThrow(/newer version of Purlin/);
  });
});

describe('watching', () => {
  test('changes of the prefix, in order, with what was before', async () => {
    const watch = store.watch('/a/', 0);
    await store.create('/a/1', 'one');
    await store.create('/b/1', 'other');
    await store.update('/a/1', 'two', 1);
    await store.delete('/a/1', 3);
    const changes = await take(watch, 3);
    expect(told(changes)).toEqual(['1 create /a/1', '3 update /a/1', '4 delete /a/1']);
    expect(changes.map(({ value, previous }) => [value, previous?.value])).toEqual([
      ['one', undefined],
      ['two', 'one'],
      [undefined, 'two'],
    ]);
  });

  test('history and what comes live join without gap or repetition', async () => {
    for (let i = 1; i <= 1200; i++) void store.create(`/k/${i}`, 'x');
    await store.create('/k/last', 'x');
    const watch = store.watch('/k/', 3);
    const first = await watch.next();
    await store.create('/k/live', 'x');
    const rest = await take(watch, 1202 - 3 - first.length);
    expect([...first, ...rest].map(({ revision }) => revision)).toEqual(
      Array.from({ length: 1199 }, (_, i) => i + 4),
    );
  });

  test('a reader that falls far behind loses nothing', async () => {
    const watch = store.watch('/k/', 0);
    await store.create('/k/0', 'x');
    expect(await watch.next()).toHaveLength(1);
    const pending = watch.next();
    for (let i = 1; i <= 5000; i++) void store.create(`/k/${i}`, 'x');
    const revisions = [...(await pending), ...(await take(watch, 5000 - (await pending).length))];
    expect(revisions.map(({ revision }) => revision)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 2));
  });

  test('progress follows commits that are not for it', async () => {
    const watch = store.watch('/a/', 0);
    const next = watch.next();
    await store.create('/b/1', 'x');
    expect(watch.progress).toBe(1);
    watch.close();
    expect(await next).toEqual([]);
  });

  test('a revision of the future is refused', () => {
    expect(() => store.watch('/', 5)).toThrow(FutureRevisionError);
  });
});

describe('compaction', () => {
  test('keeps the present and what comes after, and forgets the rest', async () => {
    await store.create('/a', '1');
    await store.update('/a', '2', 1);
    await store.create('/b', '3');
    await store.delete('/b', 3);
    await store.update('/a', '5', 2);
    await store.compact(4);
    expect(() => store.watch('/', 3)).toThrow(CompactedError);
    expect(() => store.list('/', { revision: 3 })).toThrow(CompactedError);
    expect(told(await take(store.watch('/', 4), 1))).toEqual(['5 update /a']);
    expect(store.list('/', { revision: 4 }).entries).toEqual([{ key: '/a', value: '2', revision: 2 }]);
    expect(store.get('/a')?.value).toBe('5');
  });

  test('history beyond the window goes by itself', async () => {
    store.close();
    store = openStore({ file: file(), historyRevisions: 100 });
    let revision = (await store.create('/a', '0')).revision;
    for (let i = 0; i < 500; i++) ({ revision } = await store.update('/a', String(i), revision));
    expect(store.compactedRevision).toBeGreaterThan(300);
    expect(store.compactedRevision).toBeLessThanOrEqual(store.revision - 100);
  });
});

test('any history can be read back at each of its revisions', async () => {
  const operation = fc.record({
    key: fc.constantFrom('/p/a', '/p/b', '/p/c', '/q/a'),
    value: fc.string(),
    drop: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), fc.nat(30), async (operations, compactTo) => {
      const work = mkdtempSync(join(tmpdir(), 'purlin-store-'));
      const model = openStore({ file: join(work, 'store.db') });
      const states: Map<string, string>[] = [new Map()];
      for (const { key, value, drop } of operations) {
        const present = model.get(key);
        const state = new Map(states.at(-1));
        if (!present) await model.create(key, value);
        else if (drop) await model.delete(key, present.revision);
        else await model.update(key, value, present.revision);
        if (present && drop) state.delete(key);
        else state.set(key, value);
        states.push(state);
      }
      await model.compact(Math.min(compactTo, model.revision));
      for (let revision = model.compactedRevision; revision <= model.revision; revision++) {
        const listed = model.list('/p/', { revision }).entries.map(({ key, value }) => [key, value]);
        const expected = [...(states[revision] ?? [])]
          .filter(([key]) => key.startsWith('/p/'))
          .sort(([a], [b]) => (a < b ? -1 : 1));
        expect(listed).toEqual(expected);
      }
      model.close();
      rmSync(work, { recursive: true });
    }),
    { numRuns: 40 },
  );
});
