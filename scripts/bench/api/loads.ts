/** What is asked of a server, and what it took. All figures are taken by the client. */
import { median } from '../figures.ts';
import { BenchClient } from './client.ts';
import type { Server } from './client.ts';

const WIDGETS = '/apis/bench.example.com/v1/namespaces/default/widgets';
export const APPLY = 'application/apply-patch+yaml';

/** About 2 KB of JSON, as a Machine with its status has. */
export function widget(name: string, more: object = {}): object {
  return {
    apiVersion: 'bench.example.com/v1',
    kind: 'Widget',
    metadata: { name, labels: { app: 'bench', shard: String(name.length % 7) } },
    spec: {
      color: 'red',
      count: 3,
      parts: Array.from({ length: 12 }, (_, i) => ({ name: `part-${i}`, weight: i, note: 'x'.repeat(20) })),
      ...more,
    },
  };
}

export const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.bench.example.com' },
  spec: {
    group: 'bench.example.com',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['color'],
                properties: {
                  color: { type: 'string', enum: ['red', 'green', 'blue'] },
                  count: { type: 'integer', minimum: 0, default: 1 },
                  parts: {
                    type: 'array',
                    maxItems: 50,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: {
                        name: { type: 'string', maxLength: 63 },
                        weight: { type: 'integer' },
                        note: { type: 'string', maxLength: 200 },
                      },
                    },
                  },
                },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};

export class Load {
  readonly #server: Server;
  readonly client: BenchClient;
  #made = 0;

  constructor(server: Server) {
    this.#server = server;
    this.client = new BenchClient(server);
  }

  /** Requests per second, `wide` of them at once. */
  async rate(wide: number, count: number, send: (i: number) => Promise<unknown>): Promise<number> {
    let next = 0;
    const since = performance.now();
    const worker = async (): Promise<void> => {
      while (next < count) await send(next++);
    };
    await Promise.all(Array.from({ length: wide }, worker));
    return (count * 1000) / (performance.now() - since);
  }

  served = async (): Promise<boolean> => {
    try {
      await this.client.send('GET', WIDGETS);
      return true;
    } catch {
      return false;
    }
  };

  create = (): Promise<unknown> => this.client.send('POST', WIDGETS, widget(`w-${this.#made++}`));

  get = (i: number): Promise<unknown> => this.client.send('GET', `${WIDGETS}/w-${i % this.#made}`);

  /** Each changes something; every other one of the same manager. */
  apply = (i: number): Promise<unknown> => {
    const name = `w-${i % this.#made}`;
    const path = `${WIDGETS}/${name}?fieldManager=bench&force=true`;
    return this.client.send('PATCH', path, widget(name, { count: 10 + i }), APPLY);
  };

  get made(): number {
    return this.#made;
  }

  /** Makes objects until there are as many. */
  async fill(count: number): Promise<void> {
    if (count > this.#made) await this.rate(16, count - this.#made, this.create);
  }

  /** Milliseconds for the whole list, as JSON text; the client does not parse it. */
  async list(rounds: number): Promise<{ ms: number; bytes: number }> {
    const times: number[] = [];
    let bytes = 0;
    for (let round = 0; round < rounds; round++) {
      const since = performance.now();
      const { body } = await this.client.send('GET', WIDGETS);
      times.push(performance.now() - since);
      bytes = body.length;
    }
    return { ms: median(times), bytes };
  }

  /** Opens so many watches, a hundred on each connection. */
  async openWatches(
    count: number,
    told: (event: string, atMs: number) => void,
  ): Promise<() => Promise<void>> {
    const clients: BenchClient[] = [];
    const { body } = await this.client.send('GET', `${WIDGETS}?limit=1`);
    const version = (JSON.parse(body) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
    for (let i = 0; i < count; i++) {
      if (i % 100 === 0) clients.push(new BenchClient(this.#server));
      const client = clients.at(-1) as BenchClient;
      await client.watch(`${WIDGETS}?watch=1&resourceVersion=${version}`, told);
    }
    return async () => {
      for (const client of clients) await client.close();
    };
  }

  /** From sending a change to the event of it, over all watchers and changes: sorted milliseconds. */
  async watchLatencies(watchers: number, changes: number): Promise<number[]> {
    const latencies: number[] = [];
    let sentAt = 0;
    let heard = 0;
    let everyone: () => void = () => undefined;
    const close = await this.openWatches(watchers, (event, at) => {
      if (!event.includes('"type":"MODIFIED"')) return;
      latencies.push(at - sentAt);
      if (++heard === watchers) everyone();
    });
    for (let i = 0; i < changes; i++) {
      heard = 0;
      const all = new Promise<void>((resolve) => (everyone = resolve));
      sentAt = performance.now();
      await this.client.send(
        'PATCH',
        `${WIDGETS}/w-0`,
        { spec: { count: 100_000 + i } },
        'application/merge-patch+json',
      );
      await all;
    }
    await close();
    return latencies.sort((a, b) => a - b);
  }
}
