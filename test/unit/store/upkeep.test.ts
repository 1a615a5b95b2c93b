import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CompactedError,
  FrozenError,
  copyStore,
  openCopy,
  openStore,
  openUnchanging,
  openUnchecked,
  restoreStore,
  verify,
} from '../../../src/store/index.ts';
import type { Store } from '../../../src/store/index.ts';

let directory: string;
let store: Store;
const path = (name: string) => join(directory, name);
const file = () => path('store.db');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-upkeep-'));
  store = openStore({ file: file() });
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

/** As another process does it while the store is frozen. */
function backUp(to: string, onExisting: 'refuse' | 'replace' = 'refuse') {
  const freeze = store.freeze();
  const source = openUnchanging(freeze.file);
  try {
    return copyStore(source, to, onExisting);
  } finally {
    source.close();
    freeze.end();
  }
}

describe('a frozen store', () => {
  test('is written to, and its file stays as it was', async () => {
    await store.create('/a', 'one');
    const freeze = store.freeze();
    expect([freeze.revision, freeze.over.aborted]).toEqual([1, false]);
    for (let i = 0; i < 50; i += 1) await store.create(`/b/${i}`, 'x'.repeat(2_000));
    await store.compact(40);
    const source = openUnchanging(freeze.file);
    const contents = copyStore(source, path('copy.db'), 'refuse');
    source.close();
    expect(contents).toMatchObject({ revision: 1, objects: 1, rows: 1, compacted: 0 });
    expect(freeze.over.aborted).toBe(false);
    freeze.end();
    expect(freeze.over.aborted).toBe(true);
    store.close();
    store = openStore({ file: file() });
    expect([store.revision, store.count('/')]).toEqual([51, 51]);
  });

  test('is frozen once at a time', () => {
    const first = store.freeze();
    expect(() => store.freeze()).toThrow(FrozenError);
    first.end();
    const second = store.freeze();
    // Of somebody whose turn is over.
    first.end();
    expect(second.over.aborted).toBe(false);
    second.end();
  });

  test('does not stay so for ever: neither beyond a limit of what is written, nor when it is closed', async () => {
    store.close();
    store = openStore({ file: file(), frozenLogBytes: 200_000 });
    const freeze = store.freeze();
    await store.create('/small', 'x');
    expect(freeze.over.aborted).toBe(false);
    await store.create('/large', 'x'.repeat(300_000));
    expect(freeze.over.aborted).toBe(true);
    const another = store.freeze();
    store.close();
    expect(another.over.aborted).toBe(true);
  });
});

describe('a backup', () => {
  test('is one private file without anything beside it, and is a store', async () => {
    await store.create('/a', 'one');
    expect(backUp(path('copy.db')).bytes).toBe(statSync(path('copy.db')).size);
    expect(readdirSync(directory).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
    expect(statSync(path('copy.db')).mode & 0o777).toBe(0o600);
  });

  test('replaces nothing unless told so', async () => {
    writeFileSync(path('copy.db'), 'somebody else’s');
    expect(() => backUp(path('copy.db'))).toThrow(/exists already/);
    expect(backUp(path('copy.db'), 'replace').revision).toBe(0);
    expect(existsSync(path('copy.db.partial'))).toBe(false);
  });

  test('is not made of a damaged store', async () => {
    await store.create('/a', 'one');
    store.close();
    damage("UPDATE log SET value = 'two'");
    const source = openUnchecked(file());
    expect(() => copyStore(source, path('copy.db'), 'refuse')).toThrow(/is damaged/);
    source.close();
    expect(readdirSync(directory).filter((name) => name.startsWith('copy'))).toEqual([]);
    rmSync(file());
    store = openStore({ file: file() });
  });
});

function damage(sql: string): void {
  const db = new DatabaseSync(file());
  db.exec(sql);
  db.close();
}

describe('a verification', () => {
  const findings: [string, string[]][] = [
    ["UPDATE log SET value = 'other' WHERE rev = 2", ['what is stored of "/b" is not what was written']],
    ["DELETE FROM cur WHERE key = '/b'", ['1 keys are lost']],
    ["UPDATE cur SET rev = 1 WHERE key = '/a'", ['"/a" leads to a wrong revision']],
    [
      'DELETE FROM log WHERE rev = 3',
      ['the log lacks revision 3', 'revision 5 does not follow the one before it of "/a"'],
    ],
    ["UPDATE meta SET value = 9 WHERE name = 'revision'", ['the log ends at revision 5 instead of 9']],
    ["DELETE FROM meta WHERE name = 'revision'", ['the revision is lost']],
    ['DROP TABLE cur', ['no such table: cur']],
    ['PRAGMA user_version = 0', ['it is of an older version and has no checksums']],
    [
      "UPDATE log SET value = 'other' WHERE rev = 2; DELETE FROM cur WHERE key = '/c'",
      ['what is stored of "/b" is not what was written', '1 keys are lost'],
    ],
  ];

  test.each(findings)('after %s', async (sql, expected) => {
    await store.create('/a', 'one');
    await store.create('/b', 'two');
    await store.update('/a', 'three', 1);
    await store.create('/c', 'four');
    await store.update('/a', 'five', 3);
    store.close();
    damage(sql);
    const db = openUnchecked(file());
    const { findings: found, count } = verify(db, file(), () => undefined);
    db.close();
    expect(found.map(({ what }) => what)).toEqual(expected);
    expect(count).toBe(expected.length);
    rmSync(file());
    store = openStore({ file: file() });
  });

  test('tells what the values are not, and at which keys; of many findings only the first, and how many', async () => {
    for (let i = 0; i < 150; i += 1) await store.create(`/a/${i}`, String(i));
    store.close();
    const db = openCopy(file());
    const odd = (key: string, value: string) => (Number(value) % 2 ? `${key} is odd` : undefined);
    const some = verify(db, file(), odd);
    expect([some.count, some.findings.length, some.findings[0]]).toEqual([
      75,
      75,
      { what: '/a/1 is odd', key: '/a/1', revision: 2 },
    ]);
    const all = verify(db, file(), () => 'bad');
    expect([all.count, all.findings.length]).toEqual([150, 100]);
    db.close();
    store = openStore({ file: file() });
  });
});

describe('a restored store', () => {
  const stamp = new Date('2026-01-02T03:04:05.678Z');

  async function restored(): Promise<{ lastOfOld: number }> {
    await store.create('/b', 'b');
    await store.create('/a', 'a');
    await store.create('/gone', 'later deleted');
    await store.update('/b', 'b2', 1);
    backUp(path('copy.db'));
    await store.update('/a', 'a2', 2);
    await store.create('/new', 'n');
    await store.delete('/gone', 3);
    const lastOfOld = store.revision;
    store.close();
    restoreStore(path('copy.db'), file(), stamp);
    store = openStore({ file: file() });
    return { lastOfOld };
  }

  test('has the objects of the backup, each at a revision that nobody has seen, in their old order', async () => {
    const { lastOfOld } = await restored();
    const { entries, revision } = store.list('/');
    expect(entries.map(({ key, value }) => [key, value])).toEqual([
      ['/a', 'a'],
      ['/b', 'b2'],
      ['/gone', 'later deleted'],
    ]);
    expect(Math.min(...entries.map((entry) => entry.revision))).toBeGreaterThan(lastOfOld + 1_000_000);
    const order = entries.toSorted((one, other) => one.revision - other.revision).map(({ key }) => key);
    expect(order).toEqual(['/a', '/gone', '/b']);
    expect(revision).toBe(Math.max(...entries.map((entry) => entry.revision)));
    expect(store.compactedRevision).toBe(revision);
  });

  test('tells those who watched the old one that their revisions are gone, be they of before or after the backup', async () => {
    const { lastOfOld } = await restored();
    for (const old of [1, 4, lastOfOld]) expect(() => store.watch('/', old)).toThrow(CompactedError);
  });

  test('goes on as any other', async () => {
    await restored();
    const { revision } = store;
    const watch = store.watch('/', revision);
    await store.update('/a', 'a3', store.get('/a')?.revision ?? 0);
    expect(await watch.next()).toMatchObject([
      { key: '/a', revision: revision + 1, previous: { value: 'a' } },
    ]);
    watch.close();
  });

  test('leaves the old one beside it', async () => {
    await restored();
    const kept = openStore({ file: path('store.db.replaced-20260102T030405.678Z') });
    expect(kept.list('/').entries.map(({ key }) => key)).toEqual(['/a', '/b', '/new']);
    kept.close();
  });

  test('is above an earlier restore, even when that one cannot be read any more', async () => {
    await restored();
    const { revision } = store;
    store.close();
    writeFileSync(file(), 'rubbish');
    restoreStore(path('copy.db'), file(), new Date());
    store = openStore({ file: file() });
    expect(store.compactedRevision).toBeGreaterThan(revision);
    expect(store.count('/')).toBe(3);
  });

  test('is above an earlier restore of the same backup, of which nothing is left', async () => {
    await restored();
    await store.update('/a', 'a3', store.get('/a')?.revision ?? 0);
    const { revision } = store;
    store.close();
    rmSync(file());
    restoreStore(path('copy.db'), file(), new Date(stamp.getTime() + 1000));
    store = openStore({ file: file() });
    expect(store.list('/').entries.every((entry) => entry.revision > revision)).toBe(true);
  });

  test.each([
    ['a damaged backup', () => damageCopy(), /is damaged/],
    [
      'what is no backup',
      () => writeFileSync(path('copy.db'), 'text'.repeat(5_000)),
      /is damaged: file is not a database/,
    ],
    ['no file', () => rmSync(path('copy.db')), /there is no file/],
  ])('is not made from %s', async (_what, spoil, message) => {
    await store.create('/a', 'one');
    backUp(path('copy.db'));
    await store.create('/b', 'two');
    store.close();
    spoil();
    expect(() => restoreStore(path('copy.db'), file(), stamp)).toThrow(message);
    store = openStore({ file: file() });
    expect([store.revision, readdirSync(directory).filter((name) => /restor|replaced/.test(name))]).toEqual([
      2,
      [],
    ]);
  });

  function damageCopy(): void {
    const db = new DatabaseSync(path('copy.db'));
    db.exec("UPDATE log SET value = 'other'");
    db.close();
  }

  test('is not put in the place of one that is open', async () => {
    backUp(path('copy.db'));
    expect(() => restoreStore(path('copy.db'), file(), stamp)).toThrow(/in use by another process/);
    await expect(store.create('/a', 'one')).resolves.toBeDefined();
  });
});
