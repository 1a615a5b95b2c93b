import { Agent, request } from 'node:https';
import type { ApiEndpoint } from '../../../src/reconcile/api-client.ts';
import type { JsonObject } from '../generator/json.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Response {
  code: number;
  body: JsonObject;
}

/** Before the server closes a connection that nobody uses: a request sent at that moment would be reset. */
const idleMs = 60_000;

/** The API as kubectl uses it: unknown fields are refused, and every answer is one to look at. */
export class UserApi {
  readonly #endpoint: ApiEndpoint;
  readonly #agent: Agent;

  constructor(endpoint: ApiEndpoint) {
    this.#endpoint = endpoint;
    this.#agent = new Agent({ keepAlive: true, timeout: idleMs, ...endpoint.tls });
  }

  async call(method: Method, path: string, body?: JsonObject): Promise<Response> {
    const headers = { ...(await this.#endpoint.authorize()), 'content-type': 'application/json' };
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const url = new URL(`${path}?fieldValidation=Strict`, this.#endpoint.server);
    const sent = request(url, { agent: this.#agent, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          code: response.statusCode ?? 0,
          body: JSON.parse(Buffer.concat(chunks).toString()) as JsonObject,
        }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}
