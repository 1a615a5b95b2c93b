import { FINALIZER } from '../plan/removal.ts';
import type { Api, ObjectPath, ResourceList, ResourceType, WatchEvent } from '../reconcile/api.ts';
import type { Resource } from '../resources/metadata.ts';
import type { ApiStore, Change } from './api-store.ts';
import type { ControllerWatch } from './controller-watch.ts';
import type { Faults } from './faults.ts';
import type { ActionName } from './meetings.ts';
import { lastUntilMet } from './patience.ts';
import type { Process } from './scheduler.ts';
import type { Underway } from './underway.ts';

/** The network between a controller and the API server failed; whether the request took effect is not known. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

export interface ApiClientOptions {
  store: ApiStore;
  process: Process;
  faults: Faults;
  /** Told of what is asked, where somebody watches over the controllers. */
  watch?: ControllerWatch;
  underway: Underway;
}

/** One controller's way to the API: each request and each answer is a step, and either can be lost. */
export class SimulatedApi implements Api {
  readonly #store: ApiStore;
  readonly #process: Process;
  readonly #faults: Faults;
  readonly #watch: ControllerWatch | undefined;
  readonly #underway: Underway;

  constructor({ store, process, faults, watch, underway }: ApiClientOptions) {
    this.#watch = watch;
    this.#underway = underway;
    this.#store = store;
    this.#process = process;
    this.#faults = faults;
  }

  get<Kind extends Resource>(type: ResourceType, path: ObjectPath): Promise<Kind> {
    return this.#request(`GET ${type.plural}/${path.name}`, () => this.#store.get(type, path) as Kind);
  }

  list<Kind extends Resource>(type: ResourceType): Promise<ResourceList<Kind>> {
    return this.#request(`LIST ${type.plural}`, () => this.#store.list(type) as ResourceList<Kind>);
  }

  create<Kind extends Resource>(
    type: ResourceType,
    namespace: string | undefined,
    object: object,
  ): Promise<Kind> {
    const { name } = (object as Resource).metadata;
    if (type.group === 'purlin.dev') this.#watch?.sends(this.#process, `POST ${type.plural}/${name}`);
    return this.#request(
      `POST ${type.plural}/${name}`,
      () => this.#store.create(type, namespace, object) as Kind,
      childPlurals.has(type.plural) ? 'api.createChild' : undefined,
    );
  }

  patch<Kind extends Resource>(
    type: ResourceType,
    path: ObjectPath,
    patch: object,
    subresource?: 'status',
  ): Promise<Kind> {
    const target = `${type.plural}/${path.name}${subresource ? '/status' : ''}`;
    if (type.group === 'purlin.dev') this.#watch?.sends(this.#process, `PATCH ${target}`);
    return this.#request(
      `PATCH ${target}`,
      () => this.#store.patch(type, path, patch, subresource) as Kind,
      actionOfPatch(type.plural, patch),
    );
  }

  replace<Kind extends Resource>(type: ResourceType, path: ObjectPath, object: object): Promise<Kind> {
    return this.#request(
      `PUT ${type.plural}/${path.name}`,
      () => this.#store.replace(type, path, object) as Kind,
    );
  }

  delete(type: ResourceType, path: ObjectPath, uid: string): Promise<void> {
    if (type.group === 'purlin.dev') this.#watch?.sends(this.#process, `DELETE ${type.plural}/${path.name}`);
    return this.#request(
      `DELETE ${type.plural}/${path.name}`,
      () => this.#store.delete(type, path, uid),
      'api.deleteChild',
    );
  }

  async *watch<Kind extends Resource>(
    type: ResourceType,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<Kind>> {
    const { plural } = type;
    let seen = Number(resourceVersion);
    let wake = Promise.withResolvers<void>();
    const forgetChanges = this.#store.onChange((change) => {
      if (change.plural === plural) wake.resolve();
    });
    const forgetRestores = this.#store.onRestored(() => wake.resolve());
    const unsubscribe = (): void => {
      forgetChanges();
      forgetRestores();
    };
    this.#process.onDeath(unsubscribe);
    signal.addEventListener('abort', () => wake.resolve(), { once: true });
    try {
      for (;;) {
        const next = this.#store.next(plural, seen);
        if (next === 'expired') {
          await this.#process.step(`is told that its watch of ${plural} expired`);
          yield { type: 'ERROR', object: expired as unknown as Kind };
          return;
        }
        if (next) {
          await this.#process.step(`sees ${describe(next)}`);
          signal.throwIfAborted();
          if (!this.#process.reachesApi || this.#faults.happens('watch broken', { at: this.#process.name }))
            throw new ConnectionLost('the watch ended');
          seen = next.revision;
          yield { type: next.type, object: next.object as Kind };
          continue;
        }
        await wake.promise;
        signal.throwIfAborted();
        wake = Promise.withResolvers<void>();
      }
    } finally {
      unsubscribe();
    }
  }

  /** @param action the one that is carried out by this request, if it is one */
  async #request<Answer>(what: string, effect: () => Answer, action?: ActionName): Promise<Answer> {
    const end = action && this.#underway.begin(this.#process, action);
    try {
      return await this.#exchange(what, effect, action);
    } finally {
      end?.();
    }
  }

  async #exchange<Answer>(
    what: string,
    effect: () => Answer,
    action: ActionName | undefined,
  ): Promise<Answer> {
    const { life } = this.#store;
    await this.#process.sent(what);
    const restored = this.#store.life !== life;
    // Nobody is there who could hear that.
    if (restored && !this.#process.alive) return new Promise(() => undefined);
    if (restored || !this.#process.reachesApi || this.#faults.happens('request lost', { during: action }))
      throw new ConnectionLost(`no answer to ${what}`);
    if (this.#faults.happens('request late', { during: action })) return this.#arriveLate(what, effect);
    await lastUntilMet(what, { faults: this.#faults, process: this.#process }, action);
    if (this.#faults.happens('history compacted')) this.#store.compact();
    const answer = outcomeOf(effect);
    await this.#process.step(`answer to ${what}`);
    if (
      this.#store.life !== life ||
      !this.#process.reachesApi ||
      this.#faults.happens('answer lost', { during: action })
    )
      throw new ConnectionLost(`no answer to ${what}`);
    if ('error' in answer) {
      this.#watch?.refused(this.#process, what);
      throw answer.error;
    }
    return answer.value;
  }

  /** The server is slow to come to it: whoever asked has given up, and may be dead, or not lead any more. */
  async #arriveLate(what: string, effect: () => unknown): Promise<never> {
    const { life } = this.#store;
    this.#process.leaves(`${what} arrives late`, [1_000, LATEST_MS], () => {
      if (this.#store.life === life) outcomeOf(effect); // nobody hears of it
    });
    await this.#process.waits(100, LONGEST_WAIT_MS);
    throw new ConnectionLost(`no answer to ${what}`);
  }
}

/** How long controllers wait for an answer, where the connection does not break before. */
const LONGEST_WAIT_MS = 30_000;
/** Soon enough that a world at rest has nothing more to expect. */
const LATEST_MS = 60_000;

/** An answer that says no travels like any other. */
function outcomeOf<Answer>(effect: () => Answer): { value: Answer } | { error: unknown } {
  try {
    return { value: effect() };
  } catch (error) {
    return { error };
  }
}

const childPlurals = new Set(['placements', 'ipaddresses', 'disks']);

/** The api action that a patch is, as `performApiAction` writes it; nothing for a report of the status. */
function actionOfPatch(plural: string, patch: object): ActionName | undefined {
  const { metadata, spec, status } = patch as {
    metadata?: { finalizers?: string[] };
    spec?: object;
    status?: { networkHeld?: boolean; claim?: object | null; hostName?: string };
  };
  if (metadata?.finalizers)
    return metadata.finalizers.includes(FINALIZER) ? 'api.addFinalizer' : 'api.releaseFinalizer';
  if (spec) return 'api.growChild';
  if (status?.networkHeld) return 'api.holdNetwork';
  if (plural !== 'disks' || !status) return undefined;
  if (status.claim !== undefined) return 'api.claimDisk';
  return status.hostName === undefined ? undefined : 'api.bindDisk';
}

const expired = { kind: 'Status', apiVersion: 'v1', code: 410, reason: 'Expired', metadata: {} };

const describe = ({ type, plural, object }: Change): string => `${type} ${plural}/${object.metadata.name}`;
