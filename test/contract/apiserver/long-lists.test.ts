/** Lists of more than one page: made while they are sent, they must read as if they had been made at once. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MAX_LIMITED_CHARACTERS } from '../../../src/apiserver/read/list.ts';
import { PAGE } from '../../../src/apiserver/read/listing.ts';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const COUNT = 3 * PAGE.limit + 20;
const names = Array.from({ length: COUNT }, (_, i) => `map-${String(i).padStart(4, '0')}`);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
  const created = await Promise.all(
    names.map((name, i) =>
      api.call('POST', MAPS, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, labels: { third: String(i % 3), tens: String(Math.floor(i / 10)) } },
        data: { text: '{"]}' },
      }),
    ),
  );
  expect(created.filter(({ status }) => status !== 201)).toEqual([]);
});
afterAll(() => api.stop());

interface Item {
  metadata: { name: string; labels: Record<string, string> };
}
const named = (items: unknown): string[] =>
  (items as Item[]).map(({ metadata }) => metadata.name).filter((name) => name.startsWith('map-'));

const table = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' };
const metadata = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };

test.each([
  ['as objects', '', names],
  ['of which few match', '?labelSelector=tens%3D17', names.slice(170, 180)],
  ['of which many match', '?labelSelector=third%3D2', names.filter((_, i) => i % 3 === 2)],
  ['of which none matches', '?labelSelector=third%3D3', []],
  [
    'with a limit above a page',
    `?limit=${PAGE.limit + 50}&labelSelector=third`,
    names.slice(0, PAGE.limit + 50),
  ],
])('a long list %s', async (_, query, expected) => {
  const plain = await api.call('GET', MAPS + query);
  expect([plain.status, named(plain.body['items'])]).toEqual([200, expected]);
  const partial = await api.call('GET', MAPS + query, undefined, metadata);
  expect(partial.body).toMatchObject({ kind: 'PartialObjectMetadataList', metadata: plain.body['metadata'] });
  expect(named(partial.body['items'])).toEqual(expected);
  const shown = await api.call('GET', MAPS + query, undefined, table);
  expect(shown.body).toMatchObject({ kind: 'Table', metadata: plain.body['metadata'] });
  const rows = shown.body['rows'] as unknown as { object: Item; cells: unknown[] }[];
  expect(named(rows.map(({ object }) => object))).toEqual(expected);
});

test('its items are those of its pages', async () => {
  const whole = await api.call('GET', MAPS);
  const items: unknown[] = [];
  let token: unknown = '';
  do {
    const page = await api.call('GET', `${MAPS}?limit=130&continue=${token as string}`);
    items.push(...(page.body['items'] as unknown as unknown[]));
    token = (page.body['metadata'] as unknown as { continue?: string }).continue;
  } while (token);
  expect(whole.body['items']).toEqual(items);
});

test('HEAD has no body', async () => {
  const { status, body } = await api.call('HEAD', MAPS);
  expect([status, body]).toEqual([200, { text: '' }]);
});

test('kubectl shows all of it, also as YAML', async () => {
  const shown = await api.kubectl('get', 'configmaps', '--chunk-size=0', '-o', 'name');
  expect(shown.stdout.split('\n')).toEqual(expect.arrayContaining(names.map((name) => `configmap/${name}`)));
  const yaml = await api.call('GET', MAPS, undefined, { accept: 'application/yaml' });
  expect(yaml.headers['content-type']).toBe('application/yaml');
  // JSON is YAML too.
  expect(named(yaml.body['items'])).toEqual(names);
});

test('deleting them shows each as it was', async () => {
  const deleted = await api.call('DELETE', `${MAPS}?labelSelector=third`);
  expect([deleted.status, named(deleted.body['items'])]).toEqual([200, names]);
  expect((await api.call('GET', `${MAPS}?labelSelector=third`)).body['items']).toEqual([]);
});

test('a limited list of much text ends before its limit, and goes on', async () => {
  const text = 'x'.repeat(2 ** 20);
  const count = Math.ceil(MAX_LIMITED_CHARACTERS / text.length) + 3;
  const large = Array.from({ length: count }, (_, i) => `large-${String(i).padStart(2, '0')}`);
  for (const name of large) {
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: { large: '' } },
      data: { text },
    };
    expect(await api.call('POST', MAPS, map)).toMatchObject({ status: 201 });
  }
  const of = (items: unknown): string[] => (items as Item[]).map((item) => item.metadata.name);
  for (const [query, remaining] of [
    ['?limit=1000&labelSelector=large', undefined],
    ['?limit=1000&resourceVersion=0', 2],
  ] as const) {
    const first = await api.call('GET', MAPS + query);
    const { continue: token, remainingItemCount } = first.body['metadata'] as unknown as {
      continue: string;
      remainingItemCount?: number;
    };
    expect(remainingItemCount).toBe(remaining);
    const second = await api.call(
      'GET',
      `${MAPS}${query.replace('&resourceVersion=0', '')}&continue=${token}`,
    );
    expect(second.body['metadata']).not.toHaveProperty('continue');
    const both = [...of(first.body['items']), ...of(second.body['items'])];
    expect(both.filter((name) => name.startsWith('large-'))).toEqual(large);
    expect(of(second.body['items'])).toHaveLength(2);
  }
});
