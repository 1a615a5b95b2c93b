import { kinds } from '../../../src/kinds/registry.ts';
import { SimulatedAgent } from '../../../src/simulation/agent.ts';
import { ApiStore, type Collection } from '../../../src/simulation/api-store.ts';
import { runController } from '../../../src/simulation/controller.ts';
import { ControllerWatch } from '../../../src/simulation/controller-watch.ts';
import { noFaults } from '../../../src/simulation/faults.ts';
import { Underway } from '../../../src/simulation/underway.ts';
import { SimulatedHost } from '../../../src/simulation/host.ts';
import { SimulatedQueue } from '../../../src/simulation/queue.ts';
import { Random } from '../../../src/simulation/random.ts';
import { Process, Scheduler } from '../../../src/simulation/scheduler.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Actor } from '../cast.ts';
import { type Surroundings, NAMESPACE } from '../cast.ts';
import type { Answer, Ground, Rest, Sight } from '../ground.ts';
import { Cluster } from '../oracle/cluster.ts';
import type { Sources } from '../oracle/sources.ts';
import { pictureOf } from './picture.ts';
import { SimulatedUser, typeOf } from './user.ts';

export interface SimulatedGroundOptions {
  seed: number;
  collections: readonly Collection[];
  /** Files of the host that Images can be imported from, by path. */
  images: Readonly<Record<string, Buffer>>;
  sources: Sources;
  surroundings: Surroundings;
  logger: Logger;
}

/** Nothing written and nothing ordered for so long is rest. */
const SILENCE_MS = 20_000;
/** What fails may be tried again all the time, as long as nobody writes anything. */
const PATIENCE_MS = 150_000;
/** Far more than any transition has needed. */
const MAX_STEPS = 40_000;

/** One simulated host with one controller in which nothing goes wrong, but for what users ask. */
export class SimulatedGround implements Ground {
  readonly patience = 0;
  readonly host: SimulatedHost;
  /** Everything that happened, for the story of a failure. */
  readonly story: string[] = [];
  readonly #options: SimulatedGroundOptions;
  readonly #scheduler: Scheduler;
  readonly #store: ApiStore;
  readonly #collections: ReadonlyMap<string, Collection>;
  readonly #user: SimulatedUser;
  #deeds: string[] = [];
  #lastWriteMs = 0;
  #lastOrderMs = 0;
  #unexpected: Error | undefined;

  constructor(options: SimulatedGroundOptions) {
    this.#options = options;
    const random = new Random(options.seed);
    this.#scheduler = new Scheduler(random, (label) => this.#happens(label));
    this.#collections = new Map(options.collections.map((each) => [each.kind, each]));
    this.#store = new ApiStore({
      collections: options.collections,
      newUid: () => random.uuid(),
      now: () => Date.UTC(2026, 0, 1) + this.#scheduler.nowMs,
    });
    this.#user = new SimulatedUser(this.#store, options.collections, options.surroundings);
    this.host = new SimulatedHost('h1', random.uuid(), 'TCG');
    for (const [path, bytes] of Object.entries(options.images)) this.host.storage.publish(path, bytes);
    this.#store.onChange(({ plural, type, object }) => {
      if (plural === 'leases' || plural === 'events') return;
      this.#lastWriteMs = this.#scheduler.nowMs;
      this.#deeds.push(`${type} ${object.kind} ${object.metadata.name}`);
      if (type === 'DELETED') this.#collectGarbage();
    });
    this.#run(random);
  }

  apply(actor: Actor): Promise<Answer> {
    this.#tell(`a user applies ${actor.kind} ${actor.name} ${JSON.stringify(actor.body).slice(0, 2_000)}`);
    return Promise.resolve(this.#user.apply(actor));
  }

  async delete(kind: string, name: string): Promise<void> {
    const collection = this.#collectionOf(kind);
    this.#tell(`a user deletes ${kind} ${name}`);
    this.#store.delete(typeOf(collection), { namespace: NAMESPACE, name });
  }

  async rest(): Promise<Rest> {
    const { nowMs } = this.#scheduler;
    this.#lastWriteMs = nowMs;
    this.#lastOrderMs = nowMs;
    const limit = this.#scheduler.steps + MAX_STEPS;
    for (;;) {
      const rest = this.#resting();
      if (rest) return rest;
      await this.#scheduler.step();
      if (this.#unexpected) throw this.#unexpected;
      if (this.#scheduler.steps > limit) throw new Error(`no rest: ${this.#deeds.slice(-4).join('; ')}`);
    }
  }

  get cluster(): Cluster {
    const objects = [...this.#collections.values()]
      .filter(({ kind }) => kind !== 'Event' && kind !== 'Lease')
      .flatMap(({ plural }) => this.#store.all(plural));
    return new Cluster(objects);
  }

  async look(): Promise<Sight> {
    return {
      boundElsewhere: [],
      cluster: this.cluster,
      picture: await pictureOf(this.host),
      sources: this.#options.sources,
    };
  }

  deeds(): string[] {
    return this.#deeds.splice(0);
  }

  #resting(): Rest | undefined {
    const { nowMs, idle } = this.#scheduler;
    // A timer may have let much time pass before what waits had its turn.
    if (!idle) return undefined;
    const written = nowMs - this.#lastWriteMs;
    if (written > SILENCE_MS && nowMs - this.#lastOrderMs > SILENCE_MS) return 'silent';
    return written > PATIENCE_MS ? 'orders go on' : undefined;
  }

  #run(random: Random): void {
    const scheduler = this.#scheduler;
    const faults = noFaults(random);
    const underway = new Underway();
    const queue = new SimulatedQueue(scheduler, faults);
    const broken = (error: Error): void => {
      this.#unexpected ??= error;
    };
    const { logger } = this.#options;
    const agent = new SimulatedAgent({
      host: this.host,
      queue,
      faults,
      installationUid: 'installation',
      incarnation: '1-a',
      process: new Process('agent h1', scheduler),
      onBroken: broken,
      underway,
      logger,
    });
    agent.run().catch(broken);
    runController({
      store: this.#store,
      queue,
      faults,
      kinds,
      installationUid: 'installation',
      process: new Process('controller', scheduler),
      watch: new ControllerWatch(this.#store, scheduler, broken),
      underway,
      onLeading: () => undefined,
      logger,
    }).catch(broken);
  }

  /** What the API server's garbage collector does: nothing stays that has lost all its owners. */
  #collectGarbage(): void {
    this.#scheduler.add('garbage collector', undefined, () => {
      const all = [...this.#collections.values()].flatMap(({ plural }) => this.#store.all(plural));
      const uids = new Set(all.map(({ metadata }) => metadata.uid));
      for (const { kind, metadata } of all) {
        const { ownerReferences: owners = [] } = metadata;
        if (owners.length === 0 || owners.some(({ uid }) => uids.has(uid))) continue;
        this.#store.delete(typeOf(this.#collectionOf(kind)), metadata, metadata.uid);
      }
    });
  }

  #happens(label: string): void {
    if (/timer$|leases\/|hears of epoch/.test(label)) return;
    if (label.startsWith('controller: order ')) {
      this.#lastOrderMs = this.#scheduler.nowMs;
      this.#deeds.push(label);
    }
    this.#tell(label);
  }

  #tell(what: string): void {
    this.story.push(`${(this.#scheduler.nowMs / 1_000).toFixed(1)} s  ${what}`);
  }

  #collectionOf(kind: string): Collection {
    const found = this.#collections.get(kind);
    if (!found) throw new Error(`there is no kind ${kind}`);
    return found;
  }
}
