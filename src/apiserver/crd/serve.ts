/** Keeps what the server offers in step with the CustomResourceDefinitions in its store. */
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { sameJson } from '../object.ts';
import type { JsonObject } from '../object.ts';
import { keyOf, keyPrefix } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { mutateObject } from '../write/mutate.ts';
import { CompactedError } from '../../store/index.ts';
import type { Watch } from '../../store/index.ts';
import { CRD_GROUP, CRD_PLURAL } from './definition.ts';
import type { CrdNames, CustomResourceDefinition } from './definition.ts';
import { establish } from './establish.ts';
import type { Verdict } from './establish.ts';
import { servedResources } from './resources.ts';
import type { Phase } from './resources.ts';

/** The resources of one definition, and what they were made from. */
interface Served {
  readonly made: { uid: string | undefined; spec: unknown; names: CrdNames; phase: Phase };
  readonly resources: readonly Resource[];
}

export class Definitions {
  readonly #context: ApiContext;
  readonly #resource: Resource;
  #served = new Map<string, Served>();
  #watch: Watch | undefined;
  #running: Promise<void> | undefined;

  constructor(context: ApiContext) {
    this.#context = context;
    const resource = context.registry.find(CRD_GROUP, 'v1', CRD_PLURAL);
    if (!resource) throw new Error('the built-in resource customresourcedefinitions is missing');
    this.#resource = resource;
  }

  /** Serves what is in the store by now, and from then on whatever becomes of it. */
  start(): void {
    this.#publish();
    this.#running = this.#follow().catch((error: unknown) =>
      this.#context.logger.error({ err: error }, 'Changes of definitions are no longer noticed'),
    );
  }

  /** Resolves once every definition of the store is served and its status says so. */
  async settle(): Promise<void> {
    await this.#writeStatuses(this.#publish());
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await this.#running;
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
    this.#watch = store.watch(keyPrefix(this.#resource), store.revision);
    for (;;) {
      // In the same turn as the commit is known: whoever wrote a definition finds it served by the answer.
      const verdicts = this.#publish();
      await this.#writeStatuses(verdicts).catch((error: unknown) =>
        this.#context.logger.warn({ err: error }, 'The status of a definition could not be written'),
      );
      const changes = await this.#watch.next();
      if (changes.length === 0) return;
    }
  }

  #publish(): Verdict[] {
    const { store, registry, now } = this.#context;
    const definitions = store
      .list(keyPrefix(this.#resource))
      .entries.map((entry) => decodeEntry(entry) as CustomResourceDefinition);
    const verdicts = establish(definitions, registry.builtins(), now());
    const served = new Map<string, Served>();
    for (const { crd, serveAs } of verdicts) {
      if (serveAs) served.set(crd.metadata.name ?? '', this.#serve(crd, serveAs));
    }
    this.#served = served;
    const resources = [...served.values()].flatMap((one) => one.resources);
    const before = registry.all().length - registry.builtins().length;
    if (before !== resources.length || resources.some((one) => !registry.all().includes(one))) {
      registry.publish(resources);
    }
    return verdicts;
  }

  /** The same objects as before when nothing about them changed, so that watches go on. */
  #serve(crd: CustomResourceDefinition, names: CrdNames): Served {
    const { name = '', uid, deletionTimestamp } = crd.metadata;
    const made = {
      uid,
      spec: crd.spec,
      names,
      phase: deletionTimestamp ? 'terminating' : 'serving',
    } as const;
    const before = this.#served.get(name);
    if (before && sameJson(before.made, made)) return before;
    try {
      return { made, resources: servedResources(crd.spec, names, made.phase) };
    } catch (error) {
      // Only one that was stored before this server checked definitions can be like that.
      this.#context.logger.error({ err: error, definition: name }, 'A definition cannot be served');
      return { made, resources: [] };
    }
  }

  async #writeStatuses(verdicts: readonly Verdict[]): Promise<void> {
    const changed = verdicts.filter(({ crd, status }) => !sameJson(crd.status, status));
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
