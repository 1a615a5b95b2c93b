/** Custom kinds that are called as built-in ones are. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const BUSES = '/apis/bus.example.com/v1/namespaces/default/namespaces';
const merge = { 'content-type': 'application/merge-patch+json' };

test('a custom Namespace is an object like any other', async () => {
  const schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { finalizers: { type: 'array', items: { type: 'string' } } } },
      status: { type: 'object', properties: {} },
    },
  };
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'namespaces.bus.example.com' },
    spec: {
      group: 'bus.example.com',
      scope: 'Namespaced',
      names: { kind: 'Namespace', plural: 'namespaces', listKind: 'NamespaceList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  expect((await api.call('POST', definitions, definition)).status).toBe(201);
  const bus = {
    apiVersion: 'bus.example.com/v1',
    kind: 'Namespace',
    metadata: { name: 'default', finalizers: ['example.com/hold'] },
    spec: { finalizers: ['of-its-own'] },
  };
  expect((await api.call('POST', BUSES, bus)).status).toBe(201);
  expect((await api.call('PUT', `${BUSES}/default/finalize`, bus)).status).toBe(404);
  const { status, body } = await api.call('DELETE', `${BUSES}/default`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 0 } });
  expect(body['status']).toBeUndefined();
  await api.call('PATCH', `${BUSES}/default`, { metadata: { finalizers: null } }, merge);
  expect((await api.call('GET', `${BUSES}/default`)).status).toBe(404);
});
