/** HTTP as the rest of the server sees it, free of node:http2. */
import { createHash } from 'node:crypto';
import type { User } from './authn/user.ts';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  header(name: string): string | undefined;
  /** Every header as it was sent, one entry for each time; lower-case names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The whole body; rejects with 413 when it is over the limit, with 408 when it does not come in time. */
  body(): Promise<Buffer>;
  /** What the body may come to; zero when there is none. */
  readonly bodyBytesAtMost: number;
  /** For the client's user, whatever the outcome; sent as `Warning` headers. */
  readonly warnings: string[];
  /** Noted in the audit log, by keys like `authorization.k8s.io/decision`. */
  readonly annotations: Record<string, string>;
  /** Aborted when the answer is sent, the client has gone or the server closes. */
  readonly gone: AbortSignal;
  /** The address that the connection comes from. */
  readonly remoteAddress: string;
  readonly certificate: ClientCertificate | undefined;
}

/** Of a certificate that our CA has signed. */
export interface ClientCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Its fingerprint, in lower-case hexadecimal. */
  readonly sha256: string;
  /** A connection may last longer than the certificate that opened it. */
  readonly expires: Date;
}

/** A request whose maker is known, or whom its maker stands in for. */
export interface UserRequest extends ApiRequest {
  readonly user: User;
  /** Throws 403 unless the user may also do this with what the request is about. */
  require(verb: 'create'): void;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers?: Record<string, string | string[]>;
  /** A long one comes in pieces, which are made while it is sent. */
  readonly body?: string | Buffer | AsyncIterable<string>;
  /** What a body in pieces is made of, where that stays until it is sent. */
  readonly keptCharacters?: number;
  /** Instead of a body: writes chunks until it returns. Headers have been flushed before. */
  readonly stream?: (write: Write) => Promise<void>;
}

/** What a stream is not read in is memory that others need: it ends. */
export class NotRead extends Error {
  override readonly name = 'NotRead';
}

/**
 * Resolves when the chunk was taken, which may take its client long; undefined when it was at once. Rejects with
 * {@link NotRead}; nothing can be written from then on.
 */
export type Write = (chunk: string) => Promise<void> | undefined;

export const json = (
  value: unknown,
  status = 200,
  headers: Record<string, string | string[]> = {},
): ApiResponse => jsonText(JSON.stringify(value), status, headers);

/** The same for what is JSON already. */
export const jsonText = (
  body: string | AsyncIterable<string>,
  status = 200,
  headers: Record<string, string | string[]> = {},
): ApiResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private', ...headers },
  body,
});

export const TEXT = 'text/plain; charset=utf-8';

export const text = (body: string, status = 200): ApiResponse => ({
  status,
  headers: {
    'content-type': TEXT,
    'cache-control': 'no-cache, private',
    'x-content-type-options': 'nosniff',
  },
  body,
});

/** An answer that clients keep: 304 when they already have it. `body` is a JSON value, or a text or bytes. */
export function cacheable(
  request: ApiRequest,
  body: object | string | Buffer,
  contentType = 'application/json',
  headers: Record<string, string> = {},
): ApiResponse {
  const content = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const etag = `"${createHash('sha256').update(content).digest('hex').toUpperCase()}"`;
  const all = { 'content-type': contentType, etag, vary: 'Accept', 'cache-control': 'public', ...headers };
  if (request.header('if-none-match') === etag) return { status: 304, headers: all };
  return { status: 200, headers: all, body: content };
}

/** Whether a body is there as a whole. */
export const isWhole = (body: ApiResponse['body']): body is string | Buffer | undefined =>
  body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
