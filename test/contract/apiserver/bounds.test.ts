/** What is sent to cost the server more than it costs the sender: each is refused, and says what and the limit. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, data: object = { a: 'b' }, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
beforeAll(async () => {
  api = await startTestServer();
  await api.call('POST', MAPS, map('present', { a: 'x'.repeat(1000) }));
});
afterAll(() => api.stop());

const yaml = { 'content-type': 'application/yaml' };
const jsonPatch = { 'content-type': 'application/json-patch+json' };
const mergePatch = { 'content-type': 'application/merge-patch+json' };
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, '']));
const copies = [
  { op: 'add', path: '/x', value: ['x'.repeat(100)] },
  ...Array.from({ length: 40 }, () => ({ op: 'copy', from: '/x', path: '/x/-' })),
];
const wide = Array.from({ length: 9000 }, (_, i) => ({ op: 'copy', from: '/data', path: `/y${i}` }));
const selector = (text: string) => `${MAPS}?labelSelector=${encodeURIComponent(text)}`;

test.each<[string, string, string, unknown, Record<string, string>, number, RegExp]>([
  ['too many fields', 'POST', MAPS, map('x', many(200_000)), {}, 413, /more than 60000 fields and items/],
  ['deep arrays', 'POST', MAPS, '['.repeat(300_000) + ']'.repeat(300_000), {}, 400, /deeper than 200/],
  ['deep YAML', 'POST', MAPS, '{a: '.repeat(10_000), yaml, 400, /deeper than 200/],
  ['deep YAML lists', 'POST', MAPS, '- '.repeat(10_000), yaml, 400, /deeper than 200/],
  ['much YAML', 'POST', MAPS, `a: ${'x'.repeat(200_000)}`, yaml, 413, /limit for YAML is 131072/],
  ['YAML keys that occur twice', 'POST', MAPS, 'a: 1\na: 2\n', yaml, 400, /Map keys must be unique: a/],
  ['copies of copies', 'PATCH', `${MAPS}/present`, copies, jsonPatch, 413, /exceeding the limit 3145728/],
  [
    'what would never be ready',
    'PATCH',
    `${MAPS}/present`,
    [{ op: 'move', from: '/toString', path: '/then' }],
    jsonPatch,
    422,
    /there is no "toString"/,
  ],
  ['many copies', 'PATCH', `${MAPS}/present`, wide, jsonPatch, 413, /exceeding the limit 3145728/],
  [
    'a long pointer',
    'PATCH',
    `${MAPS}/present`,
    [{ op: 'add', path: '/a'.repeat(5000), value: 1 }],
    jsonPatch,
    413,
    /10000 characters: limit is 4096/,
  ],
  [
    'a large object',
    'POST',
    WIDGETS,
    widget('x', { note: 'x'.repeat(1_600_000) }),
    {},
    413,
    /limit is 1572864/,
  ],
  ['many requirements', 'GET', selector('a,'.repeat(3000)), undefined, {}, 400, /more than 200 requirements/],
  [
    'a limit that is no number',
    'GET',
    `${MAPS}?limit=${'9'.repeat(400)}`,
    undefined,
    {},
    400,
    /decimal integer/,
  ],
])('%s', async (_, method, path, body, headers, status, message) => {
  const answer = await api.call(method, path, body, headers);
  expect([answer.status, answer.body['message']]).toEqual([status, expect.stringMatching(message)]);
  expect(answer.body['code']).toBe(status);
});

test.each([
  [
    'duplicate',
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{${'"k":"",'.repeat(150_000)}"k":""}}`,
  ],
  ['unknown', JSON.stringify({ ...map('u'), ...many(50_000) })],
])('of very many %s fields some are told', async (_, body) => {
  const warned = await api.call('POST', `${MAPS}?dryRun=All`, body);
  expect(warned.status).toBe(201);
  const strict = await api.call('POST', `${MAPS}?fieldValidation=Strict`, body);
  expect([strict.status, String(strict.body['message']).split('field "').length]).toEqual([400, 101]);
});

test('white space and commas in selectors take no time by their number squared', async () => {
  const spaces = ' '.repeat(5000);
  expect((await api.call('GET', selector(`${spaces}a${spaces}!`))).status).toBe(400);
  expect((await api.call('GET', selector(`${spaces}a${spaces}`))).status).toBe(200);
  expect((await api.call('GET', selector(' a in (b, c) , !d ,e!=f'))).status).toBe(200);
});

test('what several patches make together is bounded too', async () => {
  await api.call('POST', WIDGETS, widget('grows'));
  const half = (name: string) => ({ metadata: { annotations: { [name]: 'x'.repeat(200_000) } } });
  expect((await api.call('PATCH', `${WIDGETS}/grows`, half('a'), mergePatch)).status).toBe(200);
  expect((await api.call('PATCH', `${WIDGETS}/grows`, half('b'), mergePatch)).status).toBe(422);
});
