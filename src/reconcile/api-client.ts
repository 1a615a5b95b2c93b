import { Agent, request, type RequestOptions } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import type { Resource } from '../resources/metadata.ts';
import {
  type Api,
  ApiError,
  type ObjectPath,
  type ResourceList,
  type ResourceType,
  type WatchEvent,
} from './api.ts';

/** An API server that says nothing for so long is not there any more, even if the connection does not know. */
const ANSWER_MS = 30_000;
/** Of a watch: a bookmark comes each minute, about. */
const SILENCE_MS = 180_000;
/**
 * Of a connection that is kept for the next request. API servers close theirs after 90 s, and a request that is sent at
 * that moment fails without anybody knowing whether it was heard.
 */
const IDLE_MS = 60_000;

/** Where the API is and how to be let in; `authorize` may renew a token for each request. */
export interface ApiEndpoint {
  /** For example `https://127.0.0.1:16443`. */
  server: string;
  tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;
  authorize(): Promise<Record<string, string>>;
}

/**
 * The few requests that controllers make, as plain JSON over HTTPS. @kubernetes/client-node does the same with 88 MB
 * more resident memory (docs/adr/0002), which one-machine installations would pay for nothing.
 */
export class ApiClient implements Api {
  readonly #endpoint: ApiEndpoint;
  readonly #agent: Agent;
  readonly #silenceMs: number;

  /**
   * @param times silenceMs: after which a watch is given up that tells nothing; idleMs: after which a connection is
   * closed that nobody uses
   */
  constructor(endpoint: ApiEndpoint, times: { silenceMs?: number; idleMs?: number } = {}) {
    const { silenceMs = SILENCE_MS, idleMs = IDLE_MS } = times;
    this.#endpoint = endpoint;
    this.#silenceMs = silenceMs;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: idleMs, ...endpoint.tls });
  }

  close(): void {
    this.#agent.destroy();
  }

  async get<Kind extends Resource>(type: ResourceType, path: ObjectPath): Promise<Kind> {
    return (await this.#call('GET', objectUrl(type, path))) as Kind;
  }

  async list<Kind extends Resource>(type: ResourceType): Promise<ResourceList<Kind>> {
    const list = (await this.#call('GET', collectionUrl(type))) as {
      apiVersion: string;
      kind: string;
      metadata: { resourceVersion: string };
      items: Kind[];
    };
    // Items of a list carry no type of their own (API conventions, "Lists").
    const kind = list.kind.replace(/List$/, '');
    const items = list.items.map((item) => ({ ...item, apiVersion: list.apiVersion, kind }));
    return { items, resourceVersion: list.metadata.resourceVersion };
  }

  async create<Kind extends Resource>(
    type: ResourceType,
    namespace: string | undefined,
    object: object,
  ): Promise<Kind> {
    return (await this.#call('POST', collectionUrl(type, namespace), { body: object })) as Kind;
  }

  /** POST to a subresource of one object, which answers what the request asks for. */
  async createSubresource(
    type: ResourceType,
    path: ObjectPath,
    subresource: string,
    object: object,
  ): Promise<unknown> {
    return this.#call('POST', `${objectUrl(type, path)}/${subresource}`, { body: object });
  }

  async patch<Kind extends Resource>(
    type: ResourceType,
    path: ObjectPath,
    patch: object,
    subresource?: 'status',
  ): Promise<Kind> {
    const url = objectUrl(type, path) + (subresource ? `/${subresource}` : '');
    return (await this.#call('PATCH', url, {
      body: patch,
      contentType: 'application/merge-patch+json',
    })) as Kind;
  }

  async replace<Kind extends Resource>(type: ResourceType, path: ObjectPath, object: object): Promise<Kind> {
    return (await this.#call('PUT', objectUrl(type, path), { body: object })) as Kind;
  }

  async delete(type: ResourceType, path: ObjectPath, uid: string): Promise<void> {
    await this.#call('DELETE', objectUrl(type, path), {
      body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } },
    });
  }

  async *watch<Kind extends Resource>(
    type: ResourceType,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<Kind>> {
    const query = new URLSearchParams({
      watch: 'true',
      resourceVersion,
      allowWatchBookmarks: 'true',
      timeoutSeconds: '540',
    });
    const response = await this.#send('GET', `${collectionUrl(type)}?${query.toString()}`, {
      signal,
      timeoutMs: this.#silenceMs,
    });
    for await (const line of linesOf(response)) yield JSON.parse(line) as WatchEvent<Kind>;
  }

  async #call(
    method: string,
    path: string,
    options: { body?: object; contentType?: string } = {},
  ): Promise<unknown> {
    const response = await this.#send(method, path, { ...options, timeoutMs: ANSWER_MS });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  }

  async #send(
    method: string,
    path: string,
    options: { body?: object; contentType?: string; signal?: AbortSignal; timeoutMs: number },
  ): Promise<import('node:http').IncomingMessage> {
    const url = new URL(path, this.#endpoint.server);
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const headers = {
      accept: 'application/json',
      'user-agent': 'purlin-controller',
      ...(body === undefined
        ? {}
        : {
            'content-type': options.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
      ...(await this.#endpoint.authorize()),
    };
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const outgoing = request(url, {
        method,
        headers,
        agent: this.#agent,
        signal: options.signal,
        timeout: options.timeoutMs,
      });
      outgoing.on('timeout', () =>
        outgoing.destroy(
          new Error(`nothing from the API server about ${method} ${path} for ${options.timeoutMs / 1000} s`),
        ),
      );
      outgoing.on('error', reject);
      outgoing.on('response', resolve);
      outgoing.end(body);
    });
    if ((response.statusCode ?? 500) < 300) return response;
    throw await errorOf(response);
  }
}

/** Unlike node:readline this throws when the stream is destroyed, so that an aborted watch ends at once. */
async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
}

interface Status {
  reason?: string;
  message?: string;
  details?: { causes?: { field?: string }[] };
}

/** A patch with the UID of an earlier object of that name: to Kubernetes an immutable field, to us a lost race. */
const isAboutAnotherObject = ({ reason, details }: Status): boolean =>
  reason === 'Invalid' && details?.causes?.some(({ field }) => field === 'metadata.uid') === true;

async function errorOf(response: import('node:http').IncomingMessage): Promise<ApiError> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const code = response.statusCode ?? 500;
  try {
    const status = JSON.parse(text) as Status;
    const { reason = 'Unknown', message = text } = status;
    return isAboutAnotherObject(status)
      ? new ApiError(409, 'Conflict', message)
      : new ApiError(code, reason, message);
  } catch {
    return new ApiError(code, 'Unknown', text.slice(0, 500));
  }
}

function collectionUrl({ group, version, plural }: ResourceType, namespace?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace ? `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}` : `${root}/${plural}`;
}

const objectUrl = (type: ResourceType, { namespace, name }: ObjectPath): string =>
  `${collectionUrl(type, namespace)}/${encodeURIComponent(name)}`;
