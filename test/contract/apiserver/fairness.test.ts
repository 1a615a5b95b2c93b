/** One client too many: who waits, who is refused, and that nobody else suffers. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { Client } from 'undici';
import { GATE_LIMITS } from '../../../src/apiserver/fairness/gate.ts';
import { LEVELS } from '../../../src/apiserver/fairness/levels.ts';
import { until } from './expecting.ts';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, data: object = { a: 'b' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
const asNoisy = { 'impersonate-user': 'noisy' };
const asOther = { 'impersonate-user': 'other' };
const asAdministrator = { 'impersonate-user': 'boss', 'impersonate-group': 'system:masters' };

let api: TestServer;
afterEach(() => api.stop());

/** A server on which two users without rank may do anything. */
async function start(options: Parameters<typeof startTestServer>[1] = {}): Promise<void> {
  api = await startTestServer(undefined, options);
  await api.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'everybody' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: ['noisy', 'other'].map((name) => ({
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'User',
      name,
    })),
  });
}

const authorization = () => `Bearer ${api.server.loopbackToken}`;

test('200 expensive lists of one client do not hold up a controller', async () => {
  await start();
  const filler = map('x', { text: 'x'.repeat(2000) });
  for (let i = 0; i < 400; i++) await api.call('POST', MAPS, { ...filler, metadata: { name: `map-${i}` } });
  const controller = new Client(api.server.url, { connect: { ca: api.server.caPem } });
  const ask = async () => {
    const answer = await controller.request({
      method: 'GET',
      path: `${MAPS}/map-1`,
      headers: { authorization: authorization() },
    });
    await answer.body.dump();
    return answer.statusCode;
  };
  await ask();

  let answered = 0;
  const noise = Array.from({ length: 200 }, async () => {
    const { status } = await api.call('GET', MAPS, undefined, asNoisy);
    answered += 1;
    return status;
  });
  await until(() => api.server.load().waiting > 100);
  const before = answered;
  expect(await ask()).toBe(200);
  // As many as have their seats already, and some that were sent meanwhile.
  expect(answered - before).toBeLessThanOrEqual(25);
  expect(new Set(await Promise.all(noise))).toEqual(new Set([200]));
  await controller.close();
  await until(() => api.server.load().seats === 0);
});

test('who asks for more than may wait hears 429 and when to come again; others are served', async () => {
  const level = { ...LEVELS['global-default'], seats: 1, queueLength: 5 };
  await start({ gateLimits: { ...GATE_LIMITS, levels: { ...LEVELS, 'global-default': level } } });
  // In one piece over one connection, so that all come in the same turn.
  const session = connectHttp2(api.server.url, { ca: api.server.caPem });
  const answers = Array.from({ length: 20 }, async () => {
    const stream = session.request({ ':path': MAPS, authorization: authorization(), ...asNoisy });
    const [headers] = (await once(stream, 'response')) as [Record<string, string>];
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return { headers, body: JSON.parse(text) as Record<string, unknown> };
  });
  const other = api.call('GET', MAPS, undefined, asOther);
  const all = await Promise.all(answers);
  const refused = all.filter(({ headers }) => Number(headers[':status']) === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(20);
  expect(refused[0]?.headers['retry-after']).toBe('1');
  expect(refused[0]?.body).toMatchObject({
    kind: 'Status',
    status: 'Failure',
    reason: 'TooManyRequests',
    message: 'Too many requests, please try again later.',
    details: { retryAfterSeconds: 1 },
    code: 429,
  });
  expect((await other).status).toBe(200);
  session.close();
});

test('a watch takes a seat only while it begins', async () => {
  await start();
  await api.call('POST', MAPS, map('x'));
  const watches = await Promise.all(Array.from({ length: 60 }, () => api.watch(`${MAPS}?watch=1`)));
  for (const watch of watches) expect((await watch.next())?.type).toBe('ADDED');
  await until(() => api.server.load().seats === 0);
  for (const watch of watches) watch.close();
});

test('open watches are counted by user and in all; those of the server itself are not', async () => {
  await start({ gateLimits: { ...GATE_LIMITS, watches: { total: 4, ordinary: 3, perUser: 2 } } });
  const path = `${MAPS}?watch=1&resourceVersion=1`;
  const open = async (headers: Record<string, string>) => {
    const session = connectHttp2(api.server.url, { ca: api.server.caPem });
    const stream = session.request({ ':path': path, authorization: authorization(), ...headers });
    stream.on('error', () => undefined);
    const [answer] = (await once(stream, 'response')) as [Record<string, string>];
    return { session, status: Number(answer[':status']) };
  };
  const first = await open(asNoisy);
  const second = await open(asNoisy);
  const refused = await api.call('GET', path, undefined, asNoisy);
  expect([first.status, second.status, refused.status]).toEqual([200, 200, 429]);
  expect(refused.body['message']).toBe('too many open watches: a user may have 2, please try again later');
  expect((await open(asOther)).status).toBe(200);
  const full = await api.call('GET', path, undefined, { 'impersonate-user': 'other' });
  expect(full.body['message']).toBe(
    'too many open watches: users together may have 3, please try again later',
  );
  // There is room for those who keep things going, until there is none.
  expect((await open({})).status).toBe(200);
  expect((await open(asAdministrator)).status).toBe(200);
  const none = await api.call('GET', path, undefined, { ...asAdministrator, 'impersonate-user': 'another' });
  expect(none.body['message']).toBe('too many open watches: the server has 4, please try again later');
  first.session.destroy();
  await until(() => api.server.load().watches === 3);
  expect((await open(asNoisy)).status).toBe(200);
});

test('bodies under way are bounded in all, and a slow one holds no seat', async () => {
  await start({ gateLimits: { ...GATE_LIMITS, bodyBytes: { total: 4000, ordinary: 3000, perUser: 2000 } } });
  const slow = connectTls({ host: '127.0.0.1', port: api.server.port, ca: api.server.caPem });
  slow.write(
    `POST ${MAPS} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization()}\r\nimpersonate-user: noisy\r\n` +
      'content-type: application/json\r\ncontent-length: 1900\r\n\r\n{',
  );
  await until(() => api.server.load().bodyBytes === 1900);
  expect(api.server.load().seats).toBe(0);
  const another = await api.call('POST', MAPS, map('mine', { a: 'x'.repeat(300) }), asNoisy);
  expect([another.status, another.body['message']]).toEqual([
    429,
    'too many request bodies at once: a user may have 2000 bytes under way, please try again later',
  ]);
  const other = await api.call('POST', MAPS, map('theirs', { a: 'x'.repeat(300) }), asOther);
  expect(other.status).toBe(201);
  const large = await api.call('POST', MAPS, map('large', { a: 'x'.repeat(1500) }), asOther);
  expect(large.body['message']).toMatch(
    /users together may have 3000 bytes under way, please try again later/,
  );
  const ours = await api.call('POST', MAPS, map('ours', { a: 'x'.repeat(1500) }), asAdministrator);
  expect(ours.status).toBe(201);
  slow.destroy();
  await until(() => api.server.load().bodyBytes === 0);
});

describe('answers that are not read', () => {
  const unreadBytes = { total: 4_000_000, ordinary: 3_500_000, perUser: 2_500_000 };
  const streams: ClientHttp2Stream[] = [];
  let session: ClientHttp2Session;
  beforeEach(async () => {
    await start({ gateLimits: { ...GATE_LIMITS, unreadBytes } });
    await api.call('POST', MAPS, map('big', { text: 'x'.repeat(1_000_000) }));
    session = connectHttp2(api.server.url, { ca: api.server.caPem, settings: { initialWindowSize: 0 } });
    session.on('error', () => undefined);
    streams.splice(0);
  });
  afterEach(async () => {
    session.destroy();
    await until(() => api.server.load().unreadBytes === 0);
  });

  /** Reads no more than the head of the answer. */
  const ask = async (path: string): Promise<number> => {
    const stream = session.request({ ':path': path, authorization: authorization(), ...asNoisy });
    stream.on('error', () => undefined);
    streams.push(stream);
    const [headers] = (await once(stream, 'response')) as [Record<string, string>];
    return Number(headers[':status']);
  };

  test('are bounded for each user', async () => {
    expect([await ask(`${MAPS}/big`), await ask(`${MAPS}/big`), await ask(`${MAPS}/big`)]).toEqual([
      200, 200, 429,
    ]);
    const refused = await api.call('GET', `${MAPS}/big`, undefined, asNoisy);
    expect([refused.status, refused.body['message']]).toEqual([
      429,
      'too many answers that are not read: a user may leave 2500000 bytes, please try again later',
    ]);
    expect((await api.call('GET', `${MAPS}/big`, undefined, asOther)).status).toBe(200);
    // What was done is told.
    const labels = { metadata: { labels: { a: 'b' } } };
    const merge = { 'content-type': 'application/merge-patch+json', ...asNoisy };
    expect((await api.call('PATCH', `${MAPS}/big`, labels, merge)).status).toBe(200);
  });

  test('watches that tell more than there is room for are cut off', async () => {
    for (let i = 0; i < 6; i += 1) expect(await ask(`${MAPS}?watch=1`)).toBe(200);
    await until(() => streams.filter(({ closed }) => closed).length === 4);
    expect(api.server.load().unreadBytes).toBeLessThan(unreadBytes.perUser);
    const watch = await api.watch(`${MAPS}?watch=1`);
    expect((await watch.next())?.type).toBe('ADDED');
    watch.close();
  });
});
