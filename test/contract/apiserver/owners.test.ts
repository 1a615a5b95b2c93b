/** What becomes of objects whose owners go. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { WIDGETS, createWidget, meta, startTestServer, widget } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const merge = { 'content-type': 'application/merge-patch+json' };

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
    await createWidget(api, 'parent-a');
    await createWidget(api, 'parent-b');
    await createWidget(
      api,
      'shared',
      {},
      { ownerReferences: [await owner('parent-a'), await owner('parent-b')] },
    );
    await createWidget(api, 'only-a', {}, { ownerReferences: [await owner('parent-a')] });
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
    await createWidget(api, 'chicken');
    await createWidget(api, 'egg', {}, { ownerReferences: [await owner('chicken')] });
    const patch = { metadata: { ownerReferences: [await owner('egg')] } };
    await api.call('PATCH', `${WIDGETS}/chicken`, patch, merge);
    const both = [gone('chicken'), gone('egg')];
    await api.call('DELETE', `${WIDGETS}/chicken`, foreground);
    await Promise.all(both);
  });
});
