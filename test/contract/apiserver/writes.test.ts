/** Creating, changing and deleting, request by request. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { WIDGETS, createWidget, meta, startTestServer, widget } from './harness.ts';
import type { Meta, TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const merge = { 'content-type': 'application/merge-patch+json' };

describe('writes', () => {
  test('the server fills in what is its own', async () => {
    const answer = await createWidget(
      api,
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
    await createWidget(api, 'taken');
    const { status, body } = await api.call('POST', WIDGETS, widget('taken'));
    expect([status, body['reason'], body['message']]).toEqual([
      409,
      'AlreadyExists',
      'widgets.test.purlin.dev "taken" already exists',
    ]);
    const generated = await createWidget(api, '', {}, { name: undefined, generateName: 'gen-' });
    expect(meta(generated)['name']).toMatch(/^gen-[a-z0-9]{5}$/);
  });

  test('a PUT needs the version it read, and a stale one conflicts', async () => {
    const created = await createWidget(api, 'versioned');
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
    const created = await createWidget(api, 'same');
    const again = await api.call('PATCH', `${WIDGETS}/same`, { spec: { color: 'red' } }, merge);
    expect(meta(again).resourceVersion).toBe(meta(created).resourceVersion);
  });

  test('a PUT that leaves out a default changes nothing', async () => {
    const { resourceVersion } = meta(await createWidget(api, 'lean'));
    const again = await api.call('PUT', `${WIDGETS}/lean`, widget('lean', {}, { resourceVersion }));
    expect(meta(again)).toMatchObject({ resourceVersion, generation: 1 });
  });

  test('status and the rest are written apart; metadata does not count as a generation', async () => {
    const path = `${WIDGETS}/apart`;
    await createWidget(api, 'apart');
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
    const { uid, resourceVersion } = meta(await createWidget(api, 'precious'));
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
    await createWidget(api, 'lot-a', {}, { labels: { lot: '1' } });
    await createWidget(api, 'lot-b', { color: 'blue' }, { labels: { lot: '1' } });
    await api.call('DELETE', `${WIDGETS}?labelSelector=lot%3D1&fieldSelector=spec.color%3Dblue`);
    const { body } = await api.call('GET', `${WIDGETS}?labelSelector=lot%3D1`);
    expect(
      (body['items'] as unknown as { metadata: Meta }[]).map(({ metadata }) => metadata['name']),
    ).toEqual(['lot-a']);
  });

  test('concurrent patches of one object all count', async () => {
    await createWidget(api, 'busy');
    const patches = Array.from({ length: 20 }, (_, i) =>
      api.call('PATCH', `${WIDGETS}/busy`, { metadata: { labels: { [`l${i}`]: 'x' } } }, merge),
    );
    const statuses = (await Promise.all(patches)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const { body } = await api.call('GET', `${WIDGETS}/busy`);
    expect(Object.keys((body['metadata'] as unknown as { labels: object }).labels)).toHaveLength(20);
  });
});
