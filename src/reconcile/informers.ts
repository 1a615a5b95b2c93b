import type { HostView, KindDefinition, Reader } from '../plan/kind.ts';
import { type Found, type LookupKind, type LookupOf, lookupsOf } from '../plan/lookups.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Resource } from '../resources/metadata.ts';
import { keyOf } from '../resources/metadata.ts';
import type { Clock } from '../clock/clock.ts';
import type { Api, ResourceType } from './api.ts';
import { Informer, type ObjectListener } from './informer.ts';

/** Purlin's own kinds live in one group; of the built-in ones only those that specs refer to are read. */
export const purlinType = (plural: string): ResourceType => ({
  group: 'purlin.dev',
  version: 'v1alpha1',
  plural,
});
const secrets: ResourceType = { group: '', version: 'v1', plural: 'secrets' };

/** One informer per kind, and the synchronous reading of all of them together with the hosts. */
export class Informers implements Reader {
  readonly #informers = new Map<string, Informer>();
  readonly #types = new Map<string, ResourceType>();
  readonly #hosts: () => HostView[];

  constructor(options: {
    client: Api;
    clock: Clock;
    kinds: readonly KindDefinition[];
    hosts: () => HostView[];
    listener: ObjectListener;
    logger: Logger;
  }) {
    this.#hosts = options.hosts;
    for (const { kind, plural } of options.kinds) this.#types.set(kind, purlinType(plural));
    this.#types.set('Secret', secrets);
    for (const [kind, type] of this.#types) {
      this.#informers.set(kind, new Informer(options, type, options.listener, lookupsOf(kind)));
    }
  }

  /**
   * Resolves when every collection has been listed.
   *
   * @param signal rejects when it aborts before that, and stops what was begun
   */
  async start(signal?: AbortSignal): Promise<void> {
    const informers = [...this.#informers.values()];
    for (const informer of informers) informer.start();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      await Promise.race([Promise.all(informers.map((informer) => informer.synced())), aborted]);
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.stop()));
  }

  typeOf(kind: string): ResourceType {
    const type = this.#types.get(kind);
    if (!type) throw new Error(`no kind ${kind} is known here`);
    return type;
  }

  /** Takes the answer to an own write into the cache, so that the next plan sees it. */
  put(object: Resource): void {
    this.#informers.get(object.kind)?.put(object);
  }

  /** The API server has just said that this object is gone; its watch may tell so later. */
  forget(kind: string, uid: string): void {
    this.#informers.get(kind)?.forget(uid);
  }

  byKey(kind: string, key: string): Resource | undefined {
    return this.#informers.get(kind)?.cache.get(key);
  }

  /** Which object a UID belongs to. */
  byUid(uid: string): { kind: string; key: string } | undefined {
    for (const [kind, { cache }] of this.#informers) {
      const key = cache.keyOfUid(uid);
      if (key !== undefined) return { kind, key };
    }
    return undefined;
  }

  get<Kind extends Resource>(
    kind: Kind['kind'],
    namespace: string | undefined,
    name: string,
  ): Kind | undefined {
    return this.byKey(kind, keyOf({ metadata: { name, ...(namespace ? { namespace } : {}) } })) as
      | Kind
      | undefined;
  }

  list<Kind extends Resource>(kind: Kind['kind'], namespace?: string): Kind[] {
    return (this.#informers.get(kind)?.cache.list(namespace) ?? []) as Kind[];
  }

  find<Kind extends LookupKind>(kind: Kind, by: LookupOf<Kind>, value: string): Found<Kind>[] {
    return (this.#informers.get(kind)?.cache.find(by, value) ?? []) as Found<Kind>[];
  }

  keyOfUid(kind: string, uid: string): string | undefined {
    return this.#informers.get(kind)?.cache.keyOfUid(uid);
  }

  hosts(): HostView[] {
    return this.#hosts();
  }
}
