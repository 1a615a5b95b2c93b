import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import type { Answer, Step } from './scenario.ts';

/** A server to talk to, with the credentials of an administrator. */
export interface Server {
  readonly url: string;
  readonly caPem: string;
  readonly token?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
}

/** Of a kubeconfig with one cluster and one user, all of it inline. */
export async function serverOf(kubeconfig: string): Promise<Server> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const cluster = clusters[0]?.cluster;
  const user = users[0]?.user;
  if (!cluster?.['certificate-authority-data'] || !user)
    throw new Error(`${kubeconfig} needs a cluster with certificate-authority-data, and a user`);
  const { token, 'client-certificate-data': cert, 'client-key-data': key } = user;
  return {
    url: cluster.server,
    caPem: decode(cluster['certificate-authority-data']),
    ...(token && { token }),
    ...(cert && key && { certificate: { cert: decode(cert), key: decode(key) } }),
  };
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString();

/** Names the field manager of what does not name one. */
const USER_AGENT = 'differential/1.0 (test)';
const HEADERS = ['content-type', 'warning', 'retry-after', 'location', 'allow', 'cache-control'];

export class Client {
  readonly #server: Server;
  readonly #agent: Agent;

  constructor(server: Server) {
    this.#server = server;
    const { caPem: ca, certificate } = server;
    this.#agent = new Agent({ connect: { ca, ...certificate } });
  }

  async send({ method, path, headers = {}, body }: Step): Promise<Answer> {
    const { url, token } = this.#server;
    const raw =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body);
    const response = await request(url + path, {
      method: method as 'GET',
      dispatcher: this.#agent,
      headers: {
        'user-agent': USER_AGENT,
        ...(token && { authorization: `Bearer ${token}` }),
        ...(raw !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: raw ?? null,
    });
    const text = await response.body.text();
    const isWatch = /[?&]watch=(true|1)/.test(path) && response.statusCode === 200;
    return {
      status: response.statusCode,
      headers: Object.fromEntries(
        HEADERS.flatMap((name) => {
          const value = response.headers[name];
          return value === undefined ? [] : [[name, [value].flat().join('\n')]];
        }),
      ),
      body: isWatch ? text.split('\n').filter(Boolean).map(parsed) : parsed(text),
    };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
