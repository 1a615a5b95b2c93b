import { createHash } from 'node:crypto';
import { countStart } from '../agent/fence-book.ts';
import type { KindDefinition } from '../plan/kind.ts';
import { incarnationOf } from '../queue/snapshot-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import { SimulatedAgent } from './agent.ts';
import { ApiStore, type Collection } from './api-store.ts';
import { runController } from './controller.ts';
import { ControllerWatch } from './controller-watch.ts';
import { Disturbances } from './disturbances.ts';
import { type FaultKind, Faults } from './faults.ts';
import { SimulatedHost } from './host.ts';
import { InvariantBroken, Invariants } from './invariants.ts';
import { SimulatedQueue } from './queue.ts';
import { Random } from './random.ts';
import { Process, Scheduler } from './scheduler.ts';
import { Workload } from './workload.ts';

export interface WorldOptions {
  seed: number;
  kinds: readonly KindDefinition[];
  collections: readonly Collection[];
  /** The bytes of an image that hosts can import. */
  image: Buffer;
  logger: Logger;
  /** Instead of a number that follows from the seed. */
  limits?: { actions?: number; faults?: number; only?: readonly FaultKind[] };
}

/** What became of one seed. */
export interface Verdict {
  seed: number;
  hosts: number;
  objects: number;
  steps: number;
  faults: ReadonlyMap<FaultKind, number>;
  /** Of everything that happened, in order: equal for equal seeds. */
  traceHash: string;
  broken?: { invariant: string; message: string; story: string[] };
}

const RESTART_MS = 200;
/** Far more than any world has needed that converged. */
const MAX_STEPS = 60_000;
/** Longer than the delay after which anything that may still succeed is tried again. */
const SILENCE_MS = 70_000;
/** After a listing that finds nothing new. */
const SHORT_SILENCE_MS = 20_000;
const STORY_LINES = 60_000;
/** What happens all the time, also in a world at rest. */
const HUM = /timer$|leases\/purlin-controller$|hears of epoch/;

/** A whole installation on simulated hosts, and everything that one seed does to it. */
export class World {
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;
  readonly #store: ApiStore;
  readonly #queue: SimulatedQueue;
  readonly #hosts: readonly SimulatedHost[];
  readonly #invariants: Invariants;
  readonly #watch: ControllerWatch;
  readonly #disturbances: Disturbances;
  readonly #workload: Workload;
  readonly #agents = new Map<string, { agent: SimulatedAgent; process: Process }>();
  readonly #controllers = new Map<string, Process>();
  readonly #story: string[] = [];
  readonly #trace = createHash('sha256');
  #lastWriteMs = 0;
  #objects = 0;
  #unexpected: unknown;

  constructor(options: WorldOptions) {
    const { seed, limits = {} } = options;
    this.#options = options;
    const random = new Random(seed);
    this.#random = random;
    this.#scheduler = new Scheduler(random, (label) => this.#note(label));
    this.#faults = new Faults(random, {
      budget: limits.faults ?? 5 + random.below(25),
      ...(limits.only && { only: limits.only }),
    });
    this.#store = new ApiStore({
      collections: options.collections,
      newUid: () => random.uuid(),
      now: () => Date.UTC(2026, 0, 1) + this.#scheduler.nowMs,
    });
    this.#queue = new SimulatedQueue(this.#scheduler, this.#faults);
    this.#hosts = Array.from({ length: 3 + random.below(2) }, (_, index) => {
      const host = new SimulatedHost(`h${index + 1}`, random.uuid());
      host.storage.publish('/import/demo.qcow2', options.image);
      return host;
    });
    this.#invariants = new Invariants(this.#store, this.#hosts);
    this.#watch = new ControllerWatch(this.#store, this.#scheduler, (broken) => this.#break(broken));
    this.#workload = new Workload(this.#store, random);
    this.#disturbances = new Disturbances({
      random,
      scheduler: this.#scheduler,
      faults: this.#faults,
      store: this.#store,
      queue: this.#queue,
      hosts: this.#hosts,
      invariants: this.#invariants,
      agentOf: ({ name }) => this.#agents.get(name)?.process,
      controllers: () => [...this.#controllers.values()],
    });
    this.#store.onChange(({ plural, type, object }) => {
      if (type === 'ADDED') this.#objects += 1;
      if (plural !== 'leases') this.#lastWriteMs = this.#scheduler.nowMs;
      const mayBeOrphan = type === 'ADDED' && object.metadata.ownerReferences !== undefined;
      if (type === 'DELETED' || mayBeOrphan) this.#collectGarbage();
    });
  }

  /** The seed's whole story. Never rejects for what went wrong in it: that is the verdict. */
  async run(): Promise<Verdict> {
    try {
      await this.#live();
      if (this.#random.chance(0.5)) await this.#disturbTheRest();
      await this.#comeToRest();
      this.#invariants.checkRest();
      return this.#verdict();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const invariant = error instanceof InvariantBroken ? error.invariant : 'nothing unexpected is thrown';
      const message = error instanceof InvariantBroken ? error.message : (error.stack ?? error.message);
      return { ...this.#verdict(), broken: { invariant, message, story: this.#story } };
    }
  }

  /** Users act, and things go wrong. */
  async #live(): Promise<void> {
    for (const host of this.#hosts) this.#startAgent(host);
    for (const name of ['controller-a', 'controller-b']) this.#startController(name);
    this.#tell(`users apply ${this.#workload.begin(2 + this.#random.below(2))}`);
    if (this.#random.chance(0.7)) await this.#settleIn();
    const actions = this.#options.limits?.actions ?? 6 + this.#random.below(8);
    for (let done = 0; done < actions; done += 1) {
      await this.#steps(60 + this.#random.below(120));
      this.#tell(`a user ${this.#workload.act()}`);
    }
    await this.#steps(60);
  }

  /** In most worlds things go wrong when guests run already. */
  async #settleIn(): Promise<void> {
    this.#faults.stop();
    const limit = this.#scheduler.steps + MAX_STEPS;
    while (!this.#invariants.guestsRun && this.#scheduler.steps < limit) await this.#step();
    this.#faults.resume();
    this.#tell('guests run; now things may go wrong');
  }

  /** Where nothing else happens any more, nothing else covers up for what a fault makes somebody forget. */
  async #disturbTheRest(): Promise<void> {
    this.#faults.stop();
    this.#tell('things are let be for a while');
    await this.#untilSilent(SHORT_SILENCE_MS);
    this.#faults.resume();
    this.#tell(`a user ${this.#workload.act()}`);
    await this.#steps(20 + this.#random.below(60));
  }

  /** No fault any more: what is down comes back, and the world must find its rest. */
  async #comeToRest(): Promise<void> {
    this.#faults.stop();
    this.#tell('nothing goes wrong any more');
    await this.#untilSilent(SILENCE_MS);
    // Events were lost for good: the listing that every agent makes each ten minutes finds what they would have told.
    for (const { agent } of this.#agents.values()) void agent.listEverything();
    await this.#untilSilent(SHORT_SILENCE_MS);
  }

  async #untilSilent(silenceMs: number): Promise<void> {
    this.#lastWriteMs = this.#scheduler.nowMs;
    const limit = this.#scheduler.steps + MAX_STEPS;
    while (this.#scheduler.nowMs - this.#lastWriteMs < silenceMs) {
      await this.#step();
      for (const what of this.#workload.retry()) this.#tell(`a user ${what}`);
      if (this.#scheduler.steps > limit)
        throw new InvariantBroken('everything converges', `still at work after ${MAX_STEPS} steps`);
    }
  }

  #break(broken: InvariantBroken): void {
    this.#unexpected ??= broken;
  }

  async #steps(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      await this.#step();
      for (const what of this.#disturbances.happen()) this.#tell(what);
      for (const what of this.#workload.retry()) this.#tell(`a user ${what}`);
    }
  }

  async #step(): Promise<void> {
    await this.#scheduler.step();
    if (this.#unexpected !== undefined) throw this.#unexpected;
    this.#invariants.check();
  }

  #startAgent(host: SimulatedHost): void {
    const process = new Process(`agent ${host.name}`, this.#scheduler);
    const { logger } = this.#options;
    const agent = new SimulatedAgent({
      host,
      queue: this.#queue,
      faults: this.#faults,
      installationUid: 'installation',
      incarnation: incarnationOf(countStart(host.book), this.#random.uuid()),
      process,
      onBroken: (broken) => this.#break(broken),
      logger,
    });
    this.#agents.set(host.name, { agent, process });
    process.onDeath(() => {
      this.#tell(`agent ${host.name} dies`);
      this.#scheduler.after(`agent ${host.name} is started again`, RESTART_MS, undefined, () =>
        this.#startAgent(host),
      );
    });
    agent.run().catch(() => process.kill());
  }

  #startController(name: string): void {
    const process = new Process(name, this.#scheduler);
    this.#controllers.set(name, process);
    process.onDeath(() => {
      this.#tell(`${name} dies`);
      this.#scheduler.after(`${name} is started again`, RESTART_MS, undefined, () =>
        this.#startController(name),
      );
    });
    const { kinds, logger } = this.#options;
    runController({
      store: this.#store,
      queue: this.#queue,
      faults: this.#faults,
      kinds,
      installationUid: 'installation',
      process,
      watch: this.#watch,
      logger,
    }).catch(() => process.kill());
  }

  /** What the API server's garbage collector does, in its own time: nothing stays that has lost all its owners. */
  #collectGarbage(): void {
    const present = (uid: string): boolean =>
      this.#store.all('machines').some(({ metadata }) => metadata.uid === uid);
    this.#scheduler.add('garbage collector', undefined, () => {
      for (const plural of ['disks', 'ipaddresses', 'placements']) {
        for (const { metadata } of this.#store.all(plural)) {
          const { ownerReferences: owners = [] } = metadata;
          if (owners.length === 0 || owners.some(({ uid }) => present(uid))) continue;
          this.#store.delete({ group: 'purlin.dev', version: 'v1alpha1', plural }, metadata, metadata.uid);
        }
      }
    });
  }

  #note(label: string): void {
    this.#trace.update(`${label}\n`);
    if (HUM.test(label)) return;
    this.#story.push(`${(this.#scheduler.nowMs / 1_000).toFixed(1)} s  ${label}`);
    if (this.#story.length > STORY_LINES) this.#story.shift();
  }

  #tell(what: string): void {
    this.#note(`*** ${what}`);
  }

  #verdict(): Verdict {
    return {
      seed: this.#options.seed,
      hosts: this.#hosts.length,
      objects: this.#objects,
      steps: this.#scheduler.steps,
      faults: this.#faults.fired,
      traceHash: this.#trace.copy().digest('hex'),
    };
  }
}
