import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(120_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: 'b' } };

const FIELDS = [
  ['metadata'],
  ['metadata', 'name'],
  ['metadata', 'labels'],
  ['metadata', 'annotations', 'a/b'],
  ['metadata', 'finalizers'],
  ['metadata', 'ownerReferences'],
  ['metadata', 'resourceVersion'],
  ['metadata', 'uid'],
  ['apiVersion'],
  ['kind'],
  ['spec'],
  ['spec', 'parts'],
  ['spec', 'size'],
  ['status', 'conditions'],
  ['data', 'a'],
];

/** An object with something odd in one of its fields. */
function spoil(object: object, path: readonly string[], value: unknown): object {
  const [field = '', ...rest] = path;
  const inner = (object as Record<string, unknown>)[field];
  const into = typeof inner === 'object' && inner !== null ? inner : {};
  return { ...object, [field]: rest.length > 0 ? spoil(into, rest, value) : value };
}

const spoiled = fc
  .tuple(
    fc.constantFrom(widget('x', { parts: [{ name: 'a' }] }), configMap),
    fc.constantFrom(...FIELDS),
    fc.jsonValue(),
  )
  .map(([object, path, value]) => JSON.stringify(spoil(object, path, value)));

const operations = fc
  .array(
    fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'nonsense'),
      path: fc.constantFrom(
        '',
        '/',
        '/spec',
        '/metadata',
        '/metadata/name',
        '/metadata/finalizers/0',
        '/kind',
        '/a/b',
        '/spec/-',
      ),
      from: fc.constantFrom('/spec', '/nowhere', '/metadata'),
      value: fc.jsonValue(),
    }),
  )
  .map((list) => JSON.stringify(list));

const body = fc.oneof(spoiled, operations, fc.json(), fc.string());
const contentType = fc.constantFrom(
  'application/json',
  'application/yaml',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/json-patch+json',
  'application/vnd.kubernetes.protobuf',
  'nonsense',
);
const query = fc.constantFrom(
  '',
  '?fieldValidation=Strict',
  '?dryRun=All',
  '?dryRun=x&labelSelector=((',
  '?limit=-1',
  '?continue=bnVsbA',
  '?resourceVersion=x',
  '?fieldSelector=%ff',
);

test('whatever is sent, it is the sender whom the answer blames', async () => {
  const target = fc.constantFrom(
    WIDGETS,
    `${WIDGETS}/x`,
    `${WIDGETS}/x/status`,
    CONFIG_MAPS,
    `${CONFIG_MAPS}/x`,
    '/apis/%ff/%',
  );
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE');
  await fc.assert(
    fc.asyncProperty(method, target, query, contentType, body, async (verb, path, search, type, content) => {
      await api.call('POST', WIDGETS, widget('x'));
      await api.call('POST', CONFIG_MAPS, configMap);
      const sent = verb === 'GET' ? undefined : content;
      const { status } = await api.call(verb, path + search, sent, { 'content-type': type });
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 1500, examples: [['PATCH', `${WIDGETS}/x`, '', 'application/json-patch+json', '!#']] },
  );
  expect((await api.call('GET', '/readyz')).status).toBe(200);
});
