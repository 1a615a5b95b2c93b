import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { Answer, TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

type Meta = { uid: string; resourceVersion: string; generation: number; [field: string]: unknown };
const meta = ({ body }: Answer) => body['metadata'] as unknown as Meta;
const create = async (name: string, spec?: object, metadata?: object) => {
  const answer = await api.call('POST', WIDGETS, widget(name, spec, metadata));
  expect(answer.status).toBe(201);
  return answer;
};
const merge = { 'content-type': 'application/merge-patch+json' };

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

describe('writes', () => {
  test('the server fills in what is its own', async () => {
    const answer = await create(
      'filled',
      {},
      { generation: 7, uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' },
    );
    expect(answer.body).toMatchObject({ spec: { color: 'red', count: 3 } });
    expect(meta(answer)).toMatchObject({ generation: 1, namespace: 'default' });
    expect(meta(answer).uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(meta(answer).creationTimestamp).not.toMatch(/^2001/);
    expect(meta(answer).resourceVersion).toMatch(/^[1-9]\d*$/);
  });

  test('a name that is taken is AlreadyExists; generateName makes new ones', async () => {
    await create('taken');
    const { status, body } = await api.call('POST', WIDGETS, widget('taken'));
    expect([status, body['reason'], body['message']]).toEqual([
      409,
      'AlreadyExists',
      'widgets.test.purlin.dev "taken" already exists',
    ]);
    const generated = await create('', {}, { name: undefined, generateName: 'gen-' });
    expect(meta(generated)['name']).toMatch(/^gen-[a-z0-9]{5}$/);
  });

  test('a PUT needs the version it read, and a stale one conflicts', async () => {
    const created = await create('versioned');
    const path = `${WIDGETS}/versioned`;
    expect((await api.call('PUT', path, widget('versioned'))).status).toBe(422);
    const current = { resourceVersion: meta(created).resourceVersion };
    const updated = await api.call('PUT', path, widget('versioned', { color: 'blue' }, current));
    expect(updated.status).toBe(200);
    expect(meta(updated).generation).toBe(2);
    const stale = await api.call('PUT', path, widget('versioned', { color: 'green' }, current));
    expect([stale.status, stale.body['reason']]).toEqual([409, 'Conflict']);
    expect(stale.body['message']).toMatch(
      /the object has been modified; please apply your changes to the latest version/,
    );
  });

  test('a write that changes nothing leaves the version alone', async () => {
    const created = await create('same');
    const again = await api.call('PATCH', `${WIDGETS}/same`, { spec: { color: 'red' } }, merge);
    expect(meta(again).resourceVersion).toBe(meta(created).resourceVersion);
  });

  test('a PUT that leaves out a default changes nothing', async () => {
    const { resourceVersion } = meta(await create('lean'));
    const again = await api.call('PUT', `${WIDGETS}/lean`, widget('lean', {}, { resourceVersion }));
    expect(meta(again)).toMatchObject({ resourceVersion, generation: 1 });
  });

  test('status and the rest are written apart; metadata does not count as a generation', async () => {
    const path = `${WIDGETS}/apart`;
    await create('apart');
    await api.call('PATCH', path, { status: { phase: 'No' }, metadata: { labels: { a: 'b' } } }, merge);
    await api.call(
      'PATCH',
      `${path}/status`,
      { status: { phase: 'Yes' }, spec: { color: 'blue' }, metadata: { labels: { c: 'd' } } },
      merge,
    );
    const { body } = await api.call('GET', path);
    expect(body).toMatchObject({
      spec: { color: 'red' },
      status: { phase: 'Yes' },
      metadata: { generation: 1, labels: { a: 'b' } },
    });
    expect((body['metadata'] as unknown as { labels: object }).labels).toEqual({ a: 'b' });
    expect((await api.call('GET', `${path}/status`)).status).toBe(200);
  });

  test('dryRun validates and defaults, and stores nothing', async () => {
    const answer = await api.call('POST', `${WIDGETS}?dryRun=All`, widget('ghost'));
    expect(answer.body).toMatchObject({ spec: { count: 3 } });
    expect((await api.call('GET', `${WIDGETS}/ghost`)).status).toBe(404);
    expect((await api.call('POST', `${WIDGETS}?dryRun=All`, widget('ghost', { color: 'pink' }))).status).toBe(
      422,
    );
    expect((await api.call('POST', `${WIDGETS}?dryRun=Some`, widget('ghost'))).status).toBe(422);
  });

  test('unknown and duplicate fields', async () => {
    const text =
      '{"apiVersion":"test.purlin.dev/v1alpha1","kind":"Widget","metadata":{"name":"twice"},"spec":{"color":"red","color":"blue","x":1}}';
    const strict = await api.call('POST', `${WIDGETS}?fieldValidation=Strict`, text);
    expect([strict.status, strict.body['message']]).toEqual([
      400,
      'Widget in version "v1alpha1" cannot be handled as a Widget: strict decoding error: duplicate field "spec.color", unknown field "spec.x"',
    ]);
    const warned = await api.call('POST', WIDGETS, text);
    expect(warned.status).toBe(201);
    expect([warned.headers['warning']].flat().join()).toMatch(/299 - "duplicate field \\"spec.color\\""/);
    expect(warned.body['spec']).toEqual({ color: 'blue', count: 3 });
  });

  test('warnings may be in any script', async () => {
    const { status, headers } = await api.call(
      'POST',
      WIDGETS,
      widget('écrit', { größe: 1, '字\u007f\n': 2 }),
    );
    expect(status).toBe(422);
    expect(
      [headers['warning']]
        .flat()
        .join()
        .match(/299 - /g),
    ).toHaveLength(2);
  });

  test('422 carries a cause for each field', async () => {
    const { status, body } = await api.call('POST', WIDGETS, widget('bad', { color: 'pink', parts: [{}] }));
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: 'Invalid',
      details: { name: 'bad', group: 'test.purlin.dev', kind: 'Widget' },
    });
    const { causes } = body['details'] as unknown as { causes: { reason: string; field: string }[] };
    expect(causes.slice(0, 2).map(({ reason, field }) => `${field} ${reason}`)).toEqual([
      'spec.color FieldValueNotSupported',
      'spec.parts[0].name FieldValueRequired',
    ]);
  });

  test.each([
    [
      'a bad name',
      widget('No_Good'),
      /metadata\.name: Invalid value: "No_Good": a lowercase RFC 1123 subdomain/,
    ],
    [
      'a bad label',
      widget('ok', {}, { labels: { a: 'no spaces' } }),
      /metadata\.labels: Invalid value: "no spaces"/,
    ],
    ['a malformed finalizer', widget('ok', {}, { finalizers: ['not mine'] }), /name part must consist of/],
    [
      'an owner without uid',
      widget('ok', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x' }] }),
      /uid: Invalid value: ""/,
    ],
  ])('%s is invalid', async (_, object, message) => {
    const { status, body } = await api.call('POST', WIDGETS, object);
    expect([status, body['message']]).toEqual([422, expect.stringMatching(message)]);
  });

  test('a finalizer without a domain is warned of', async () => {
    const answer = await api.call(
      'POST',
      `${WIDGETS}?dryRun=All`,
      widget('ok', {}, { finalizers: ['mine'] }),
    );
    expect([answer.status, String(answer.headers['warning'])]).toEqual([
      201,
      expect.stringMatching(/prefer a domain-qualified finalizer name/),
    ]);
  });

  test.each([
    ['not JSON', '{', /couldn't parse the body as JSON/],
    ['a prototype', '{"apiVersion":"v1","kind":"X","__proto__":{}}', /"__proto__" is not allowed/],
    ['too deep', '['.repeat(300) + ']'.repeat(300), /nested deeper than/],
    [
      'another kind',
      JSON.stringify({ ...widget('x'), kind: 'Rack' }),
      /expected test\.purlin\.dev\/v1alpha1, Kind=Widget/,
    ],
    [
      'another namespace',
      JSON.stringify(widget('x', {}, { namespace: 'other' })),
      /namespace of the provided object does not match/,
    ],
    [
      'a label that is no text',
      JSON.stringify(widget('x', {}, { labels: { a: 1 } })),
      /metadata\.labels has the wrong type/,
    ],
  ])('%s is a bad request', async (_, body, message) => {
    const answer = await api.call('POST', WIDGETS, body);
    expect([answer.status, answer.body['message']]).toEqual([400, expect.stringMatching(message)]);
  });

  test('content types: YAML is read, CBOR and patches of an unknown type are not', async () => {
    const yaml =
      'apiVersion: test.purlin.dev/v1alpha1\nkind: Widget\nmetadata: {name: from-yaml}\nspec: {color: red}\n';
    expect((await api.call('POST', WIDGETS, yaml, { 'content-type': 'application/yaml' })).status).toBe(201);
    expect((await api.call('POST', WIDGETS, 'x', { 'content-type': 'application/cbor' })).status).toBe(415);
    const apply = await api.call('PATCH', `${WIDGETS}/from-yaml`, '{}', {
      'content-type': 'application/apply-patch+cbor',
    });
    expect(apply.status).toBe(415);
    expect((await api.call('GET', WIDGETS, undefined, { accept: 'application/cbor' })).status).toBe(406);
  });

  test('a YAML body may not explode', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`,
    );
    const bomb = ['l0: &l0 x', ...levels].join('\n');
    const { status } = await api.call('POST', WIDGETS, bomb, { 'content-type': 'application/yaml' });
    expect(status).toBe(400);
  });

  test('a body over 3 MiB is refused', async () => {
    const { status } = await api.call('POST', WIDGETS, widget('huge', { note: 'x'.repeat(4 * 1024 * 1024) }));
    expect(status).toBe(413);
  });

  test('deletion honours preconditions and says what it deleted', async () => {
    const { uid, resourceVersion } = meta(await create('precious'));
    const path = `${WIDGETS}/precious`;
    const options = (preconditions: object) => ({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions });
    expect((await api.call('DELETE', path, options({ uid: 'other' }))).status).toBe(409);
    expect((await api.call('DELETE', path, options({ resourceVersion: '1' }))).status).toBe(409);
    const { status, body } = await api.call('DELETE', path, options({ uid, resourceVersion }));
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'Success', details: { name: 'precious', kind: 'widgets', uid } });
    expect((await api.call('DELETE', path)).status).toBe(404);
  });

  test('deletecollection takes what the selectors select', async () => {
    await create('lot-a', {}, { labels: { lot: '1' } });
    await create('lot-b', { color: 'blue' }, { labels: { lot: '1' } });
    await api.call('DELETE', `${WIDGETS}?labelSelector=lot%3D1&fieldSelector=spec.color%3Dblue`);
    const { body } = await api.call('GET', `${WIDGETS}?labelSelector=lot%3D1`);
    expect(
      (body['items'] as unknown as { metadata: Meta }[]).map(({ metadata }) => metadata['name']),
    ).toEqual(['lot-a']);
  });

  test('concurrent patches of one object all count', async () => {
    await create('busy');
    const patches = Array.from({ length: 20 }, (_, i) =>
      api.call('PATCH', `${WIDGETS}/busy`, { metadata: { labels: { [`l${i}`]: 'x' } } }, merge),
    );
    const statuses = (await Promise.all(patches)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const { body } = await api.call('GET', `${WIDGETS}/busy`);
    expect(Object.keys((body['metadata'] as unknown as { labels: object }).labels)).toHaveLength(20);
  });
});

describe('owners', () => {
  const owner = async (name: string) => {
    const { uid } = meta(await api.call('GET', `${WIDGETS}/${name}`));
    return { apiVersion: 'test.purlin.dev/v1alpha1', kind: 'Widget', name, uid, blockOwnerDeletion: true };
  };
  const gone = async (name: string, since = '') => {
    const query = `watch=1&fieldSelector=metadata.name%3D${name}&resourceVersion=${since}`;
    const events = await api.watch(`${WIDGETS}?${query}`);
    for (let event = await events.next(); event && event.type !== 'DELETED'; event = await events.next());
    events.close();
  };
  const foreground = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground' };

  test('with one of two owners left, an object stays and forgets the other', async () => {
    await create('parent-a');
    await create('parent-b');
    await create('shared', {}, { ownerReferences: [await owner('parent-a'), await owner('parent-b')] });
    await create('only-a', {}, { ownerReferences: [await owner('parent-a')] });
    const collected = gone('only-a');
    await api.call('DELETE', `${WIDGETS}/parent-a`);
    await collected;
    const events = await api.watch(`${WIDGETS}?watch=1&fieldSelector=metadata.name%3Dshared`);
    for (let event = await events.next(); event; event = await events.next()) {
      if ((event.object.metadata['ownerReferences'] as object[]).length === 1) break;
    }
    events.close();
    expect(meta(await api.call('GET', `${WIDGETS}/shared`))['ownerReferences']).toEqual([
      await owner('parent-b'),
    ]);
  });

  test('an object of an owner that never was is collected', async () => {
    const nobody = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: 'no-such-uid' };
    const answer = await api.call('POST', WIDGETS, widget('stray', {}, { ownerReferences: [nobody] }));
    expect(answer.status).toBe(201);
    await gone('stray', meta(answer).resourceVersion);
  });

  test('two that own each other go in the foreground too', async () => {
    await create('chicken');
    await create('egg', {}, { ownerReferences: [await owner('chicken')] });
    const patch = { metadata: { ownerReferences: [await owner('egg')] } };
    await api.call('PATCH', `${WIDGETS}/chicken`, patch, merge);
    const both = [gone('chicken'), gone('egg')];
    await api.call('DELETE', `${WIDGETS}/chicken`, foreground);
    await Promise.all(both);
  });
});

describe('lists', () => {
  test('pages show one moment, also when objects change in between', async () => {
    await api.call('POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'paged' },
    });
    const collection = '/apis/test.purlin.dev/v1alpha1/namespaces/paged/widgets';
    for (const name of ['a', 'b', 'c', 'd']) await api.call('POST', collection, widget(name));
    const first = await api.call('GET', `${collection}?limit=2`);
    expect(first.body['metadata']).toMatchObject({ remainingItemCount: 2 });
    await api.call('DELETE', `${collection}/c`);
    await api.call('POST', collection, widget('cc'));
    const token = (first.body['metadata'] as unknown as { continue: string }).continue;
    const second = await api.call('GET', `${collection}?limit=2&continue=${token}`);
    const names = (second.body['items'] as unknown as { metadata: Meta }[]).map(
      ({ metadata }) => metadata['name'],
    );
    expect(names).toEqual(['c', 'd']);
    expect(meta(second).resourceVersion).toBe(meta(first).resourceVersion);
    expect((await api.call('GET', `${collection}?continue=rubbish`)).status).toBe(400);
  });

  test('an empty list has a version too; a future version is a timeout with its cause', async () => {
    const empty = await api.call('GET', '/apis/test.purlin.dev/v1alpha1/racks');
    expect(empty.body).toMatchObject({ kind: 'RackList', items: [] });
    expect(Number(meta(empty).resourceVersion)).toBeGreaterThan(0);
    const { status, body } = await api.call('GET', `${WIDGETS}?resourceVersion=99999999`);
    expect(status).toBe(504);
    expect(body).toMatchObject({
      reason: 'Timeout',
      details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
    });
    expect((await api.call('GET', `${WIDGETS}?resourceVersionMatch=Exact`)).status).toBe(422);
  });

  test('only the metadata, for clients that want no more', async () => {
    await create('thin');
    const accept = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };
    const { body } = await api.call('GET', WIDGETS, undefined, accept);
    expect(body['kind']).toBe('PartialObjectMetadataList');
    expect((body['items'] as unknown as object[])[0]).not.toHaveProperty('spec');
  });
});
