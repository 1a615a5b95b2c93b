import { pino } from 'pino';
import { systemClock } from '../../src/clock/clock.ts';
import { ApiClient, type ApiEndpoint } from '../../src/reconcile/api-client.ts';
import { Informer } from '../../src/reconcile/informer.ts';
import { purlinType } from '../../src/reconcile/informers.ts';
import { type Resource, keyOf } from '../../src/resources/metadata.ts';

const types = {
  Machine: purlinType('machines'),
  Disk: purlinType('disks'),
  Subnet: purlinType('subnets'),
  Image: purlinType('images'),
  Host: purlinType('hosts'),
  IPAddress: purlinType('ipaddresses'),
  Placement: purlinType('placements'),
  Event: { group: '', version: 'v1', plural: 'events' },
  Secret: { group: '', version: 'v1', plural: 'secrets' },
  Namespace: { group: '', version: 'v1', plural: 'namespaces' },
} as const;

export type ViewedKind = keyof typeof types;

export interface EventObject extends Resource {
  type: string;
  reason: string;
  message: string;
  count: number;
  involvedObject: { kind: string; name: string; namespace?: string; uid: string };
}

/** What a user sees of the API, by watches: nothing here polls. */
export class WorldView {
  readonly #client: ApiClient;
  readonly #informers: Map<ViewedKind, Informer>;

  constructor(endpoint: ApiEndpoint, onChange: () => void) {
    this.#client = new ApiClient(endpoint);
    const logger = pino({ level: process.env['PURLIN_TEST_LOG'] ?? 'silent' });
    const place = { client: this.#client, clock: systemClock, logger };
    this.#informers = new Map(
      (Object.keys(types) as ViewedKind[]).map((kind) => [kind, new Informer(place, types[kind], onChange)]),
    );
  }

  async start(): Promise<void> {
    for (const informer of this.#informers.values()) informer.start();
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced()));
  }

  get<Kind extends Resource>(kind: ViewedKind, name: string, namespace?: string): Kind | undefined {
    const key = keyOf({ metadata: { name, ...(namespace !== undefined && { namespace }) } });
    return this.#informers.get(kind)?.cache.get(key) as Kind | undefined;
  }

  list<Kind extends Resource>(kind: ViewedKind, namespace?: string): Kind[] {
    return (this.#informers.get(kind)?.cache.list(namespace) ?? []) as Kind[];
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.stop()));
    this.#client.close();
  }
}
