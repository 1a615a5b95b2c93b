/** One call to a webhook, over HTTPS that its configuration vouches for. */
import { Agent, request } from 'undici';
import type { Webhook } from '../spec.ts';

export interface WebhookClient {
  /**
   * What the webhook answered, parsed. Throws an Error that says how the call failed, worded like Go's client; also when
   * whoever asks has `gone`.
   */
  call(review: object, gone: AbortSignal): Promise<unknown>;
  /** What is under way is still answered, and so is what a request that began before is yet to ask. */
  close(): void;
  /** Ends what is under way too: the server stops. */
  abort(): void;
}

const MAX_ANSWER_BYTES = 3 * 1024 * 1024;
const CA_UNKNOWN = new Set([
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The connections stay open between calls. */
export function webhookClient({ clientConfig, timeoutSeconds = 10 }: Webhook): WebhookClient {
  const ca = clientConfig?.caBundle && Buffer.from(clientConfig.caBundle, 'base64').toString();
  const url = `${clientConfig?.url ?? ''}?timeout=${timeoutSeconds}s`;
  const timeoutMs = timeoutSeconds * 1000;
  const connect = (): Agent =>
    new Agent({ connect: { ...(ca && { ca }), timeout: timeoutMs }, headersTimeout: timeoutMs });
  const end = (used: Agent | undefined): void => void used?.close().catch(() => undefined);
  let agent: Agent | undefined;
  let closed = false;
  return {
    call: async (review, gone) => {
      agent ??= connect();
      const used = agent;
      if (closed) agent = undefined;
      try {
        const { status, text } = await post(
          url,
          review,
          used,
          AbortSignal.any([gone, AbortSignal.timeout(timeoutMs)]),
        );
        if (status < 200 || status > 299) throw new Error(refusedCall(status, text));
        return parsed(text);
      } finally {
        if (closed) end(used);
      }
    },
    close: () => {
      closed = true;
      end(agent);
      agent = undefined;
    },
    abort: () => void agent?.destroy().catch(() => undefined),
  };
}

async function post(
  url: string,
  review: object,
  dispatcher: Agent,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  try {
    const response = await request(url, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(review),
      signal,
    });
    return { status: response.statusCode, text: await bounded(response.body) };
  } catch (error) {
    throw new Error(`Post ${JSON.stringify(url)}: ${failedCall(error)}`, { cause: error });
  }
}

async function bounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function failedCall(error: unknown): string {
  const { name, code, message, address, port } = error as Error & NodeJS.ErrnoException & Dialled;
  if (name === 'TimeoutError' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') {
    return 'context deadline exceeded';
  }
  if (code === 'ECONNREFUSED') return `dial tcp ${address}:${port}: connect: connection refused`;
  if (code !== undefined && CA_UNKNOWN.has(code)) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  }
  return message;
}

interface Dialled {
  readonly address?: string;
  readonly port?: number;
}

function refusedCall(status: number, text: string): string {
  const said = JSON.stringify(text.slice(0, 300).trim());
  if (status === 404) return 'the server could not find the requested resource';
  if (status >= 500) return `an error on the server (${said}) has prevented the request from succeeding`;
  return `the server rejected our request for an unknown reason (status ${status}: ${said})`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`couldn't get version/kind; json parse error: ${why}`, { cause: error });
  }
}
