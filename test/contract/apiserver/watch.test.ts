import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { TestServer, WatchEvent, WatchedEvents } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const merge = { 'content-type': 'application/merge-patch+json' };
const version = async () =>
  String(
    ((await api.call('GET', WIDGETS)).body['metadata'] as unknown as { resourceVersion: string })
      .resourceVersion,
  );
const told = ({ type, object }: WatchEvent) => `${type} ${object.metadata['name'] as string}`;

async function take(events: WatchedEvents, count: number): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < count; i++) taken.push(told((await events.next()) as WatchEvent));
  return taken;
}

describe('watch', () => {
  test('resumes after a version without a gap', async () => {
    const from = await version();
    await api.call('POST', WIDGETS, widget('w1'));
    await api.call('PATCH', `${WIDGETS}/w1`, { spec: { color: 'blue' } }, merge);
    const events = await api.watch(`${WIDGETS}?watch=1&resourceVersion=${from}`);
    expect(await take(events, 2)).toEqual(['ADDED w1', 'MODIFIED w1']);
    await api.call('DELETE', `${WIDGETS}/w1`);
    const deleted = (await events.next()) as WatchEvent;
    expect(told(deleted)).toBe('DELETED w1');
    expect(Number(deleted.object.metadata['resourceVersion'])).toBe(Number(await version()));
    events.close();
  });

  test('an object that comes to match a selector is added, one that ceases to is deleted', async () => {
    const events = await api.watch(
      `${WIDGETS}?watch=1&resourceVersion=${await version()}&labelSelector=seen%3Dyes`,
    );
    await api.call('POST', WIDGETS, widget('w2'));
    await api.call('PATCH', `${WIDGETS}/w2`, { metadata: { labels: { seen: 'yes' } } }, merge);
    await api.call('PATCH', `${WIDGETS}/w2`, { spec: { color: 'blue' } }, merge);
    await api.call('PATCH', `${WIDGETS}/w2`, { metadata: { labels: { seen: 'no' } } }, merge);
    expect(await take(events, 3)).toEqual(['ADDED w2', 'MODIFIED w2', 'DELETED w2']);
    events.close();
  });

  test('WatchList: the state, then the bookmark that ends it', async () => {
    await api.call('POST', WIDGETS, widget('w3', {}, { labels: { list: 'yes' } }));
    const events = await api.watch(
      `${WIDGETS}?watch=1&labelSelector=list&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    expect(await take(events, 1)).toEqual(['ADDED w3']);
    const bookmark = (await events.next()) as WatchEvent;
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'Widget', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    expect(bookmark.object.metadata['resourceVersion']).toBe(await version());
    events.close();
  });

  test('ends after timeoutSeconds, with a bookmark', async () => {
    const events = await api.watch(
      `${WIDGETS}?watch=1&resourceVersion=${await version()}&allowWatchBookmarks=true&timeoutSeconds=1`,
    );
    expect((await events.next())?.type).toBe('BOOKMARK');
    expect(await events.next()).toBeUndefined();
  });

  test('a version that this server never had ends in 410', async () => {
    const events = await api.watch(`${WIDGETS}?watch=1&resourceVersion=99999999`);
    expect(await events.next()).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    expect(await events.next()).toBeUndefined();
  });

  test('what is too old to be known ends in 410, for watches and for pages', async () => {
    const forgetful = await startTestServer(undefined, { historyRevisions: 50 });
    try {
      for (const name of ['a', 'b', 'c']) await forgetful.call('POST', WIDGETS, widget(name));
      const page = await forgetful.call('GET', `${WIDGETS}?limit=1`);
      const { resourceVersion, continue: token } = page.body['metadata'] as unknown as Record<string, string>;
      // Whoever reads page by page has four times the history.
      for (let i = 0; i < 300; i++) {
        await forgetful.call('PATCH', `${WIDGETS}/a`, { metadata: { labels: { i: String(i) } } }, merge);
      }
      const events = await forgetful.watch(`${WIDGETS}?watch=1&resourceVersion=${resourceVersion}`);
      expect(await events.next()).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
      expect(await events.next()).toBeUndefined();
      const next = await forgetful.call('GET', `${WIDGETS}?limit=1&continue=${token}`);
      expect([next.status, next.body['reason']]).toEqual([410, 'Expired']);
    } finally {
      await forgetful.stop();
    }
  });

  test('options that make no sense are 422', async () => {
    expect((await api.call('GET', `${WIDGETS}?watch=1&sendInitialEvents=true`)).status).toBe(422);
  });

  test('survives a restart: what was written before is there, and the watch goes on from its version', async () => {
    const from = await version();
    await api.call('POST', WIDGETS, widget('w4'));
    await api.restart();
    const events = await api.watch(`${WIDGETS}?watch=1&resourceVersion=${from}`);
    expect(await take(events, 1)).toEqual(['ADDED w4']);
    events.close();
  });

  test('many watches over one connection all hear', async () => {
    const from = await version();
    const watches = await Promise.all(
      Array.from({ length: 150 }, () => api.watch(`${WIDGETS}?watch=1&resourceVersion=${from}`)),
    );
    await api.call('POST', WIDGETS, widget('w5'));
    const heard = await Promise.all(watches.map((one) => take(one, 1)));
    expect(new Set(heard.flat())).toEqual(new Set(['ADDED w5']));
    for (const one of watches) one.close();
  });
});
