/** HTTPS over HTTP/2 and HTTP/1.1, translated to {@link ApiRequest} and {@link ApiResponse}. */
import { createSecureServer } from 'node:http2';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from './context.ts';
import { tooLarge } from './errors.ts';
import type { ApiRequest, ApiResponse } from './http.ts';
import type { Pki } from './pki.ts';

const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** Every watch is a stream; clients multiplex all of theirs over one connection. */
const MAX_STREAMS = 10_000;
/** In MB: with the default of 10 large concurrent lists fail. */
const MAX_SESSION_MEMORY = 1024;

/** A client that vanished without a word is noticed, and its watches end. */
const KEEP_ALIVE_MS = 30_000;

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

type Handler = (request: ApiRequest) => Promise<ApiResponse>;

export async function listen(
  address: { host: string; port: number },
  pki: Pki,
  handler: Handler,
  logger: Logger,
): Promise<Listener> {
  const closing = new AbortController();
  const sockets = new Set<Socket>();
  const server = createSecureServer({
    allowHTTP1: true,
    key: pki.server.keyPem,
    cert: pki.server.certificatePem,
    ca: pki.caPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    maxSessionMemory: MAX_SESSION_MEMORY,
    settings: { maxConcurrentStreams: MAX_STREAMS, initialWindowSize: 1024 * 1024 },
  });
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('close', () => sockets.delete(socket));
  };
  // Both: a handshake that never ends is known by the first only, and destroying that does not end its TLS socket.
  server.on('connection', track);
  server.on('secureConnection', track);
  server.on('sessionError', (error) => logger.debug({ err: error }, 'A connection failed'));
  server.on('request', (request, response) => {
    serve(request, response, handler, closing.signal).catch((error: unknown) => {
      logger.debug({ err: error, path: request.url }, 'A response could not be sent');
      response.stream?.destroy();
    });
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
  sockets: Set<Socket>,
  closing: AbortController,
): Promise<void> {
  closing.abort();
  const closed = new Promise((resolve) => server.close(resolve));
  const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), 300);
  await closed;
  clearTimeout(cut);
}

async function serve(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  handler: Handler,
  closing: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  response.on('close', leave);
  response.on('error', leave);
  closing.addEventListener('abort', leave, { once: true });
  try {
    const answer = await handler(translate(request, gone.signal));
    await send(answer, request, response, gone.signal);
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
    warnings: [],
    annotations: {},
    gone,
    certificate: clientCertificate(request),
  };
}

/** Node lists names and values in turn. */
const headerPairs = (raw: readonly string[]): (readonly [string, string])[] =>
  raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1] ?? ''] as const] : []));

async function readBody(request: Http2ServerRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge(`Request entity too large: limit is ${MAX_BODY_BYTES}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

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
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted && !answer.stream) return;
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (!answer.stream) {
    response.end(request.method === 'HEAD' || answer.body === undefined ? '' : answer.body);
    return;
  }
  // Clients wait for the headers of a watch before they do anything else.
  (response as unknown as ServerResponse).flushHeaders();
  await answer.stream((chunk) => writeChunk(response, chunk, gone));
  if (!response.writableEnded) response.end();
}

/** Waits for a slow client, so that what it has not read is not kept in memory. */
function writeChunk(response: Http2ServerResponse, chunk: string, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return Promise.resolve();
  if (response.write(chunk)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    gone.addEventListener('abort', done, { once: true });
  });
}
