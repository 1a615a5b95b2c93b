import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtinResources } from '../../../src/apiserver/builtin/index.ts';
import { expireEvents } from '../../../src/apiserver/controllers/event-expiry.ts';
import { Registry } from '../../../src/apiserver/registry.ts';
import { openStore } from '../../../src/store/index.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const minutesAgo = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

test('Events go an hour after they were last seen, and nothing else does', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'purlin-events-'));
  const store = openStore({ file: join(directory, 'store.db') });
  const registry = new Registry(builtinResources());
  const put = (key: string, object: object) => store.create(`/registry/core/${key}`, JSON.stringify(object));
  await put('events/default/old', { metadata: { creationTimestamp: minutesAgo(61) } });
  await put('events/default/new', { metadata: { creationTimestamp: minutesAgo(59) } });
  await put('events/default/again', {
    metadata: { creationTimestamp: minutesAgo(90) },
    lastTimestamp: minutesAgo(5),
  });
  await put('events/default/series', {
    metadata: { creationTimestamp: minutesAgo(90) },
    series: { lastObservedTime: minutesAgo(5) },
  });
  await put('configmaps/default/old', { metadata: { creationTimestamp: minutesAgo(600) } });

  await expireEvents({ store, registry, now: () => new Date(NOW) });

  expect(store.list('/registry/').entries.map(({ key }) => key.split('/').slice(3).join('/'))).toEqual([
    'configmaps/default/old',
    'events/default/again',
    'events/default/new',
    'events/default/series',
  ]);
  store.close();
  rmSync(directory, { recursive: true });
});
