/** HTTPS over HTTP/2 and HTTP/1.1, translated to {@link ApiRequest} and {@link ApiResponse}. */
import { constants, createSecureServer } from 'node:http2';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { MAX_HEADER_BYTES, answerUnreadable } from './bad-request.ts';
import { CONNECTION_LIMITS } from './connections.ts';
import type { ConnectionLimits, UnreadTimes } from './connections.ts';
import type { Logger } from './context.ts';
import { followSockets } from './sockets.ts';
import type { FollowedSockets } from './sockets.ts';
import { bodyBytesAtMost, readBody } from './request-body.ts';
import { isWhole } from './http.ts';
import type { ApiRequest, ApiResponse } from './http.ts';
import type { Pki } from './pki.ts';

/** Every watch is a stream; clients multiplex all of theirs over one connection. */
const MAX_STREAMS = 10_000;
/** In MB: with the default of 10 large concurrent lists fail. */
const MAX_SESSION_MEMORY = 1024;

/** What of Node's own limits applies to each connection. */
const PROTOCOL_LIMITS = {
  maxSessionMemory: MAX_SESSION_MEMORY,
  settings: {
    maxConcurrentStreams: MAX_STREAMS,
    initialWindowSize: 1024 * 1024,
    maxHeaderListSize: MAX_HEADER_BYTES,
  },
  /** Header fields of one request; for each group that is impersonated there is one. */
  maxHeaderListPairs: 500,
  maxHeaderSize: MAX_HEADER_BYTES,
  /** Streams that the client opens and resets at once: so many at a time, then so many a second. */
  streamResetBurst: 1000,
  streamResetRate: 33,
  /** Frames that are no frames, streams that were refused, settings in one frame: more ends the connection. */
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxSettings: 32,
  handshakeTimeout: 10_000,
  connectionsCheckingInterval: 5000,
};
/** HTTP/1.1: for the headers alone, and for headers and body. */
const HEADERS_TIMEOUT_MS = 32_000;
const REQUEST_TIMEOUT_MS = 60_000;

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly pki: Pki;
  readonly handler: (request: ApiRequest) => Promise<ApiResponse>;
  readonly logger: Logger;
  readonly connectionLimits?: ConnectionLimits;
}

export async function listen(
  address: { host: string; port: number },
  { pki, handler, logger, connectionLimits = CONNECTION_LIMITS }: ListenerOptions,
): Promise<Listener> {
  const closing = new AbortController();
  const server = createSecureServer({
    allowHTTP1: true,
    key: pki.server.keyPem,
    cert: pki.server.certificatePem,
    ca: pki.caPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ...PROTOCOL_LIMITS,
  });
  Object.assign(server, { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS });
  const sockets = followSockets(server, connectionLimits, logger);
  // Too many open files, for one: those that are open are served on.
  server.on('error', (error) => logger.warn({ err: error }, 'A connection could not be taken'));
  server.on('sessionError', (error) => logger.debug({ err: error }, 'A connection failed'));
  server.on('clientError', answerUnreadable);
  server.on('request', (request, response) => {
    sockets.follow(request, response);
    serve({ request, response }, handler, closing.signal, connectionLimits.unreadMs).catch(
      (error: unknown) => {
        logger.warn({ err: error, path: request.url }, 'A response could not be sent to its end');
        cutOff({ request, response });
      },
    );
  });
  await bind(server, address);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    close: () => shutDown(server, sockets, closing),
  };
}

function bind(server: Http2SecureServer, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Watches end, answers under way get a moment, then connections are cut. */
async function shutDown(
  server: Http2SecureServer,
  sockets: FollowedSockets,
  closing: AbortController,
): Promise<void> {
  closing.abort();
  const closed = new Promise((resolve) => server.close(resolve));
  const cut = setTimeout(() => sockets.destroy(), 300);
  await closed;
  clearTimeout(cut);
  sockets.stop();
}

/** Of one's own, since the one that every signal would make for itself takes a look at the stack. */
const OVER = new Error('the answer is sent, or nobody waits for it');

interface Exchange {
  readonly request: Http2ServerRequest;
  readonly response: Http2ServerResponse;
}

/** What was begun cannot be taken back: its client sees that it is not whole. */
const cutOff = ({ request, response }: Exchange): void => {
  // Destroyed without an error, a stream of HTTP/2 would end as if all had been said.
  if (response.stream) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else request.socket.destroy();
};

async function serve(
  exchange: Exchange,
  handler: ListenerOptions['handler'],
  closing: AbortSignal,
  unreadMs: UnreadTimes,
): Promise<void> {
  const { request, response } = exchange;
  const gone = new AbortController();
  const leave = () => gone.abort(OVER);
  response.on('close', leave);
  response.on('error', leave);
  closing.addEventListener('abort', leave, { once: true });
  try {
    const answer = await handler(translate(request, gone.signal));
    await send(answer, exchange, gone.signal, unreadMs);
  } finally {
    closing.removeEventListener('abort', leave);
  }
}

function translate(request: Http2ServerRequest, gone: AbortSignal): ApiRequest {
  const [path = '/', search = ''] = request.url.split(/\?(.*)/s);
  return {
    method: request.method,
    path,
    query: new URLSearchParams(search),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(',') : value;
    },
    headers: headerPairs(request.rawHeaders),
    body: () => readBody(request),
    bodyBytesAtMost: bodyBytesAtMost(request),
    warnings: [],
    annotations: {},
    remoteAddress: request.socket.remoteAddress ?? '',
    gone,
    certificate: clientCertificate(request),
  };
}

/** Node lists names and values in turn. */
const headerPairs = (raw: readonly string[]): (readonly [string, string])[] =>
  raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1] ?? ''] as const] : []));

const subjects = new WeakMap<object, ApiRequest['certificate']>();

/** Read once per connection; undefined unless our CA signed it. */
function clientCertificate(request: Http2ServerRequest): ApiRequest['certificate'] {
  const socket = (request.stream?.session?.socket ?? request.socket) as TLSSocket;
  const session = request.stream?.session ?? socket;
  if (!subjects.has(session)) subjects.set(session, readCertificate(socket));
  return subjects.get(session);
}

function readCertificate(socket: TLSSocket): ApiRequest['certificate'] {
  if (!socket.authorized) return undefined;
  const { subject, fingerprint256, valid_to: expires } = socket.getPeerCertificate();
  if (!subject?.CN) return undefined;
  const organizations = subject.O as string | string[] | undefined;
  const commonName = subject.CN as string | string[];
  return {
    commonName: Array.isArray(commonName) ? (commonName[0] ?? '') : commonName,
    organizations: organizations === undefined ? [] : [organizations].flat(),
    sha256: fingerprint256.replaceAll(':', '').toLowerCase(),
    expires: new Date(expires),
  };
}

async function send(
  answer: ApiResponse,
  exchange: Exchange,
  gone: AbortSignal,
  unreadMs: UnreadTimes,
): Promise<void> {
  const { request, response } = exchange;
  if (gone.aborted && !answer.stream) return;
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  leaveRestUnread(request, response);
  if (!answer.stream) {
    const body = request.method === 'HEAD' ? undefined : answer.body;
    if (!isWhole(body)) return sendPieces(body, exchange, gone, unreadMs.piece);
    cutOffAfter(unreadMs.answer, exchange, gone);
    response.end(body ?? '');
    return;
  }
  // Clients wait for the headers of a watch before they do anything else.
  (response as unknown as ServerResponse).flushHeaders();
  await answer.stream((chunk) => writeChunk(exchange, chunk, gone, unreadMs.watch));
  if (!response.writableEnded) response.end();
}

async function sendPieces(
  body: AsyncIterable<string>,
  exchange: Exchange,
  gone: AbortSignal,
  unreadMs: number,
): Promise<void> {
  for await (const piece of body) {
    await writeChunk(exchange, piece, gone, unreadMs);
    if (gone.aborted) return;
  }
  cutOffAfter(unreadMs, exchange, gone);
  exchange.response.end();
}

/** However much of it was read by then: a byte now and then is no progress. */
function cutOffAfter(ms: number, exchange: Exchange, gone: AbortSignal): void {
  const late = setTimeout(() => cutOff(exchange), ms);
  gone.addEventListener('abort', () => clearTimeout(late), { once: true });
}

/** Of a body that was refused or that nobody asked for, nothing more is taken in. */
function leaveRestUnread(request: Http2ServerRequest, response: Http2ServerResponse): void {
  if (request.readableEnded || bodyBytesAtMost(request) === 0) return;
  const { stream } = request;
  if (stream) stream.once('finish', () => stream.close());
  else response.setHeader('connection', 'close');
}

/**
 * Waits for a slow client, so that what it has not read is not kept in memory; not for ever, since it holds a place.
 * @returns undefined when it need not wait
 */
function writeChunk(
  exchange: Exchange,
  chunk: string,
  gone: AbortSignal,
  unreadMs: number,
): Promise<void> | undefined {
  const { response } = exchange;
  if (gone.aborted || response.write(chunk)) return undefined;
  return new Promise((resolve) => {
    const unread = setTimeout(() => cutOff(exchange), unreadMs);
    const done = () => {
      clearTimeout(unread);
      response.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    gone.addEventListener('abort', done, { once: true });
  });
}
