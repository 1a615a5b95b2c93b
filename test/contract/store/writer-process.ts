/**
 * A process that writes to a store until it is killed: several lanes create, update and delete a few keys at once.
 * Each write is told on stdout before it is attempted and again when it was acknowledged, and so is what a watch is
 * handed out meanwhile, one JSON a line. A pipe is written synchronously, so what was told has left the process. Its
 * argument is a {@link WriterTask} as JSON.
 */
import { setImmediate } from 'node:timers/promises';
import { CompactedError, openStore } from '../../../src/store/index.ts';
import type { Change, Encryption, Entry, Store } from '../../../src/store/index.ts';
import { type Random, seeded } from './seeded.ts';

export interface WriterTask {
  file: string;
  seed: number;
  /** Tells the values of this process from those of others. */
  name: string;
  historyRevisions: number;
  /** Values have up to so many bytes. */
  valueBytes: number;
  /** Has a key file beside it, and its upkeep goes on all the time: it is frozen, compacted, and its keys change. */
  upkeep?: boolean;
  /** After so many attempts it waits to be killed: however late the kill, the log stays short of a checkpoint. */
  attempts?: number;
}

export type Operation = 'create' | 'update' | 'delete';

export interface Attempt {
  id: string;
  operation: Operation;
  key: string;
}

/** A change as a watch told of it. */
export type Watched = Pick<Change, 'revision' | 'key' | 'type' | 'value'>;

export type Told =
  | { opened: number }
  | { attempt: Attempt }
  | { acknowledged: string; revision: number }
  | { watched: Watched[] };

const LANES = 12;
/** Few, so that lanes meet. */
const KEYS = 40;

/** Some of the keys that are written, and not all of them. */
export const encryptionBeside = (file: string): Encryption => ({
  keyFile: `${file}-keys.json`,
  prefixes: ['/registry/things/1', '/registry/things/2'],
});

/** All that says whose value it is. */
const withoutText = (value: string): string =>
  JSON.stringify({ id: (JSON.parse(value) as { id: string }).id });

const tell = (told: Told): void => void process.stdout.write(`${JSON.stringify(told)}\n`);

/** What the state of the key lets one do; now and then something that must be refused. */
function chooseOperation(current: Entry | undefined, random: Random): Operation {
  if (random(20) === 0) return (['create', 'update', 'delete'] as const)[random(3)] as Operation;
  if (!current) return 'create';
  return random(4) === 0 ? 'delete' : 'update';
}

function write(store: Store, { operation, key }: Attempt, value: string, expected: number): Promise<Entry> {
  switch (operation) {
    case 'create':
      return store.create(key, value);
    case 'update':
      return store.update(key, value, expected);
    case 'delete':
      return store.delete(key, expected);
  }
}

if (import.meta.main) {
  const task = JSON.parse(process.argv[2] ?? '') as WriterTask;
  const store = openStore({
    file: task.file,
    historyRevisions: task.historyRevisions,
    ...(task.upkeep && { encryption: encryptionBeside(task.file) }),
  });
  tell({ opened: store.revision });
  const lane = async (number: number): Promise<void> => {
    const random = seeded(task.seed + number);
    const own = (task.attempts ?? Number.POSITIVE_INFINITY) / LANES;
    for (let count = 0; count < own; count += 1) {
      const key = `/registry/things/${random(KEYS)}`;
      const current = store.get(key);
      const attempt = {
        id: `${task.name}-${number}-${count}`,
        operation: chooseOperation(current, random),
        key,
      };
      const value = JSON.stringify({ id: attempt.id, text: 'x'.repeat(random(task.valueBytes)) });
      tell({ attempt });
      const written = await write(store, attempt, value, current?.revision ?? 0).catch(() => undefined);
      if (written) tell({ acknowledged: attempt.id, revision: written.revision });
    }
  };
  for (let number = 0; number < LANES; number += 1) void lane(number);
  /** Whoever comes too late for what was compacted begins again from now, as every client of a watch does. */
  const watch = async (): Promise<never> => {
    for (;;) {
      const changes = store.watch('/', store.revision);
      try {
        for (;;) {
          const watched = (await changes.next()).map(({ revision, key, type, value }) => ({
            revision,
            key,
            type,
            ...(value !== undefined && { value: withoutText(value) }),
          }));
          tell({ watched });
        }
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
      }
    }
  };
  void watch();
  const upkeep = async (): Promise<void> => {
    const random = seeded(task.seed - 1);
    for (;;) {
      const freeze = store.freeze();
      const rotating = store.rotateKeys();
      for (let turns = random(50); turns > 0; turns -= 1) await setImmediate();
      freeze.end();
      await rotating;
      await store.compact(store.revision - random(500));
    }
  };
  if (task.upkeep) void upkeep();
  // Whoever has made all its attempts still has to be there when the kill comes.
  setInterval(() => undefined, 60_000);
}
