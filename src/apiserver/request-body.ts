/** Takes a request's body in, up to a size and within a time. */
import type { Http2ServerRequest } from 'node:http2';
import { requestTimeout, tooLarge } from './errors.ts';

export const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** A body that takes longer is a mistake, or meant to hold us up. */
export const BODY_TIMEOUT_MS = 30_000;

/** What the body may come to: its declared length, or the limit when it declares none. Zero when there is none. */
export function bodyBytesAtMost(request: Http2ServerRequest): number {
  const declared = Number(request.headers['content-length']);
  if (Number.isSafeInteger(declared) && declared >= 0) return declared;
  const none = request.stream ? request.stream.endAfterHeaders : !request.headers['transfer-encoding'];
  return none ? 0 : MAX_BODY_BYTES;
}

/** Rejects with 413 when the body is over the limit, with 408 when it does not come in time. */
export function readBody(request: Http2ServerRequest, timeoutMs = BODY_TIMEOUT_MS): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) reject(bodyTooLarge());
    else chunks.push(chunk);
  };
  const end = (): void => resolve(Buffer.concat(chunks));
  const failed = (): void => reject(requestTimeout('the body of the request ended too early'));
  const late = setTimeout(() => {
    reject(requestTimeout(`the body of the request did not come within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  request.on('data', take).on('end', end).on('error', failed).on('close', failed);
  // Errors that come later are nobody's: a stream whose rest is thrown away.
  request.on('error', () => undefined);
  return promise.finally(() => {
    clearTimeout(late);
    request.off('data', take).off('end', end).off('error', failed).off('close', failed);
    // What still comes is thrown away until the answer is sent; a paused stream could not be closed.
    request.resume();
  });
}

export const bodyTooLarge = (): Error => tooLarge(`Request entity too large: limit is ${MAX_BODY_BYTES}`);
