import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checksumOf } from '../../../src/store/integrity.ts';
import type { LogRow } from '../../../src/store/log-row.ts';
import {
  Keyring,
  copyStore,
  openStore,
  openUnchanging,
  readKeyFile,
  restoreStore,
} from '../../../src/store/index.ts';
import type { Change, Store } from '../../../src/store/index.ts';

let directory: string;
let store: Store;
const path = (name: string) => join(directory, name);
const file = () => path('store.db');
const keyFile = () => path('keys.json');
const encryption = () => ({ keyFile: keyFile(), prefixes: ['/secrets/', '/tokens/'] });
const open = () => openStore({ file: file(), encryption: encryption() });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-encryption-'));
  store = open();
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const keyIds = () => readKeyFile(keyFile())?.map(({ id }) => id) ?? [];

/** How often a text is in the files of the store, its log included. */
const inFiles = (text: string): number =>
  readdirSync(directory)
    .filter((name) => name.startsWith('store.db'))
    .reduce((sum, name) => sum + readFileSync(path(name)).toString('latin1').split(text).length - 1, 0);

async function all(from: number): Promise<Change[]> {
  const watch = store.watch('/', from);
  const changes: Change[] = [];
  while (changes.length < store.revision - from) changes.push(...(await watch.next()));
  watch.close();
  return changes;
}

function copy(to: string): void {
  const freeze = store.freeze();
  const source = openUnchanging(freeze.file);
  copyStore(source, to, 'replace');
  source.close();
  freeze.end();
}

describe('what is encrypted', () => {
  test('is what was asked for, in the database, its log and its copies; readers see nothing of it', async () => {
    await store.create('/secrets/a', 'PASSWORD-one');
    await store.update('/secrets/a', 'PASSWORD-two', 1);
    await store.create('/tokens/a', 'PASSWORD-three');
    await store.create('/other/a', 'PLAIN-one');
    copy(path('store.db.copy'));
    expect([inFiles('PASSWORD'), inFiles('PLAIN') > 0]).toEqual([0, true]);
    expect(store.get('/secrets/a')?.value).toBe('PASSWORD-two');
    store.close();
    store = open();
    expect(store.list('/', {}).entries.map(({ value }) => value)).toEqual([
      'PLAIN-one',
      'PASSWORD-two',
      'PASSWORD-three',
    ]);
    expect(store.list('/secrets/', { revision: 1 }).entries[0]?.value).toBe('PASSWORD-one');
    expect((await all(0))[1]).toMatchObject({ value: 'PASSWORD-two', previous: { value: 'PASSWORD-one' } });
    expect(inFiles('PASSWORD')).toBe(0);
  });

  test('is never the same twice', async () => {
    for (const name of ['a', 'b']) await store.create(`/secrets/${name}`, 'PASSWORD');
    store.close();
    const values = rows().map(({ value }) => value?.slice(-20));
    expect(new Set(values).size).toBe(2);
    store = open();
  });

  test('does not open under another key of the store, however its checksum was mended', async () => {
    await store.create('/secrets/mine', 'PASSWORD-mine');
    await store.create('/secrets/theirs', 'PASSWORD-theirs');
    store.close();
    const [mine, theirs] = rows() as [LogRow, LogRow];
    const moved = { ...mine, value: theirs.value };
    inDatabase((db) =>
      db
        .prepare('UPDATE log SET value = ?, sum = ? WHERE rev = ?')
        .run(moved.value, checksumOf(moved), mine.rev),
    );
    // The key itself is taken for a wrong one if the first value that it sealed does not open.
    expect(open).toThrow(/is not the one that the store was encrypted with/);
    inDatabase((db) =>
      db
        .prepare('UPDATE log SET value = ?, sum = ? WHERE rev = ?')
        .run(mine.value, checksumOf(mine), mine.rev),
    );
    const other = { ...theirs, value: mine.value };
    inDatabase((db) =>
      db
        .prepare('UPDATE log SET value = ?, sum = ? WHERE rev = ?')
        .run(other.value, checksumOf(other), other.rev),
    );
    store = open();
    expect(store.get('/secrets/mine')?.value).toBe('PASSWORD-mine');
    expect(() => store.get('/secrets/theirs')).toThrow(/does not open with the encryption key/);
    await expect(store.update('/secrets/theirs', 'x', 2)).rejects.toThrow(/does not open/);
    await expect(store.update('/secrets/mine', 'x', 1)).resolves.toBeDefined();
  });

  function rows(): LogRow[] {
    return inDatabase((db) => db.prepare('SELECT * FROM log ORDER BY rev').all() as unknown as LogRow[]);
  }
});

function inDatabase<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file());
  try {
    return work(db);
  } finally {
    db.close();
  }
}

describe('a store of before there was encryption', () => {
  async function plainStore(): Promise<void> {
    store.close();
    for (const name of readdirSync(directory)) rmSync(path(name));
    store = openStore({ file: file() });
    for (let i = 0; i < 500; i += 1) await store.create(`/other/${i}`, 'PLAIN');
    for (let i = 0; i < 30; i += 1) await store.create(`/secrets/${i}`, `PASSWORD-${'x'.repeat(i * 500)}`);
    await store.update('/secrets/7', 'PASSWORD-new', 508);
    await store.delete('/secrets/8', 509);
    store.close();
  }

  test('is encrypted when it is opened, history too, at the revisions that it had, and nothing stays in the file', async () => {
    await plainStore();
    store = openStore({ file: file() });
    const before = { revision: store.revision, changes: await all(0), entries: store.list('/').entries };
    store.close();
    expect(inFiles('PASSWORD')).toBeGreaterThan(30);
    store = open();
    expect(inFiles('PASSWORD')).toBe(0);
    expect({ revision: store.revision, changes: await all(0), entries: store.list('/').entries }).toEqual(
      before,
    );
  });

  test('is rewritten later when that was not possible at once', async () => {
    await plainStore();
    open().close();
    // As if it had been encrypted, and the rewriting had failed.
    inDatabase((db) =>
      db.exec("CREATE TABLE remains (text); INSERT INTO remains VALUES ('PASSWORD'); DROP TABLE remains"),
    );
    expect(inFiles('PASSWORD')).toBeGreaterThan(0);
    open().close();
    expect(inFiles('PASSWORD')).toBeGreaterThan(0);
    inDatabase((db) => db.exec('PRAGMA application_id = 1'));
    store = open();
    expect(inFiles('PASSWORD')).toBe(0);
  });
});

describe('a rotation', () => {
  test('changes neither values nor revisions, tells no watch, and leaves nothing of the old key after the next start', async () => {
    for (let i = 0; i < 600; i += 1) await store.create(`/secrets/${i}`, `PASSWORD-${i}`);
    await store.update('/secrets/7', 'PASSWORD-new', 8);
    const before = { changes: await all(0), entries: store.list('/').entries };
    const [old = ''] = keyIds();
    const watch = store.watch('/', store.revision);
    const rotating = store.rotateKeys();
    const written = await store.create('/secrets/meanwhile', 'PASSWORD-meanwhile');
    const { key, dropped, resealed } = await rotating;
    expect([dropped, resealed]).toEqual([[old], 601]);
    expect(keyIds()).toEqual([key]);
    expect([inFiles('PASSWORD'), inFiles(key) > 0]).toEqual([0, true]);
    expect((await watch.next()).map((change) => change.revision)).toEqual([written.revision]);
    expect((await all(0)).slice(0, -1)).toEqual(before.changes);
    store.close();
    store = open();
    expect(inFiles(old)).toBe(0);
    expect(store.list('/').entries.filter((entry) => entry.key !== written.key)).toEqual(before.entries);
  });

  test('does not drop a key while somebody copies what it opens', async () => {
    await store.create('/secrets/a', 'PASSWORD');
    const [old] = keyIds();
    const freeze = store.freeze();
    const rotating = store.rotateKeys();
    await store.create('/other/a', 'later');
    await store.create('/other/b', 'later');
    expect(keyIds()).toHaveLength(2);
    freeze.end();
    expect((await rotating).dropped).toEqual([old]);
  });

  test('comes one after the other', async () => {
    await store.create('/secrets/a', 'PASSWORD');
    const [first, second] = await Promise.all([store.rotateKeys(), store.rotateKeys()]);
    expect(second.dropped).toEqual([first.key]);
    expect(keyIds()).toEqual([second.key]);
  });
});

describe('the key file', () => {
  test('is made with the first start, and only its owner reads it', () => {
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    expect(keyIds()).toEqual([expect.stringMatching(/^\d{4}-\d\d-\d\d-[0-9a-f]{8}$/)]);
  });

  const spoilt: [string, (content: string) => string | undefined, RegExp][] = [
    [
      'absent',
      () => undefined,
      /the store is encrypted, but the file of its encryption keys, .*keys\.json, is not there/,
    ],
    ['cut off', (content) => content.slice(0, 20), /keys\.json cannot be read: .*; put it back from a copy/],
    ['empty', () => '{}', /keys\.json has no list of keys/],
    [
      'of another store',
      (content) => content.replace(/"id": ".*"/, '"id": "other"'),
      /encrypted with the key .*, which is not in .*keys\.json/,
    ],
    [
      'with another secret',
      (content) => content.replace(/"secret": ".*"/, `"secret": "${Buffer.alloc(32, 7).toString('base64')}"`),
      /the key .* in .*keys\.json is not the one that the store was encrypted with/,
    ],
    [
      'with half a secret',
      (content) => content.replace(/"secret": ".{10}/, '"secret": "'),
      /has a secret of the wrong length for key/,
    ],
    ['without ids', (content) => content.replace('"id"', '"name"'), /has no id for key 1/],
  ];
  test.each(spoilt)(
    '%s: the store is not opened, and as before once the file is back',
    async (_how, spoil, message) => {
      await store.create('/secrets/a', 'PASSWORD');
      store.close();
      const content = readFileSync(keyFile(), 'utf8');
      const bytes = readFileSync(file());
      const wrong = spoil(content);
      if (wrong === undefined) rmSync(keyFile());
      else writeFileSync(keyFile(), wrong);
      expect(open).toThrow(message);
      expect(readFileSync(file()).equals(bytes)).toBe(true);
      writeFileSync(keyFile(), content);
      store = open();
      expect(store.get('/secrets/a')?.value).toBe('PASSWORD');
    },
  );

  test('is needed by whoever opens the store', async () => {
    await store.create('/secrets/a', 'PASSWORD');
    store.close();
    expect(() => openStore({ file: file() })).toThrow(/encrypted with the key/);
    store = open();
  });
});

describe('a restored backup', () => {
  const keyring = () => new Keyring(keyFile(), encryption().prefixes, readKeyFile(keyFile()) ?? []);
  const restored = (unreadable: 'refuse' | 'drop' = 'refuse') =>
    restoreStore(path('copy'), file(), new Date(), { keyring: keyring(), unreadable });

  async function backedUpAndRotated(): Promise<void> {
    await store.create('/secrets/a', 'PASSWORD');
    await store.create('/other/a', 'PLAIN');
    copy(path('copy'));
    copyFileSync(keyFile(), path('keys-of-backup.json'));
    await store.rotateKeys();
    store.close();
  }

  test('needs the keys of its time, and nothing is changed without', async () => {
    await backedUpAndRotated();
    expect(() => restored()).toThrow(/encrypted with the key .*, which is not in .*keys\.json/);
    store = open();
    expect([store.revision, store.get('/secrets/a')?.value]).toEqual([2, 'PASSWORD']);
  });

  test('with an older key beside the present one is encrypted with that', async () => {
    await backedUpAndRotated();
    const [present, old] = [keyFile(), path('keys-of-backup.json')].map(
      (each) => (JSON.parse(readFileSync(each, 'utf8')) as { keys: { id: string }[] }).keys[0],
    );
    writeFileSync(keyFile(), JSON.stringify({ keys: [present, old] }));
    expect(restored().unreadable).toEqual([]);
    store = open();
    expect(store.get('/secrets/a')?.value).toBe('PASSWORD');
    expect((await store.rotateKeys()).dropped).toEqual([present?.id, old?.id]);
    expect(store.get('/secrets/a')?.value).toBe('PASSWORD');
  });

  test('is restored without what says nothing any more', async () => {
    await backedUpAndRotated();
    copyFileSync(path('keys-of-backup.json'), keyFile());
    const options = { keyring: keyring(), unreadable: 'refuse', passing: ['/other/'] } as const;
    expect(restoreStore(path('copy'), file(), new Date(), options).objects).toBe(1);
    store = open();
    expect(store.list('/').entries.map(({ key }) => key)).toEqual(['/secrets/a']);
  });

  test('whose keys are lost for good can be had without what they opened', async () => {
    await backedUpAndRotated();
    expect(restored('drop').unreadable).toEqual(['/secrets/a']);
    store = open();
    expect(store.list('/').entries.map(({ key }) => key)).toEqual(['/other/a']);
  });
});
