/** Lists in pages, of a version, and of metadata only. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WIDGETS, createWidget, meta, startTestServer, widget } from './harness.ts';
import type { Meta, TestServer } from './harness.ts';

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

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
    await createWidget(api, 'thin');
    const accept = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };
    const { body } = await api.call('GET', WIDGETS, undefined, accept);
    expect(body['kind']).toBe('PartialObjectMetadataList');
    expect((body['items'] as unknown as object[])[0]).not.toHaveProperty('spec');
  });
});
