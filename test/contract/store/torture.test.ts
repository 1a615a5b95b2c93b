/**
 * The store is killed, its files are cut, garbled and run out of room. `PURLIN_TORTURE_ROUNDS` says how often it is
 * killed, `PURLIN_TORTURE_SEED` what the writers do, when they are killed, and what is garbled.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { execa } from 'execa';
import { DamagedError, openStore } from '../../../src/store/index.ts';
import type { Store } from '../../../src/store/index.ts';
import type { FullDiskReport } from './full-disk-process.ts';
import {
  type History,
  Ledger,
  type State,
  expectConsistent,
  readHistory,
  replay,
  stateOf,
} from './history.ts';
import { type Random, seeded } from './seeded.ts';
import { encryptionBeside } from './writer-process.ts';
import type { Told, WriterTask } from './writer-process.ts';

const rounds = Number(process.env['PURLIN_TORTURE_ROUNDS'] ?? 12);
const seed = Number(process.env['PURLIN_TORTURE_SEED'] ?? 20_261_103);
const withSeed = `(PURLIN_TORTURE_SEED=${seed})`;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-torture-'));
  file = join(directory, 'store.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Starts a writer, and kills it when it has told so many lines. */
async function killedWriter(task: WriterTask, lines: number, ledger: Ledger): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'writer-process.ts'),
      JSON.stringify(task),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  try {
    let read = 0;
    for await (const line of createInterface(child.stdout)) {
      // The last line may have been cut by the kill.
      if (line.endsWith('}')) ledger.record(JSON.parse(line) as Told);
      read += 1;
      if (read === lines) child.kill('SIGKILL');
    }
  } finally {
    child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  // It never ends by itself: that would be an error on its part.
  expect(signal).toBe('SIGKILL');
}

/** Opens a store, looks at it, and closes it again. */
async function look<T>(path: string, see: (store: Store) => T | Promise<T>): Promise<T> {
  const encryption = encryptionBeside(path);
  const store = openStore({
    file: path,
    historyRevisions: 1_000_000,
    ...(existsSync(encryption.keyFile) && { encryption }),
  });
  try {
    return await see(store);
  } finally {
    store.close();
  }
}

/** What each round is about: plain writes; compaction all the time; a write-ahead log that is checkpointed on the way. */
const loads = [
  { historyRevisions: 1_000_000, valueBytes: 3_000, lines: 3_000 },
  { historyRevisions: 100, valueBytes: 500, lines: 4_000 },
  { historyRevisions: 1_000_000, valueBytes: 30, lines: 1_000 },
  { historyRevisions: 300, valueBytes: 200_000, lines: 3_000 },
] as const;

/** Rounds of upkeep: freezes, compactions and changes of encryption keys, one after the other. */
const upkeep = [
  { historyRevisions: 1_000_000, valueBytes: 3_000, lines: 2_000, upkeep: true },
  { historyRevisions: 200, valueBytes: 100, lines: 4_000, upkeep: true },
] as const;

test.each([
  ['', loads],
  [', while its upkeep goes on', upkeep],
])(
  `kill -9 at any moment loses nothing that was acknowledged, and adds nothing%s ${withSeed}`,
  async (_when, kinds) => {
    const random = seeded(seed);
    const ledger = new Ledger();
    for (let round = 0; round < rounds; round += 1) {
      const { lines, ...load } = kinds[round % kinds.length] as (typeof kinds)[number];
      const task = { file, seed: random(2 ** 31), name: String(round), ...load };
      await killedWriter(task, 1 + random(lines), ledger);
      const history = await look(file, readHistory);
      expectConsistent(history);
      ledger.expectKept(history);
    }
    expect(ledger.acknowledged.size).toBeGreaterThan(100 * rounds);
    expect(ledger.watched.size).toBeGreaterThan(100 * rounds);
  },
  600_000,
);

/** The files of a store as a kill left them; `store.db-wal` is the write-ahead log. */
interface Files {
  database: Buffer;
  log: Buffer;
}

const readFiles = (path: string): Files => ({
  database: readFileSync(path),
  log: readFileSync(`${path}-wal`),
});

function writeFiles(path: string, { database, log }: Files): void {
  writeFileSync(path, database);
  writeFileSync(`${path}-wal`, log);
}

const flipped = (bytes: Buffer, at: number, random: Random): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ (1 + random(255)), at);
  return copy;
};

/** Ways in which the end of a log can be lost. */
const tears: Record<string, (log: Buffer, random: Random) => Buffer> = {
  'cut off': (log, random) => log.subarray(0, random(log.length)),
  'ending in zeros': (log, random) => Buffer.from(log).fill(0, random(log.length)),
  'ending in noise': (log, random) => {
    const noise = Buffer.from(Array.from({ length: 997 }, () => random(256)));
    return Buffer.from(log).fill(noise, random(log.length));
  },
  'with one byte changed': (log, random) => flipped(log, random(log.length), random),
  'with a hole of one sector': (log, random) => {
    const start = random(log.length);
    return Buffer.from(log).fill(0, start, start + 512);
  },
};

describe('a write-ahead log whose end is torn', () => {
  let whole: History;
  let files: Files;
  const copy = () => join(directory, 'copy.db');
  beforeEach(async () => {
    const task = {
      file,
      seed,
      name: 'before',
      historyRevisions: 1_000_000,
      valueBytes: 3_000,
      attempts: 600,
    };
    await killedWriter(task, 600, new Ledger());
    // Closed in order: what comes now begins a new log over a database that has pages already.
    await look(file, () => undefined);
    await killedWriter({ ...task, name: 'torn' }, 900, new Ledger());
    files = readFiles(file);
    whole = await look(file, readHistory);
    expectConsistent(whole);
  });

  function expectPrefix(found: History): void {
    expectConsistent(found);
    expect(found.changes).toEqual(whole.changes.slice(0, found.revision));
    expect(found.current).toEqual(replay(new Map(), found.changes));
  }

  test.each(Object.keys(tears))(
    `and that is %s: what survives is a beginning of the history ${withSeed}`,
    async (how) => {
      const random = seeded(seed);
      const revisions = new Set<number>();
      for (let attempt = 0; attempt < 12; attempt += 1) {
        writeFiles(copy(), { ...files, log: (tears[how] as (typeof tears)[string])(files.log, random) });
        const found = await look(copy(), readHistory);
        expectPrefix(found);
        revisions.add(found.revision);
      }
      // Where it was torn decides how much survives.
      expect(revisions.size).toBeGreaterThan(2);
      expect(Math.min(...revisions)).toBeLessThan(whole.revision);
    },
  );
});

test(`of a log that is torn although the database has later pages, the mixture is found out ${withSeed}`, async () => {
  const random = seeded(seed);
  const states: State[] = [new Map()];
  const change = async (store: Store, times: number) => {
    for (let time = 0; time < times; time += 1) {
      const key = `/registry/things/${random(150)}`;
      const value = JSON.stringify({ time, text: 'x'.repeat(random(3_000)) });
      const current = store.get(key);
      await (current ? store.update(key, value, current.revision) : store.create(key, value));
      states.push(stateOf(store));
    }
  };
  await look(file, (store) => change(store, 300));
  // Compaction changes pages that were written long before: only then can pages of two times meet.
  const copy = join(directory, 'copy.db');
  const mixed = await look(file, async (store) => {
    await change(store, 100);
    await store.compact(250);
    await change(store, 100);
    writeFiles(copy, readFiles(file));
    const plain = new DatabaseSync(copy);
    plain.exec('PRAGMA wal_checkpoint(PASSIVE)');
    const files = readFiles(copy);
    plain.close();
    return files;
  });
  const outcomes = new Set<string>();
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const how = Object.values(tears)[attempt % 5] as (typeof tears)[string];
    writeFiles(copy, { ...mixed, log: how(mixed.log, random) });
    try {
      const found = await look(copy, readHistory);
      expectConsistent(found);
      expect(found.current).toEqual(states[found.revision]);
      outcomes.add('a beginning');
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      outcomes.add('damaged');
    }
  }
  expect(outcomes).toEqual(new Set(['a beginning', 'damaged']));
});

test('a full disk: writes fail and say so, nothing acknowledged is lost, and it goes on once there is room', async () => {
  const mountPoint = join(directory, 'small');
  const outside = join(directory, 'outside');
  for (const each of [mountPoint, outside]) mkdirSync(each);
  const { stdout, stderr } = await execa(
    '/usr/bin/unshare',
    [
      '--mount',
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'full-disk-process.ts'),
      mountPoint,
      outside,
    ],
    { timeout: 20_000, killSignal: 'SIGKILL' },
  );
  expect(stderr).toBe('');
  const { errors, failures, acknowledged, kept, afterwards } = JSON.parse(stdout) as FullDiskReport;
  expect(errors).toEqual(['FullError: the disk of the store is full; free space on it']);
  expect(failures).toBeGreaterThanOrEqual(20);
  const [, lastRevision] = afterwards;
  expect(acknowledged.map(([, revision]) => revision)).toEqual(
    Array.from({ length: lastRevision }, (_, index) => index + 1),
  );
  const before = acknowledged.length - 1;
  expect(kept).toEqual({ same: before, reopened: before, recovered: before + 1 });

  const crashed = await look(join(outside, 'store.db'), readHistory);
  expectConsistent(crashed);
  expect(crashed.changes.map(({ key, revision }) => [key, revision])).toEqual(acknowledged.slice(0, before));
}, 30_000);

describe('a file that rotted', () => {
  const keyOf = (number: number) => `/registry/things/${String(number).padStart(3, '0')}`;
  const valueOf = (number: number, bytes: number) =>
    JSON.stringify({ number, text: String.fromCharCode(97 + (number % 26)).repeat(bytes) });

  /** Some keys with a history, in the database file alone. What is written under keys 2, 5, 8… is there once. */
  async function write(bytes: number): Promise<History> {
    return look(file, async (store) => {
      for (let number = 0; number < 60; number += 1)
        await store.create(keyOf(number), valueOf(number, bytes));
      for (let number = 0; number < 60; number += 3) {
        const entry = await store.update(keyOf(number), valueOf(number + 1, bytes), number + 1);
        if (number % 2 === 0) await store.delete(entry.key, entry.revision);
      }
      await store.compact(30);
      return readHistory(store);
    });
  }

  test(`is found out: what is read is what was written, or an error ${withSeed}`, async () => {
    const written = await write(1_500);
    const sound = readFileSync(file);
    const random = seeded(seed);
    let found = 0;
    for (let attempt = 0; attempt < 150; attempt += 1) {
      // The first page begins with SQLite's own header, in which some values only mean another version.
      const damaged = flipped(sound, 100 + random(sound.length - 100), random);
      writeFileSync(file, damaged);
      rmSync(`${file}-wal`, { force: true });
      try {
        expect(await look(file, readHistory)).toEqual(written);
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error;
        expect(error.message).toMatch(/^the store is damaged: .+; restore it from a backup$/s);
        found += 1;
      }
    }
    expect(found).toBeGreaterThan(100);
  });

  test('while it is open is found out at the read, and others do not suffer', async () => {
    // More than the cache holds, so that pages are read again.
    await write(400_000);
    const [rotten, sound] = [8, 11];
    const store = openStore({ file });
    const bytes = readFileSync(file);
    // A page full of its letter: in the middle of the value, where SQLite keeps nothing in its cache.
    const at = bytes.indexOf('i'.repeat(7_000)) + 3_500;
    expect(at).toBeGreaterThan(3_500);
    bytes.write('#', at);
    writeFileSync(file, bytes, { flag: 'r+' });
    try {
      expect(() => store.get(keyOf(rotten))).toThrow(DamagedError);
      expect(() => store.list('/registry/')).toThrow(DamagedError);
      expect(store.get(keyOf(sound))?.value).toBe(valueOf(sound, 400_000));
      const results = await Promise.allSettled([
        store.update(keyOf(rotten), 'new', rotten + 1),
        store.update(keyOf(sound), 'new', sound + 1),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    } finally {
      store.close();
    }
  });
});
