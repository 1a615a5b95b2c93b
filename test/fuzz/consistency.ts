/** Whether what a watch told from its beginning to its end is what a list says at the end. */
import { isDeepStrictEqual } from 'node:util';
import { request } from 'undici';
import type { Agent } from 'undici';
import type { Server } from '../differential/client.ts';

/** Of kinds that can always be listed, whatever becomes of definitions. */
const COLLECTIONS = ['configmaps', 'secrets', 'serviceaccounts'].map(
  (plural) => `/api/v1/namespaces/default/${plural}`,
);
const MARK = 'fuzz-end';

interface Told {
  readonly type: string;
  readonly object: { readonly metadata: { readonly name: string }; readonly [field: string]: unknown };
}

export interface Witness {
  /** What list and watch disagree on; undefined if they agree. */
  disagreement(): Promise<string | undefined>;
}

/** Watches from now on. */
export async function witness(server: Server, agent: Agent): Promise<Witness> {
  const send = (method: 'GET' | 'POST', path: string, body?: object) =>
    request(server.url + path, {
      method,
      dispatcher: agent,
      headers: { authorization: `Bearer ${server.token ?? ''}`, 'content-type': 'application/json' },
      body: body ? JSON.stringify(body) : null,
    });
  const watches = await Promise.all(
    COLLECTIONS.map(async (path) => {
      const { body } = await send('GET', `${path}?watch=1&timeoutSeconds=86400`);
      return { path, told: eventsOf(body) };
    }),
  );
  return {
    disagreement: async () => {
      for (const { path, told } of watches) {
        await (await send('POST', path, { metadata: { name: MARK } })).body.text();
        const seen = await stateAt(told, MARK);
        const { body } = await send('GET', path);
        const { items } = (await body.json()) as { items: Told['object'][] };
        const listed = new Map<string, unknown>(items.map((item) => [item.metadata.name, item]));
        for (const name of new Set([...seen.keys(), ...listed.keys()]))
          if (!isDeepStrictEqual(seen.get(name), listed.get(name)))
            return `${path}/${name}: ${JSON.stringify({ watched: seen.get(name), listed: listed.get(name) })}`;
      }
      return undefined;
    },
  };
}

/** What is there when an object of the name comes. */
async function stateAt(told: AsyncIterable<Told>, name: string): Promise<Map<string, unknown>> {
  const state = new Map<string, unknown>();
  for await (const { type, object } of told) {
    if (type === 'ERROR') throw new Error(`the watch ended: ${JSON.stringify(object)}`);
    // Items of lists do not say what they are.
    const { apiVersion: _, kind: __, ...item } = object;
    if (type === 'DELETED') state.delete(object.metadata.name);
    else state.set(object.metadata.name, item);
    if (object.metadata.name === name) return state;
  }
  throw new Error(`a watch ended before it told of ${name}`);
}

async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Told> {
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as Told;
  }
}
