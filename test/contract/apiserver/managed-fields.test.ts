/** Who manages what after writes other than apply. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { TestServer } from './harness.ts';
import { APPLY, MERGE, JSON_PATCH, managersOf, partial, spec, widgetClient } from './widget-client.ts';
import type { Widget } from './widget-client.ts';

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const { applyAs, get, patch } = widgetClient(() => api);

describe('managedFields of other writes', () => {
  test('the manager is the fieldManager, or what precedes the slash in the user agent', async () => {
    const body = widget('named', {}, { labels: { l: '1' } });
    await api.call('POST', `${WIDGETS}?fieldManager=maker`, body, { 'user-agent': 'x' });
    await patch('named', { spec: { note: 'x' } });
    const changed = { ...(await get('named')), spec: { color: 'blue', note: 'x' } };
    await api.call('PUT', `${WIDGETS}/named`, changed);
    expect(managersOf(await get('named'))).toEqual({
      'maker Update': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } },
        'f:spec': { '.': {}, 'f:count': {} },
      },
      'tester Update': spec('note'),
      'unknown Update': spec('color'),
    });
  });

  test('a write that changes nothing leaves version, managers and times alone', async () => {
    await api.call('POST', WIDGETS, widget('still'));
    const before = await get('still');
    await patch('still', { spec: { color: 'red' } });
    await api.call('PUT', `${WIDGETS}/still`, before);
    await api.call('PUT', `${WIDGETS}/still`, {
      ...widget('still', {}, { resourceVersion: before.metadata.resourceVersion }),
    });
    expect(await get('still')).toEqual(before);
  });

  test('an empty list leaves them as they are', async () => {
    await api.call('POST', WIDGETS, widget('kept', { note: 'x' }));
    const before = await get('kept');
    await patch('kept', { metadata: { managedFields: [] } });
    expect(await get('kept')).toEqual(before);
  });

  test('[{}] resets them, and the next apply begins with what was there', async () => {
    const name = 'reset';
    await api.call('POST', WIDGETS, widget(name, { note: 'x' }));
    const reset = await patch(name, { metadata: { managedFields: [{}] } });
    expect(reset.body['metadata']).not.toHaveProperty('managedFields');
    await patch(name, { spec: { count: 5 } });
    expect(managersOf(await get(name))).toEqual({});
    const refused = await applyAs('a', partial(name, { note: 'y' }));
    expect(refused.body['message']).toBe(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using test.purlin.dev/v1alpha1: .spec.note',
    );
    await applyAs('a', partial(name, { note: 'y' }), 'force=true');
    expect(Object.keys(managersOf(await get(name)))).toEqual(['a Apply', 'before-first-apply Update']);
  });

  test('a JSON patch may rename a manager, which is how clients move to server-side apply', async () => {
    await api.call('POST', `${WIDGETS}?fieldManager=old-client`, widget('moved', { note: 'x' }));
    const [entry] = (await get('moved')).metadata.managedFields ?? [];
    const value = [{ ...entry, manager: 'new-client', operation: 'Apply' }];
    await patch('moved', [{ op: 'replace', path: '/metadata/managedFields', value }], JSON_PATCH);
    const moved = await applyAs('new-client', partial('moved', { color: 'blue' }));
    expect(moved).toMatchObject({ status: 200, body: { spec: { color: 'blue', count: 3 } } });
    expect(moved.body['spec']).not.toHaveProperty('note');
    expect(managersOf(moved.body as never as Widget)).toEqual({ 'new-client Apply': spec('color') });
  });

  test('what cannot be read, or is left out, does not count', async () => {
    await applyAs('a', partial('broken', { color: 'red' }));
    const before = managersOf(await get('broken'));
    const entry = { manager: 'x', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1' };
    for (const managedFields of [
      null,
      [{ ...entry, operation: 'Other' }],
      [{ ...entry, fieldsV1: { nonsense: {} } }],
    ]) {
      expect((await patch('broken', { metadata: { managedFields } })).status).toBe(200);
    }
    expect(managersOf(await get('broken'))).toEqual(before);
    const wrong = await patch('broken', { metadata: { managedFields: [{ ...entry, time: 'noon' }] } });
    expect(wrong.status).toBe(400);
    const long = await patch('broken', {
      metadata: { managedFields: [{ ...entry, manager: 'x'.repeat(129) }] },
    });
    expect(long.body['message']).toMatch(/metadata\.managedFields\[0\]\.manager: Too long/);
  });

  test('no more than ten updaters are told apart', async () => {
    await api.call('POST', `${WIDGETS}?fieldManager=m0`, widget('crowd'));
    for (let i = 1; i < 14; i++) {
      await patch('crowd', { metadata: { labels: { [`l${i}`]: 'x' } } }, MERGE, `?fieldManager=m${i}`);
    }
    const managers = Object.keys(managersOf(await get('crowd')));
    expect(managers).toHaveLength(10);
    expect(managers).toContain('ancient-changes Update');
  });
});

describe('the server itself', () => {
  test('owns nothing that it changes, and nobody keeps what it removes', async () => {
    const owner = (await applyAs('a', partial('owner', { color: 'red' }))).body as never as Widget;
    const reference = {
      apiVersion: 'test.purlin.dev/v1alpha1',
      kind: 'Widget',
      name: 'owner',
      uid: owner.metadata.uid,
    };
    await applyAs('a', partial('owned', { color: 'red' }, { ownerReferences: [reference] }));
    const watch = await api.watch(`${WIDGETS}?watch=true&fieldSelector=metadata.name%3Downed`);
    await watch.next();
    await api.call('DELETE', `${WIDGETS}/owner?propagationPolicy=Orphan`);
    const orphaned = (await watch.next())?.object as never as Widget;
    watch.close();
    expect(orphaned.metadata).not.toHaveProperty('ownerReferences');
    expect(managersOf(orphaned)).toEqual({ 'a Apply': spec('color') });
  });

  test('advertises apply for every kind', async () => {
    const { body } = await api.call('GET', '/openapi/v3/apis/test.purlin.dev/v1alpha1');
    const path = '/apis/test.purlin.dev/v1alpha1/namespaces/{namespace}/widgets/{name}';
    expect(body).toHaveProperty(['paths', path, 'patch', 'requestBody', 'content', APPLY]);
  });

  test('has no apply in CBOR', async () => {
    const answer = await api.call('PATCH', `${WIDGETS}/x?fieldManager=a`, 'x', {
      'content-type': 'application/apply-patch+cbor',
    });
    expect(answer.status).toBe(415);
  });
});
