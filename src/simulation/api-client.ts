import type { Api, ObjectPath, ResourceList, ResourceType, WatchEvent } from '../reconcile/api.ts';
import type { Resource } from '../resources/metadata.ts';
import type { ApiStore, Change } from './api-store.ts';
import type { ControllerWatch } from './controller-watch.ts';
import type { Faults } from './faults.ts';
import type { Process } from './scheduler.ts';

/** The network between a controller and the API server failed; whether the request took effect is not known. */
class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** One controller's way to the API: each request and each answer is a step, and either can be lost. */
export class SimulatedApi implements Api {
  readonly #store: ApiStore;
  readonly #process: Process;
  readonly #faults: Faults;
  readonly #watch: ControllerWatch | undefined;

  /** @param watch told of what is asked, where somebody watches over the controllers */
  constructor(store: ApiStore, process: Process, faults: Faults, watch?: ControllerWatch) {
    this.#watch = watch;
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
    );
  }

  patch<Kind extends Resource>(
    type: ResourceType,
    path: ObjectPath,
    patch: object,
    subresource?: 'status',
  ): Promise<Kind> {
    const target = `${type.plural}/${path.name}${subresource ? '/status' : ''}`;
    return this.#request(`PATCH ${target}`, () => this.#store.patch(type, path, patch, subresource) as Kind);
  }

  replace<Kind extends Resource>(type: ResourceType, path: ObjectPath, object: object): Promise<Kind> {
    return this.#request(
      `PUT ${type.plural}/${path.name}`,
      () => this.#store.replace(type, path, object) as Kind,
    );
  }

  delete(type: ResourceType, path: ObjectPath, uid: string): Promise<void> {
    if (type.group === 'purlin.dev') this.#watch?.sends(this.#process, `DELETE ${type.plural}/${path.name}`);
    return this.#request(`DELETE ${type.plural}/${path.name}`, () => this.#store.delete(type, path, uid));
  }

  async *watch<Kind extends Resource>(
    type: ResourceType,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<Kind>> {
    const { plural } = type;
    let seen = Number(resourceVersion);
    let wake = Promise.withResolvers<void>();
    this.#store.onChange((change) => {
      if (change.plural === plural) wake.resolve();
    });
    signal.addEventListener('abort', () => wake.resolve(), { once: true });
    for (;;) {
      const changes = this.#store.since(plural, seen);
      if (changes === 'expired') {
        await this.#process.step(`is told that its watch of ${plural} expired`);
        yield { type: 'ERROR', object: expired as unknown as Kind };
        return;
      }
      const [next] = changes;
      if (next) {
        await this.#process.step(`sees ${describe(next)}`);
        signal.throwIfAborted();
        if (this.#faults.happens('watch broken')) throw new ConnectionLost('the watch ended');
        seen = next.revision;
        yield { type: next.type, object: next.object as Kind };
        continue;
      }
      await wake.promise;
      signal.throwIfAborted();
      wake = Promise.withResolvers<void>();
    }
  }

  async #request<Answer>(what: string, effect: () => Answer): Promise<Answer> {
    await this.#process.sent(what);
    if (this.#faults.happens('request lost')) throw new ConnectionLost(`no answer to ${what}`);
    if (this.#faults.happens('history compacted')) this.#store.compact();
    const answer = outcomeOf(effect);
    await this.#process.step(`answer to ${what}`);
    if (this.#faults.happens('answer lost')) throw new ConnectionLost(`no answer to ${what}`);
    if ('error' in answer) {
      this.#watch?.refused(this.#process, what);
      throw answer.error;
    }
    return answer.value;
  }
}

/** An answer that says no travels like any other. */
function outcomeOf<Answer>(effect: () => Answer): { value: Answer } | { error: unknown } {
  try {
    return { value: effect() };
  } catch (error) {
    return { error };
  }
}

const expired = { kind: 'Status', apiVersion: 'v1', code: 410, reason: 'Expired', metadata: {} };

const describe = ({ type, plural, object }: Change): string => `${type} ${plural}/${object.metadata.name}`;
