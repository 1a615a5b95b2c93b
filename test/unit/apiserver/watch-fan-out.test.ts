/** A thousand watchers of one resource, and a thousand of others: how often what is made, and what a slow one keeps. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextStep } from 'node:timers/promises';
import { builtinResources } from '../../../src/apiserver/builtin/index.ts';
import type { ApiContext } from '../../../src/apiserver/context.ts';
import type { ApiRequest } from '../../../src/apiserver/http.ts';
import { watchObjects } from '../../../src/apiserver/read/watch.ts';
import { Turns } from '../../../src/apiserver/read/turns.ts';
import { keyOf } from '../../../src/apiserver/resource.ts';
import type { Resource } from '../../../src/apiserver/resource.ts';
import type { Rendering } from '../../../src/apiserver/table.ts';
import { openStore } from '../../../src/store/index.ts';
import type { Store } from '../../../src/store/index.ts';

const resource = (plural: string) =>
  builtinResources().find((each) => each.plural === plural && each.group === '') as Resource;
const configMaps = resource('configmaps');

let directory: string;
let store: Store;
let gone: AbortController;
let streams: Promise<void>[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-fan-out-'));
  store = openStore({ file: join(directory, 'store.db'), historyRevisions: 500 });
  gone = new AbortController();
  streams = [];
});
afterEach(async () => {
  jest.restoreAllMocks();
  gone.abort();
  await Promise.all(streams);
  store.close();
  rmSync(directory, { recursive: true });
});

interface Client {
  chunks: string[];
  /** Takes what was written, and lets go on; those that have one read only then. */
  read?: () => void;
}

function watch(
  of: Resource,
  query = '',
  rendering: Rendering = { as: 'object' },
  reads: 'at once' | 'when told' = 'at once',
) {
  const quiet = () => undefined;
  const context: ApiContext = {
    store,
    registry: { retirementOf: () => new AbortController().signal } as never,
    now: () => new Date(0),
    admission: undefined as never,
    logger: {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (fields) => streams.push(Promise.reject(fields)),
    },
  };
  const request: ApiRequest = {
    method: 'GET',
    path: '',
    query: new URLSearchParams(
      query.includes('sendInitialEvents') ? query : `resourceVersion=${store.revision}&${query}`,
    ),
    header: () => undefined,
    headers: [],
    body: () => Promise.resolve(Buffer.from('')),
    warnings: [],
    bodyBytesAtMost: 0,
    annotations: {},
    remoteAddress: '',
    gone: gone.signal,
    certificate: undefined,
  };
  const client: Client = { chunks: [] };
  const answer = watchObjects(context, request, of, undefined, rendering);
  const write = (chunk: string): Promise<void> => {
    client.chunks.push(chunk);
    if (reads === 'at once') return Promise.resolve();
    return new Promise((resolve) => {
      client.read = () => {
        client.chunks.length = 0;
        resolve();
      };
      gone.signal.addEventListener('abort', () => resolve());
    });
  };
  streams.push(answer.stream?.(write) ?? Promise.resolve());
  return client;
}

const put = (name: string, labels: Record<string, string> = {}, text = '') =>
  store.create(
    keyOf(configMaps, 'default', name),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default', labels },
      data: { text },
    }),
  );

const events = ({ chunks }: Client) =>
  chunks
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map(
      (line) => JSON.parse(line) as { type: string; object: { metadata: { name: string }; code?: number } },
    );
const told = (client: Client) => events(client).map(({ type, object }) => `${type} ${object.metadata.name}`);

/** @returns after how many steps of the event loop it did */
async function until(holds: () => boolean): Promise<number> {
  let steps = 0;
  for (; !holds(); steps += 1) await nextStep();
  return steps;
}

test('a change is decoded once and written as text once for each form that is asked for', async () => {
  const plain = Array.from({ length: 1_000 }, () => watch(configMaps));
  const selecting = Array.from({ length: 200 }, (_, i) =>
    watch(configMaps, `labelSelector=${i % 2 ? 'a' : 'b'}`),
  );
  const partial = Array.from({ length: 100 }, () => watch(configMaps, '', { as: 'metadata', version: 'v1' }));
  const others = Array.from({ length: 1_000 }, () => watch(resource('secrets')));
  await nextStep();
  const stringify = jest.spyOn(JSON, 'stringify');
  const parse = jest.spyOn(JSON, 'parse');
  const writing = Promise.all([put('one', { a: '' }), put('two', { b: '' })]);
  const ofTheTest = stringify.mock.calls.length;
  await writing;
  const steps = await until(() =>
    [...plain, ...selecting, ...partial].every(({ chunks }) => chunks.length > 0),
  );
  // 2,600 events, 256 in a step.
  expect(steps).toBeGreaterThan(5);
  expect(steps).toBeLessThan(30);
  expect(stringify.mock.calls.length - ofTheTest).toBe(4);
  expect(parse.mock.calls.length).toBe(2);
  jest.restoreAllMocks();
  for (const client of [...plain, ...partial]) expect(told(client)).toEqual(['ADDED one', 'ADDED two']);
  for (const [i, client] of selecting.entries())
    expect(told(client)).toEqual([i % 2 ? 'ADDED one' : 'ADDED two']);
  for (const client of others) expect(client.chunks).toEqual([]);
});

test('one who does not read keeps one page, catches up, and is told when that is too late', async () => {
  const slow = watch(configMaps, '', { as: 'object' }, 'when told');
  const late = watch(configMaps, '', { as: 'object' }, 'when told');
  const names = Array.from({ length: 400 }, (_, i) => `c${i}`);
  await Promise.all(names.map((name) => put(name, {}, 'x'.repeat(5_000))));
  await until(() => slow.chunks.length > 0);
  for (let i = 0; i < 5; i += 1) await nextStep();
  const sizes = [slow, late].map(({ chunks }) => chunks.map(({ length }) => length));
  for (const of of sizes) {
    expect(of).toHaveLength(1);
    expect(of[0]).toBeLessThan(400_000);
  }
  const seen: string[] = [];
  while (seen.length < 400) {
    await until(() => slow.chunks.length > 0);
    seen.push(...told(slow));
    slow.read?.();
  }
  expect(seen).toEqual(names.map((name) => `ADDED ${name}`));

  // More than is kept in memory, and then more than is kept at all.
  for (let i = 0; i < 40; i += 1)
    await Promise.all(Array.from({ length: 50 }, (_, j) => put(`d${i}-${j}`, {}, 'x'.repeat(10_000))));
  await until(() => store.compactedRevision > 400);
  late.read?.();
  await until(() => late.chunks.length > 0);
  expect(events(late)).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
});

test('a large present state is read as the client takes it', async () => {
  for (let i = 0; i < 6; i += 1)
    await Promise.all(Array.from({ length: 50 }, (_, j) => put(`c${i}-${j}`, {}, 'x'.repeat(1_000))));
  const present = watch(
    configMaps,
    'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
    { as: 'object' },
    'when told',
  );
  await until(() => present.chunks.length > 0);
  expect(told(present)).toHaveLength(100);
  // What comes meanwhile comes after it.
  await put('later');
  const seen: string[] = [];
  while (seen.length < 302) {
    await until(() => present.chunks.length > 0);
    seen.push(...told(present));
    present.read?.();
  }
  expect(new Set(seen.slice(0, 300)).size).toBe(300);
  expect(seen.slice(0, 300)).not.toContain('ADDED later');
  expect(seen.slice(300)).toEqual(['BOOKMARK undefined', 'ADDED later']);
});

test('a burst is shared out over the steps of the event loop, in the order in which watchers came', async () => {
  const turns = new Turns(10);
  const order: number[] = [];
  const afterStep: number[] = [];
  const work = async (name: number): Promise<void> => {
    await turns.take();
    order.push(name);
    turns.spend(1);
  };
  const all = Promise.all(Array.from({ length: 95 }, (_, name) => work(name)));
  while (order.length < 95) {
    await nextStep();
    afterStep.push(order.length);
  }
  await all;
  expect(order).toEqual(Array.from({ length: 95 }, (_, name) => name));
  // Ten at once, and ten in the first step.
  expect(afterStep.slice(0, 9)).toEqual([20, 30, 40, 50, 60, 70, 80, 90, 95]);
  // Somebody who takes much leaves nothing to others for so long; somebody who vanishes does not keep them for ever.
  await turns.take();
  turns.spend(25);
  await turns.take();
  const last = turns.take();
  await expect(last).resolves.toBeUndefined();
});

test('what was done without a turn long ago is not waited for', async () => {
  const turns = new Turns(10);
  for (let done = 0; done < 1_000; done += 1) turns.spend(10);
  let steps = 0;
  const count = (): void => {
    steps += 1;
    if (steps < 100) setImmediate(count);
  };
  setImmediate(count);
  await turns.take();
  expect(steps).toBeLessThan(4);
});
