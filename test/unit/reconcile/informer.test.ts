import { afterEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { systemClock } from '../../../src/clock/clock.ts';
import type { Api, WatchEvent } from '../../../src/reconcile/api.ts';
import { Informer } from '../../../src/reconcile/informer.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { disk } from '../kinds/builders.ts';

const disks = { group: 'purlin.dev', version: 'v1alpha1', plural: 'disks' };

const at = (name: string, resourceVersion: string): Resource => {
  const object = disk(name);
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
};

/** A collection whose lists are answered by the test, and whose watch says nothing. */
class Collection {
  readonly lists: PromiseWithResolvers<{ items: Resource[]; resourceVersion: string }>[] = [];
  readonly told: string[] = [];
  readonly informer: Informer;

  constructor() {
    const client = {
      list: () => {
        const answer = Promise.withResolvers<{ items: Resource[]; resourceVersion: string }>();
        this.lists.push(answer);
        return answer.promise;
      },
      watch: (_type: unknown, _from: string, signal: AbortSignal) => untilAborted(signal),
    } as unknown as Api;
    this.informer = new Informer(
      { client, clock: systemClock, logger: pino({ level: 'silent' }) },
      disks,
      (object, _before, deleted) => this.told.push(`${object.metadata.name}${deleted ? ' gone' : ''}`),
    );
  }
}

async function* untilAborted(signal: AbortSignal): AsyncGenerator<WatchEvent<Resource>> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  yield* [];
}

let collection: Collection;
afterEach(() => collection.informer.stop());

test('what an own write made after the list was taken is there, and stays', async () => {
  collection = new Collection();
  const { informer, lists, told } = collection;
  informer.start();
  informer.put(at('made-meanwhile', '12'));
  lists[0]?.resolve({ items: [at('listed', '9')], resourceVersion: '10' });
  await informer.synced();
  expect(informer.cache.list().map(({ metadata }) => metadata.name)).toEqual(['made-meanwhile', 'listed']);
  expect(told).toEqual(['made-meanwhile', 'listed']);
});

test('what the list does not have any more is gone', async () => {
  collection = new Collection();
  const { informer, lists, told } = collection;
  informer.put(at('deleted', '8'));
  informer.start();
  lists[0]?.resolve({ items: [], resourceVersion: '10' });
  await informer.synced();
  expect(informer.cache.list()).toEqual([]);
  expect(told).toEqual(['deleted', 'deleted gone']);
});

test('what is known to be gone is forgotten before the watch tells so', async () => {
  collection = new Collection();
  const { informer, told } = collection;
  const object = at('gone', '8');
  informer.put(object);
  informer.forget(object.metadata.uid);
  informer.forget('nobody');
  expect(informer.cache.list()).toEqual([]);
  expect(told).toEqual(['gone', 'gone gone']);
});
