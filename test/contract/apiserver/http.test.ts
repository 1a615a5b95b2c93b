/** Who may ask, and what there is to ask for. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

describe('who may ask', () => {
  test.each(['/api', '/apis/test.purlin.dev/v1alpha1/widgets', '/openapi/v3'])(
    'an anonymous GET %s is 401',
    async (path) => {
      const answer = await api.call('GET', path, undefined, { authorization: '' });
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({ kind: 'Status', reason: 'Unauthorized' });
    },
  );

  test.each(['/healthz', '/livez', '/readyz', '/version'])('%s is open to all', async (path) => {
    expect((await api.call('GET', path, undefined, { authorization: '' })).status).toBe(200);
  });

  test('a wrong token is 401', async () => {
    expect((await api.call('GET', '/api', undefined, { authorization: 'Bearer guess' })).status).toBe(401);
  });

  test('readiness follows the registered checks', async () => {
    let state: true | string = 'not yet';
    api.server.addReadyCheck('agent', () => state);
    const answer = await api.call('GET', '/readyz?verbose');
    expect(answer.status).toBe(500);
    expect(answer.body['text']).toMatch(/\[-\]agent failed: not yet/);
    expect((await api.call('GET', '/livez')).status).toBe(200);
    state = true;
    expect((await api.call('GET', '/readyz')).status).toBe(200);
  });
});

describe('discovery', () => {
  const accept = (version: string) => ({
    accept: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
  });

  test.each(['v2', 'v2beta1'])('aggregated %s', async (version) => {
    const answer = await api.call('GET', '/apis', undefined, accept(version));
    expect(answer.headers['content-type']).toBe(accept(version).accept);
    expect(answer.body).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      apiVersion: `apidiscovery.k8s.io/${version}`,
    });
    const again = await api.call('GET', '/apis', undefined, {
      ...accept(version),
      'if-none-match': String(answer.headers['etag']),
    });
    expect(again.status).toBe(304);
  });

  test('the legacy lists', async () => {
    expect((await api.call('GET', '/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect((await api.call('GET', '/apis')).body).toMatchObject({ kind: 'APIGroupList' });
    const { body } = await api.call('GET', '/apis/test.purlin.dev/v1alpha1');
    expect(body).toMatchObject({ kind: 'APIResourceList', groupVersion: 'test.purlin.dev/v1alpha1' });
    const names = (body['resources'] as unknown as { name: string }[]).map(({ name }) => name);
    expect(names.sort()).toEqual(['racks', 'widgets', 'widgets/status']);
  });

  test('OpenAPI v3 by the hashed URLs of its index', async () => {
    const { body } = await api.call('GET', '/openapi/v3');
    const paths = body['paths'] as unknown as Record<string, { serverRelativeURL: string }>;
    const url = paths['apis/test.purlin.dev/v1alpha1']?.serverRelativeURL ?? '';
    const document = await api.call('GET', url);
    expect(document.headers['cache-control']).toMatch(/immutable/);
    const path = '/apis/test.purlin.dev/v1alpha1/namespaces/{namespace}/widgets/{name}';
    const { patch } =
      (document.body['paths'] as unknown as Record<string, { patch: Record<string, unknown> }>)[path] ?? {};
    expect(patch).toMatchObject({
      'x-kubernetes-group-version-kind': { group: 'test.purlin.dev', version: 'v1alpha1', kind: 'Widget' },
      parameters: expect.arrayContaining([
        expect.objectContaining({ name: 'fieldValidation' }),
        expect.objectContaining({ name: 'dryRun' }),
      ]) as unknown,
    });
    const second = await api.call('GET', '/openapi/v2');
    expect(second.headers['content-type']).toMatch(/openapi\.spec\.v2\.v1\.0\+protobuf/);
  });

  test('an unknown resource is a 404 with reason and details', async () => {
    const { status, body } = await api.call(
      'GET',
      '/apis/test.purlin.dev/v1alpha1/namespaces/default/gadgets',
    );
    expect(status).toBe(404);
    expect(body['text']).toBe('404 page not found\n');
  });
});
