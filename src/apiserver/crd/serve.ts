/** Keeps what the server offers in step with the CustomResourceDefinitions in its store. */
import { decodeChange, decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { equalJson } from '../../values/equal.ts';
import type { JsonObject } from '../object.ts';
import { keyOf, keyPrefix } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { mutateObject } from '../write/mutate.ts';
import { WorkQueue } from '../controllers/work-queue.ts';
import { CompactedError } from '../../store/index.ts';
import type { Change, Watch } from '../../store/index.ts';
import { CRD_GROUP, CRD_PLURAL } from './definition.ts';
import type { CrdNames, CustomResourceDefinition } from './definition.ts';
import { establish } from './establish.ts';
import type { Verdict } from './establish.ts';
import { VERBS, servedResources } from './resources.ts';
import type { Phase } from './resources.ts';

/** The resources of one definition, and what they were made from. */
interface Served {
  readonly from: { uid: string | undefined; spec: unknown; names: CrdNames };
  readonly phase: Phase;
  readonly resources: readonly Resource[];
}

export class Definitions {
  readonly #context: ApiContext;
  readonly #resource: Resource;
  /** By key in the store. */
  #definitions = new Map<string, CustomResourceDefinition>();
  #served = new Map<string, Served>();
  #verdicts: readonly Verdict[] = [];
  readonly #statuses: WorkQueue;
  #watch: Watch | undefined;
  #running: Promise<void> | undefined;

  constructor(context: ApiContext) {
    this.#context = context;
    const resource = context.registry.find(CRD_GROUP, 'v1', CRD_PLURAL);
    if (!resource) throw new Error('the built-in resource customresourcedefinitions is missing');
    this.#resource = resource;
    this.#statuses = new WorkQueue(() => this.#writeStatuses(), context.logger);
  }

  /** Serves what is in the store by now, and from then on whatever becomes of it. */
  start(): void {
    this.#running = this.#follow().catch((error: unknown) =>
      this.#context.logger.error({ err: error }, 'Changes of definitions are no longer noticed'),
    );
  }

  /** Resolves once every definition of the store is served and its status says so. */
  async settle(): Promise<void> {
    this.#load();
    this.#publish();
    await this.#writeStatuses();
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await Promise.all([this.#running, this.#statuses.close()]);
  }

  /** Having fallen behind compaction, it begins anew from the present state. */
  async #follow(): Promise<void> {
    for (;;) {
      try {
        return await this.#followOnce();
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
      }
    }
  }

  async #followOnce(): Promise<void> {
    const { store } = this.#context;
    const watch = store.watch(keyPrefix(this.#resource), store.revision);
    this.#watch = watch;
    this.#load();
    for (;;) {
      // In the same turn as the commit is known: whoever wrote a definition finds it served by the answer. What
      // takes time, such as the writing of statuses, must not keep the next one waiting.
      this.#publish();
      this.#statuses.add('all');
      const changes = await watch.next();
      if (changes.length === 0) return;
      for (const change of changes) this.#hear(change);
    }
  }

  #load(): void {
    const { entries } = this.#context.store.list(keyPrefix(this.#resource));
    this.#definitions = new Map(
      entries.map((entry) => [entry.key, decodeEntry(entry) as CustomResourceDefinition]),
    );
  }

  /** News may be older than what was loaded meanwhile. */
  #hear(change: Change): void {
    const known = this.#definitions.get(change.key);
    if (known && Number(known.metadata.resourceVersion) >= change.revision) return;
    const { current } = decodeChange(change);
    if (current) this.#definitions.set(change.key, current as CustomResourceDefinition);
    else this.#definitions.delete(change.key);
  }

  #publish(): void {
    const { registry, now } = this.#context;
    this.#verdicts = establish([...this.#definitions.values()], registry.builtins(), now());
    const served = new Map<string, Served>();
    for (const { crd, serveAs } of this.#verdicts) {
      if (serveAs) served.set(crd.metadata.name ?? '', this.#serve(crd, serveAs));
    }
    this.#served = served;
    const next = [...served.values()].flatMap(({ resources }) => resources);
    const present = new Set(registry.all());
    const unchanged = next.length === present.size - registry.builtins().length;
    if (!unchanged || next.some((resource) => !present.has(resource))) registry.publish(next);
  }

  /** The same objects as before as far as nothing about them changed, so that watches go on. */
  #serve(crd: CustomResourceDefinition, names: CrdNames): Served {
    const { name = '', uid, deletionTimestamp } = crd.metadata;
    const phase = deletionTimestamp ? 'terminating' : 'serving';
    const from = { uid, spec: crd.spec, names };
    const before = this.#served.get(name);
    if (!before || !equalJson(before.from, from))
      return { from, phase, resources: this.#make(crd, names, phase) };
    // With what it was compared to, so that the next comparison of the same ends at once.
    if (before.phase === phase) return { ...before, from };
    return { from, phase, resources: before.resources.map((one) => ({ ...one, verbs: VERBS[phase] })) };
  }

  #make({ spec, metadata }: CustomResourceDefinition, names: CrdNames, phase: Phase): Resource[] {
    try {
      return servedResources(spec, names, phase);
    } catch (error) {
      // Only one that was stored before this server checked definitions can be like that.
      this.#context.logger.error({ err: error, definition: metadata.name }, 'A definition cannot be served');
      return [];
    }
  }

  async #writeStatuses(): Promise<void> {
    const changed = this.#verdicts.filter(({ crd, status }) => !equalJson(crd.status, status));
    await Promise.all(
      changed.map(({ crd: { metadata }, status }) =>
        mutateObject(this.#context, this.#keyOf(metadata.name), metadata.uid, (present) => {
          // Of another state than the one judged nothing can be said; the next round judges that.
          if (present.metadata.resourceVersion !== metadata.resourceVersion) return;
          present.status = status as JsonObject;
        }),
      ),
    );
  }

  #keyOf(name = ''): string {
    return keyOf(this.#resource, undefined, name);
  }
}
