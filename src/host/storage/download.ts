import { lookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import type { Agent } from 'undici';
import { StorageError } from '../ports/storage.ts';
import type { AddressPolicy } from './address-policy.ts';
import { errorCode, errorText, failed, refused } from './errors.ts';

export interface Download {
  body: AsyncIterable<Buffer>;
  /** From Content-Length; undefined when the server does not say. */
  totalBytes: number | undefined;
  /** Throws when the average since the beginning is below `slowestBytesPerSecond`, after a time of grace. */
  checkPace(receivedBytes: number): void;
  close(): Promise<void>;
}

export interface DownloadOptions {
  allows: AddressPolicy;
  /** PEM certificates trusted besides the usual authorities. */
  extraCa?: string | undefined;
  /** A server that sends nothing for this long is given up. */
  idleTimeoutMs: number;
  maxBytes: number;
  signal: AbortSignal;
}

/** Loaded with the first download: it takes 29 MB, and an agent may never download anything. */
const httpClient = () => import('undici');

const mostRedirects = 5;
/** A server that drips its bytes would otherwise hold an import for ever without ever being idle. */
const slowestBytesPerSecond = 1024;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * Opens a URL for streaming. Every hop's name is resolved once, its addresses are checked, and the connection
 * goes to those very addresses, so that a name cannot change its meaning in between (DNS rebinding).
 * @throws StorageError `InvalidUrl`, `AddressDenied`, `DownloadFailed`, `TooLarge`
 */
export async function openDownload(address: string, options: DownloadOptions): Promise<Download> {
  let url = checkedUrl(address);
  for (let hop = 0; hop <= mostRedirects; hop += 1) {
    const answer = await get(url, options, hop === 0);
    if ('download' in answer) return answer.download;
    url = checkedUrl(answer.redirect, url);
  }
  throw failed(
    'DownloadFailed',
    `spec.source.url: ${shown(checkedUrl(address))} redirects more than ${mostRedirects} times`,
  );
}

async function get(
  url: URL,
  options: DownloadOptions,
  withCredentials: boolean,
): Promise<{ download: Download } | { redirect: string }> {
  const { request } = await httpClient();
  const agent = await pinnedAgent(url, options);
  let keepAgent = false;
  try {
    const { statusCode, headers, body } = await request(bare(url), {
      dispatcher: agent,
      signal: options.signal,
      headers: {
        'user-agent': 'purlin',
        'accept-encoding': 'identity',
        ...(withCredentials && authorization(url)),
      },
    });
    body.on('error', () => {}); // Reported to whoever reads it; a body given up here has no reader.
    const location = headers.location;
    if (redirectStatuses.has(statusCode) && typeof location === 'string') return { redirect: location };
    if (statusCode !== 200)
      throw failed('DownloadFailed', `spec.source.url: ${shown(url)} answered HTTP status ${statusCode}`);
    const totalBytes = contentLength(headers['content-length']);
    if (totalBytes !== undefined && totalBytes > options.maxBytes)
      throw refused(
        'TooLarge',
        `spec.source.url: ${shown(url)} has ${totalBytes} bytes, above this host's download limit of ${options.maxBytes}`,
      );
    keepAgent = true;
    const checkPace = paceCheck(url, options.idleTimeoutMs);
    return {
      download: {
        body: translated(body, url, options.signal),
        totalBytes,
        checkPace,
        close: () => agent.destroy(),
      },
    };
  } catch (error) {
    throw asDownloadFailure(error, url, options.signal);
  } finally {
    if (!keepAgent) await agent.destroy();
  }
}

function paceCheck(url: URL, graceMs: number): (receivedBytes: number) => void {
  const startedMs = performance.now();
  return (receivedBytes) => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs > graceMs && (receivedBytes / elapsedMs) * 1000 < slowestBytesPerSecond)
      throw failed(
        'DownloadFailed',
        `spec.source.url: ${shown(url)} sends less than ${slowestBytesPerSecond} bytes a second`,
      );
  };
}

/** An HTTP client that can reach nothing but the checked addresses of this URL's host. */
async function pinnedAgent(url: URL, options: DownloadOptions): Promise<Agent> {
  const addresses = await allowedAddresses(url, options.allows);
  const pinned: LookupFunction = (_hostname, lookupOptions, callback) => {
    const first = addresses[0];
    if (lookupOptions.all || !first) callback(null, addresses);
    else callback(null, first.address, first.family);
  };
  const { Agent: HttpAgent } = await httpClient();
  return new HttpAgent({
    connections: 1,
    pipelining: 1,
    headersTimeout: options.idleTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    connect: {
      timeout: Math.min(options.idleTimeoutMs, 10_000),
      lookup: pinned,
      ...(options.extraCa !== undefined && { ca: [...rootCertificates, options.extraCa] }),
    },
  });
}

async function allowedAddresses(
  url: URL,
  allows: AddressPolicy,
): Promise<{ address: string; family: number }[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  const addresses = family ? [{ address: host, family }] : await resolve(host, url);
  const allowed = addresses.filter(({ address }) => allows(address));
  if (allowed.length === 0)
    throw refused(
      'AddressDenied',
      `spec.source.url: ${shown(url)} leads to a private or special address; use a public server, or have the host's operator allow its network`,
    );
  return allowed;
}

async function resolve(host: string, url: URL): Promise<{ address: string; family: number }[]> {
  try {
    return await lookup(host, { all: true });
  } catch (error) {
    throw failed(
      'DownloadFailed',
      `spec.source.url: the host name of ${shown(url)} does not resolve (${errorCode(error)})`,
      error,
    );
  }
}

function checkedUrl(address: string, base?: URL): URL {
  const url = URL.parse(address, base?.href);
  if (!url) throw refused('InvalidUrl', 'spec.source.url is not a URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused(
      'InvalidUrl',
      `spec.source.url: scheme ${url.protocol} is not supported; use http: or https:`,
    );
  return url;
}

/** The URL as messages may show it: no credentials, no query, no fragment. */
const shown = (url: URL): string => `${url.origin}${url.pathname}`;

const bare = (url: URL): string => `${url.origin}${url.pathname}${url.search}`;

function authorization(url: URL): { authorization?: string } {
  if (!url.username && !url.password) return {};
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function contentLength(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** The body's bytes; a failure to read them is a failed download, whatever the network calls it. */
async function* translated(
  body: AsyncIterable<Buffer>,
  url: URL,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw asDownloadFailure(error, url, signal);
  }
}

/** Network errors in the owner's words. Errors with a reason, and aborts, pass through. */
function asDownloadFailure(error: unknown, url: URL, signal: AbortSignal): unknown {
  if (signal.aborted || error instanceof StorageError) return error;
  const code = errorCode(error) ?? '';
  const cause = code.includes('TIMEOUT') ? 'the server sent nothing for too long' : errorText(error) || code;
  return failed('DownloadFailed', `spec.source.url: ${shown(url)}: ${cause}`, error);
}
