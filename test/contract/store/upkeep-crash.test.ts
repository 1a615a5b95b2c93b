/** A backup, a restore and a compaction that are killed at each of their steps leave what was there, or what they make. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { backUpStore, keyFileOf, restore, rotateKeys } from '../../../src/compose/store-upkeep.ts';
import { encryptionOf } from '../../../src/apiserver/encryption.ts';
import { openStore, readKeyFile } from '../../../src/store/index.ts';
import { type State, expectConsistent, readHistory, stateOf } from './history.ts';
import type { UpkeepTask } from './killed-upkeep-process.ts';

let directory: string;
let dataDir: string;
const copy = () => join(directory, 'copy.db');
const file = (of = dataDir) => join(of, 'api', 'store.db');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-upkeep-crash-'));
  dataDir = join(directory, 'before');
  mkdirSync(join(dataDir, 'api'), { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A store as a crash leaves it, with what was written last in the log only; `backedUp` is its state at a backup. */
async function crashedStore(): Promise<{ backedUp: State; last: State; revision: number }> {
  const made = join(directory, 'made');
  mkdirSync(join(made, 'api'), { recursive: true });
  let store = openStore({ file: file(made) });
  for (let i = 0; i < 30; i += 1) await store.create(`/registry/things/${i}`, `first ${i}`);
  await store.delete('/registry/things/7', 8);
  const backedUp = stateOf(store);
  store.close();
  await backUpStore(made, copy(), 'refuse');
  store = openStore({ file: file(made) });
  for (let i = 10; i < 20; i += 1) await store.update(`/registry/things/${i}`, `second ${i}`, i + 1);
  for (const name of ['store.db', 'store.db-wal'])
    copyFileSync(join(made, 'api', name), join(dataDir, 'api', name));
  const last = stateOf(store);
  const { revision } = store;
  store.close();
  return { backedUp, last, revision };
}

/** Kills the operation at each step of its own; `see` looks at what each kill has left. */
async function killedEverywhere(
  operation: UpkeepTask['operation'],
  see: (dataDir: string) => Promise<unknown>,
): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let killedAt = 1; ; killedAt += 1) {
    const tried = join(directory, 'tried');
    rmSync(tried, { recursive: true, force: true });
    mkdirSync(join(tried, 'api'), { recursive: true });
    for (const name of readdirSync(join(dataDir, 'api')))
      copyFileSync(join(dataDir, 'api', name), join(tried, 'api', name));
    const task: UpkeepTask = { killedAt, dataDir: tried, copy: copy(), operation };
    const { signal, exitCode, stderr } = await execa(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(import.meta.dirname, 'killed-upkeep-process.ts'),
        JSON.stringify(task),
      ],
      { reject: false, timeout: 20_000 },
    );
    expect([stderr, signal ?? exitCode]).toEqual(['', signal ? 'SIGKILL' : 0]);
    seen.push(await see(tried));
    if (!signal) return seen;
  }
}

async function look(path: string): Promise<{ state: State; revision: number }> {
  const store = openStore({ file: path, encryption: encryptionOf(dirname(path)) });
  try {
    expectConsistent(await readHistory(store));
    return { state: stateOf(store), revision: store.revision };
  } finally {
    store.close();
  }
}

const valuesOf = (state: State) => new Map([...state].map(([key, { value }]) => [key, value]));

test('a restore: the old store or the restored one, and never neither; the old one is kept', async () => {
  const { backedUp, last, revision } = await crashedStore();
  const seen = await killedEverywhere('restore', async (tried) => {
    const found = await look(file(tried));
    const replaced = readdirSync(join(tried, 'api')).filter((name) => /\.replaced-[^-]+Z$/.test(name));
    if (found.revision === revision) {
      expect(found.state).toEqual(last);
      expect(replaced).toEqual([]);
    } else {
      expect(valuesOf(found.state)).toEqual(valuesOf(backedUp));
      expect((await look(join(tried, 'api', replaced[0] ?? 'none'))).state).toEqual(last);
    }
    // Whatever the kill has left is no hindrance.
    const again = await restore(tried, copy(), new Date());
    expect(again.revision).toBeGreaterThan(found.revision);
    expect(valuesOf((await look(file(tried))).state)).toEqual(valuesOf(backedUp));
    return found.revision === revision ? 'old' : 'restored';
  });
  expect(seen.length).toBeGreaterThan(30);
  expect(seen.join(' ')).toMatch(/^(old )+(restored ?)+$/);
}, 120_000);

test('a backup: no file or a whole one, and the store as it was', async () => {
  const { last } = await crashedStore();
  rmSync(copy());
  const seen = await killedEverywhere('backup', async (tried) => {
    const made = existsSync(copy()) ? (await look(copy())).state : undefined;
    if (made) expect(made).toEqual(last);
    expect((await look(file(tried))).state).toEqual(last);
    rmSync(copy(), { force: true });
    return made ? 'whole' : 'none';
  });
  expect(seen.join(' ')).toMatch(/^(none )+(whole ?)+$/);
}, 120_000);

test('a compaction: every object as it was', async () => {
  const { last } = await crashedStore();
  const seen = await killedEverywhere('compact', async (tried) => {
    const { state } = await look(file(tried));
    expect(state).toEqual(last);
    return state.size;
  });
  expect(seen.length).toBeGreaterThan(10);
}, 120_000);

test('a change of keys: every object opens, with the keys that are there', async () => {
  const secret = (i: number) => `/registry/core/secrets/default/s${i}`;
  const store = openStore({ file: file(), encryption: encryptionOf(dirname(file())) });
  for (let i = 0; i < 250; i += 1)
    await store.create(i % 10 ? `/registry/things/${i}` : secret(i), `first ${i}`);
  for (let i = 0; i < 50; i += 10) await store.update(secret(i), `second ${i}`, i + 1);
  const last = stateOf(store);
  store.close();
  const [old] = readKeyFile(keyFileOf(dataDir)) ?? [];
  const seen = await killedEverywhere('rotate', async (tried) => {
    const before = readKeyFile(keyFileOf(tried)) ?? [];
    expect((await look(file(tried))).state).toEqual(last);
    const { dropped } = await rotateKeys(tried);
    expect(dropped).toEqual(before.map(({ id }) => id));
    expect((await look(file(tried))).state).toEqual(last);
    if (before.length > 1) return 'both';
    return before[0]?.id === old?.id ? 'old' : 'new';
  });
  expect(seen.join(' ')).toMatch(/^(old )+(both )+(new ?)+$/);
}, 120_000);
