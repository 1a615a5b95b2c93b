/** HTTP/2 as client-go speaks it: one connection, a stream for each request. */
import { connect, constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';

export interface Server {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
}

export interface Answered {
  readonly status: number;
  readonly body: string;
}

export class BenchClient {
  readonly #session: ClientHttp2Session;
  readonly #token: string;

  constructor({ url, caPem, token }: Server) {
    this.#session = connect(url, { ca: caPem, settings: { initialWindowSize: 16 * 1024 * 1024 } });
    // A long list comes in one go, as with clients that grow their windows by themselves.
    this.#session.once('connect', (session) => session.setLocalWindowSize(64 * 1024 * 1024));
    this.#session.setMaxListeners(0);
    // Each request tells of it.
    this.#session.on('error', () => undefined);
    this.#token = token;
  }

  /** Rejects for anything but success. */
  async send(
    method: string,
    path: string,
    body?: object,
    contentType = 'application/json',
  ): Promise<Answered> {
    const stream = this.#open(method, path, body ? contentType : undefined);
    stream.end(body ? JSON.stringify(body) : undefined);
    const chunks: Buffer[] = [];
    let status = 0;
    stream.on('response', (headers) => (status = Number(headers[':status'])));
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    const answered = { status, body: Buffer.concat(chunks).toString() };
    if (status >= 300 || status === 0)
      throw new Error(`${method} ${path}: ${status} ${answered.body.slice(0, 300)}`);
    return answered;
  }

  /** Follows a watch; each event is told with the time at which it came. Resolves when the server has answered. */
  async watch(path: string, told: (event: string, atMs: number) => void): Promise<() => void> {
    const stream = this.#open('GET', path, undefined);
    stream.end();
    await new Promise<void>((resolve, reject) => {
      stream.once('response', () => resolve());
      stream.once('error', reject);
    });
    stream.on('error', () => undefined);
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const at = performance.now();
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) told(line, at);
    });
    return () => stream.close(constants.NGHTTP2_CANCEL);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#session.close(resolve);
      this.#session.destroy();
    });
  }

  #open(method: string, path: string, contentType: string | undefined) {
    return this.#session.request({
      ':method': method,
      ':path': path,
      authorization: `Bearer ${this.#token}`,
      accept: 'application/json',
      'user-agent': 'bench/1.0',
      ...(contentType && { 'content-type': contentType }),
    });
  }
}
