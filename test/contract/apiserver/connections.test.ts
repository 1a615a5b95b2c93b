/** Clients that hold connections, send slowly or flood: what becomes of them, and that others are served. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { CONNECTION_LIMITS } from '../../../src/apiserver/connections.ts';
import { until } from './expecting.ts';
import { WIDGETS, startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
const limits = {
  ...CONNECTION_LIMITS,
  total: 8,
  firstRequestMs: 300,
  idleMs: 600,
  unreadMs: { watch: 400, answer: 400, piece: 400 },
};
beforeEach(async () => {
  api = await startTestServer(undefined, { connectionLimits: limits });
});
afterEach(() => api.stop());

const here = () => ({ host: '127.0.0.1', port: api.server.port, ca: api.server.caPem });

async function tls(): Promise<TLSSocket> {
  const socket = connectTls(here());
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

async function http2(): Promise<ClientHttp2Session> {
  const session = connectHttp2(api.server.url, { ca: api.server.caPem });
  session.on('error', () => undefined);
  await once(session, 'connect');
  return session;
}

const asked = (session: ClientHttp2Session, headers: Record<string, string | string[]> = {}) => {
  const stream = session.request({
    ':path': WIDGETS,
    authorization: `Bearer ${api.server.loopbackToken}`,
    ...headers,
  });
  stream.on('error', () => undefined);
  stream.resume();
  return stream;
};

const alive = async (): Promise<void> => expect((await api.call('GET', '/readyz')).status).toBe(200);

test.each([
  ['sends nothing', () => ''],
  ['never ends its headers', () => `GET ${WIDGETS} HTTP/1.1\r\nx-slow: `],
])('a connection that %s is closed', async (_, text) => {
  const socket = await tls();
  socket.write(text());
  await once(socket, 'close');
  await alive();
});

test('a connection without a TLS handshake is closed', async () => {
  const socket = connect(api.server.port, '127.0.0.1');
  await once(socket, 'close');
});

test('an idle connection is closed, with a word in HTTP/2; one with a watch stays', async () => {
  const [idle, watching] = [await http2(), await http2()];
  await once(asked(idle), 'close');
  const watch = asked(watching, { ':path': `${WIDGETS}?watch=1` });
  await once(watch, 'response');
  await once(idle, 'goaway');
  expect(watch.closed).toBe(false);
  watching.destroy();
});

test('whoever holds all connections keeps nobody out', async () => {
  const held = await Promise.all(Array.from({ length: 8 }, tls));
  await alive();
  const session = await http2();
  await once(asked(session), 'response');
  session.destroy();
  held.forEach((socket) => socket.destroy());
});

test('when all connections are at work a further one is refused', async () => {
  const sessions = await Promise.all(Array.from({ length: 8 }, http2));
  for (const session of sessions) {
    const watch = asked(session, { ':path': `${WIDGETS}?watch=1` });
    await once(watch, 'response');
  }
  const late = connect(api.server.port, '127.0.0.1');
  late.on('error', () => undefined);
  await once(late, 'close');
  sessions.forEach((session) => session.destroy());
});

test('streams that are reset as fast as they are opened end their connection', async () => {
  const session = await http2();
  const told = once(session, 'goaway');
  for (let i = 0; i < 5000 && !session.closed; i++) {
    const stream = asked(session);
    await new Promise(setImmediate);
    stream.close(constants.NGHTTP2_CANCEL);
  }
  const [code] = (await told) as [number];
  expect(code).not.toBe(constants.NGHTTP2_NO_ERROR);
  await alive();
});

test('pings and settings without end harm nobody', async () => {
  const session = connectHttp2(api.server.url, { ca: api.server.caPem, maxOutstandingPings: 1e6 });
  session.on('error', () => undefined);
  await once(session, 'connect');
  for (let i = 0; i < 5000; i++) session.ping(() => undefined);
  await alive();
  session.destroy();
});

test.each([
  ['a very long path', { ':path': `${WIDGETS}?labelSelector=${'a'.repeat(70_000)}` }],
  ['very long headers', { 'x-long': 'a'.repeat(70_000) }],
  ['very many headers', Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`x-${i}`, 'a']))],
])('%s is refused over HTTP/2', async (_, headers) => {
  const session = await http2();
  const stream = asked(session, headers);
  const answered = await Promise.race([
    once(stream, 'response').then(
      ([answer]) => Number((answer as Record<string, string>)[':status']),
      () => 'reset',
    ),
    once(session, 'close').then(() => 'reset'),
  ]);
  expect(['reset', 431]).toContain(answered);
  session.destroy();
  await alive();
});

test.each([
  ['a very long path', `GET ${WIDGETS}?labelSelector=${'a'.repeat(70_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
  ['very long headers', `GET ${WIDGETS} HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(70_000)}\r\n\r\n`],
])('%s is refused over HTTP/1.1', async (_, text) => {
  const socket = await tls();
  socket.write(text);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 431 [^]*"kind":"Status"[^]*limit is 65536 bytes/);
  socket.destroy();
  await alive();
});

test.each(['declared', 'not declared'])(
  'of a body that is too large, %s, nothing more is taken in',
  async (how) => {
    const session = await http2();
    const stream = asked(session, {
      ':method': 'POST',
      'content-type': 'application/json',
      ...(how === 'declared' && { 'content-length': String(64 * 1024 * 1024) }),
    });
    const answered = once(stream, 'response');
    const closed = once(stream, 'close');
    const piece = Buffer.alloc(1024 * 1024, ' ');
    let sent = 0;
    while (sent < 64 && !stream.closed) {
      sent += 1;
      await Promise.race([new Promise((resolve) => stream.write(piece, resolve)), closed]);
    }
    const [answer] = (await answered) as [Record<string, string>];
    expect(Number(answer[':status'])).toBe(413);
    expect(sent).toBeLessThan(16);
    session.destroy();
  },
);

const MAPS = '/api/v1/namespaces/default/configmaps';
const asBoss = { 'impersonate-user': 'boss', 'impersonate-group': 'system:masters' };

/** Each opens a watch of which it reads no more than the head of the answer. */
const readers = {
  'HTTP/1.1': async () => {
    const socket = await tls();
    const headers = { host: 'x', authorization: `Bearer ${api.server.loopbackToken}`, ...asBoss };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.once('data', () => socket.pause());
    socket.write(`GET ${MAPS}?watch=1 HTTP/1.1\r\n${lines.join('')}\r\n`);
    return () => 'cut off';
  },
  'HTTP/2': async () => {
    const authorization = `Bearer ${api.server.loopbackToken}`;
    const stream = (await http2()).request({ ':path': `${MAPS}?watch=1`, authorization, ...asBoss });
    stream.on('error', () => undefined);
    await once(stream, 'response');
    // An end without an error would look like the whole.
    return () => (stream.rstCode === constants.NGHTTP2_INTERNAL_ERROR ? 'cut off' : stream.rstCode);
  },
};

test.each(['HTTP/1.1', 'HTTP/2'] as const)(
  'a watch over %s that is not read gives its place back, and one that has nothing to tell keeps it',
  async (protocol) => {
    const data = { text: 'x'.repeat(1_000_000) };
    for (let i = 0; i < 12; i += 1)
      await api.call('POST', MAPS, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `m-${i}` },
        data,
      });
    const session = await http2();
    const authorization = `Bearer ${api.server.loopbackToken}`;
    const silent = session.request({
      ':path': '/api/v1/namespaces/none/secrets?watch=1&resourceVersion=1',
      authorization,
      ...asBoss,
    });
    await once(silent, 'response');
    const ending = await readers[protocol]();
    await until(() => api.server.load().watches === 2);
    await until(() => api.server.load().watches === 1);
    await until(() => ending() === 'cut off');
    expect(silent.closed).toBe(false);
    session.destroy();
  },
);

test.each([
  ['a whole answer', `${MAPS}/big`],
  ['a long answer', MAPS],
])('%s of which next to nothing is read is cut off, whatever else its client sends', async (_, path) => {
  for (const name of ['big', 'bigger'])
    await api.call('POST', MAPS, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { text: 'x'.repeat(1_000_000) },
    });
  const session = connectHttp2(api.server.url, { ca: api.server.caPem, settings: { initialWindowSize: 0 } });
  session.on('error', () => undefined);
  const stream = session.request({
    ':path': path,
    authorization: `Bearer ${api.server.loopbackToken}`,
    ...asBoss,
  });
  stream.on('error', () => undefined);
  let window = 0;
  const trickle = setInterval(() => session.settings({ initialWindowSize: (window += 1) }), 20);
  try {
    await until(() => stream.closed);
  } finally {
    clearInterval(trickle);
  }
  expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  await until(() => api.server.load().unreadBytes === 0);
  session.destroy();
});
