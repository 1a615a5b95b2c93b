import { createHash } from 'node:crypto';
import type { KindDefinition } from '../plan/kind.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ApiStore, type Collection } from './api-store.ts';
import { ControllerWatch } from './controller-watch.ts';
import { Disturbances } from './disturbances.ts';
import type { FaultKind } from './fault-kinds.ts';
import { Faults } from './faults.ts';
import { SimulatedHost } from './host.ts';
import { image, oddImage } from './image.ts';
import { InvariantBroken } from './invariant.ts';
import { Invariants } from './invariants.ts';
import { Meetings } from './meetings.ts';
import { listeningTo } from './mistakes.ts';
import { aimOf, hostsOf, needsRunningGuests, type Size, sizeOf } from './plan-of-seed.ts';
import { Programs } from './programs.ts';
import { SimulatedQueue } from './queue.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { IMAGE_FILE, IMAGE_URL, UserClient } from './users/client.ts';
import { Users } from './users/users.ts';

export interface WorldOptions {
  seed: number;
  kinds: readonly KindDefinition[];
  collections: readonly Collection[];
  logger: Logger;
  /** As little as a world can have, so that many can be tried: another world than the seed leads to otherwise. */
  brief?: boolean;
  /** Instead of a number that follows from the seed. */
  limits?: { deeds?: number; faults?: number; only?: readonly FaultKind[] };
}

/** What became of one seed. */
export interface Verdict {
  seed: number;
  hosts: number;
  objects: number;
  steps: number;
  faults: ReadonlyMap<FaultKind, number>;
  /** Which fault met which action. */
  meetings: Meetings;
  /** Of everything that happened, in order: equal for equal seeds. */
  traceHash: string;
  broken?: { invariant: string; message: string; story: string[] };
}

/** Far more than any world has needed that converged. */
const MAX_STEPS = 60_000;
/** Guests that do not run by then wait for something that only users can mend. */
const SETTLE_STEPS = 3_000;
/** Longer than the delay after which anything that may still succeed is tried again. */
const SILENCE_MS = 70_000;
/** Longer than the longest grace period of a guest. */
const SHORT_SILENCE_MS = 35_000;
const STORY_LINES = 60_000;
/** In which users do what objects advise, until none does any more. */
const ROUNDS = 12;
const TRACE_CHARACTERS = 16_384;
/** What no event may ever tell of: libvirt says nothing of links, of CPUs, and of what was saved. */
const UNTOLD: readonly FaultKind[] = ['host event lost', 'link set down', 'guest edited', 'guest saved'];
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
  /** Those that are lost are not among them any more. */
  readonly #hosts: SimulatedHost[];
  readonly #hostCount: number;
  readonly #invariants: Invariants;
  readonly #programs: Programs;
  readonly #disturbances: Disturbances;
  readonly #users: Users;
  readonly #meetings = new Meetings();
  readonly #size: Size;
  readonly #story: { atMs: number; what: string }[] = [];
  readonly #trace = createHash('sha256');
  /** What is not hashed yet: many lines at once are much cheaper. */
  #untraced = '';
  #lastWriteMs = 0;
  #objects = 0;
  #unexpected: unknown;

  constructor(options: WorldOptions) {
    const { seed, limits = {} } = options;
    this.#options = options;
    const random = new Random(seed);
    this.#random = random;
    this.#scheduler = new Scheduler(random, (label) => this.#note(label));
    this.#size = sizeOf(random, options.brief);
    const aim = aimOf(seed);
    this.#faults = new Faults(random, {
      budget: limits.faults ?? this.#size.faults + random.below(this.#size.faults * 2),
      ...(limits.only && { only: limits.only }),
      ...(aim && { aim }),
      density: this.#size.density,
      underway: (at) => this.#programs.actionsUnderway(at),
      meetings: this.#meetings,
    });
    this.#store = new ApiStore({
      collections: options.collections,
      newUid: () => random.uuid(),
      now: () => Date.UTC(2026, 0, 1) + this.#scheduler.nowMs,
    });
    this.#queue = new SimulatedQueue(this.#scheduler, this.#faults);
    this.#hosts = Array.from({ length: hostsOf(random, aim) }, (_, index) => {
      const host = new SimulatedHost(`h${index + 1}`, random.uuid(), index === 0 ? 'KVM' : 'TCG');
      for (const location of [IMAGE_FILE, IMAGE_URL]) host.storage.publish(location, image);
      host.network.setForeignCidrs(['10.99.0.0/24']);
      host.hypervisor.guestsShutDown = aim?.action !== 'machine.withdrawShutdown' && random.chance(0.7);
      return host;
    });
    this.#hostCount = this.#hosts.length;
    this.#invariants = new Invariants(this.#store, this.#hosts, options.kinds);
    const onBroken = (broken: InvariantBroken): void => this.#break(broken);
    this.#programs = new Programs({
      random,
      scheduler: this.#scheduler,
      faults: this.#faults,
      store: this.#store,
      queue: this.#queue,
      hosts: this.#hosts,
      kinds: options.kinds,
      watch: new ControllerWatch(this.#store, this.#scheduler, onBroken),
      logger: listeningTo(options.logger, onBroken),
      tell: (what) => this.#tell(what),
      onBroken,
    });
    const publish = (file: string): void => {
      for (const { storage } of this.#hosts) storage.publish(file, oddImage);
    };
    const isLost = (name: string): boolean => this.#hosts.every((host) => host.name !== name);
    this.#users = new Users(new UserClient(this.#store, random, { publish, isLost }), aim);
    this.#disturbances = new Disturbances({
      random,
      scheduler: this.#scheduler,
      faults: this.#faults,
      store: this.#store,
      queue: this.#queue,
      hosts: this.#hosts,
      invariants: this.#invariants,
      agentOf: (host) => this.#programs.agentOf(host),
      controllers: () => this.#programs.controllers,
      loseHost: (host) => this.#loseHost(host),
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
      if (this.#random.chance(this.#size.disturbedAtRest)) await this.#disturbTheRest();
      await this.#comeToRest();
      this.#invariants.checkRest(this.#programs.caches);
      return this.#verdict();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const invariant = error instanceof InvariantBroken ? error.invariant : 'nothing unexpected is thrown';
      const message = error instanceof InvariantBroken ? error.message : (error.stack ?? error.message);
      return { ...this.#verdict(), broken: { invariant, message, story: this.#linesOfStory() } };
    }
  }

  /** Users act, and things go wrong. */
  async #live(): Promise<void> {
    // Now and then there is something to do before there is a host to do it on.
    const delayMs = this.#random.chance(0.2) ? this.#random.below(10_000) : 0;
    for (const host of this.#hosts)
      this.#scheduler.after(`agent ${host.name} is started`, delayMs, undefined, () =>
        this.#programs.startAgent(host),
      );
    for (const name of ['controller-a', 'controller-b']) this.#programs.startController(name);
    this.#tell(`users apply ${this.#users.begin(this.#random.pick(this.#size.machines))}`);
    this.#store.backUp();
    const { aim } = this.#faults;
    if (this.#random.chance(this.#size.settles) || (aim && needsRunningGuests(aim))) await this.#settleIn();
    const deeds = this.#options.limits?.deeds ?? this.#size.deeds + this.#random.below(this.#size.deeds);
    for (let done = 0; done < deeds; done += 1) {
      await this.#pause();
      this.#tell(`a user ${this.#users.act()}`);
    }
    for (let more = 0; more < this.#size.furtherDeeds && !this.#faults.aimMet; more += 1) {
      await this.#pause();
      this.#tell(`a user ${this.#users.actTowards()}`);
    }
    await this.#steps(60);
  }

  /** Between two deeds; where what the world aims at came meanwhile, people show at once whether it was coped with. */
  async #pause(): Promise<void> {
    const metBefore = this.#faults.aimMet;
    await this.#steps(20 + this.#random.below(this.#size.pause));
    if (metBefore || !this.#faults.aimMet) return;
    for (const what of this.#disturbances.reactToAim()) this.#tell(what);
    for (const done of this.#users.actAfterFault()) this.#tell(`a user ${done}`);
  }

  /** In most worlds things go wrong only when guests run already. */
  async #settleIn(): Promise<void> {
    this.#faults.stop();
    const limit = this.#scheduler.steps + SETTLE_STEPS;
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
    this.#tell(`a user ${this.#users.act()}`);
    await this.#steps(20 + this.#random.below(60));
  }

  /** No fault any more: what is down comes back, and the world must find its rest. */
  async #comeToRest(): Promise<void> {
    this.#faults.stop();
    this.#tell('nothing goes wrong any more');
    await this.#untilLooksAreOver();
    if (UNTOLD.some((kind) => this.#faults.fired.has(kind))) await this.#listEverything();
    for (let round = 0; round < ROUNDS; round += 1) {
      const done = this.#users.correct();
      if (done.length === 0) return this.#checkSilence();
      for (const what of done) this.#tell(`a user ${what}`);
      await this.#untilLooksAreOver();
    }
    throw new InvariantBroken('what an object says leads out of it', `not after ${ROUNDS} rounds`);
  }

  /** There was no event, or it was lost for good: the listing that every agent makes each ten minutes finds what they would have told. */
  async #listEverything(): Promise<void> {
    for (const agent of this.#programs.agents) void agent.listEverything();
    await this.#untilSilent(SHORT_SILENCE_MS);
  }

  /** What fails says so and waits for a change; what is as it should be needs no order. */
  #checkSilence(): void {
    if (this.#scheduler.nowMs - this.#queue.lastOrderMs >= SHORT_SILENCE_MS) return;
    throw new InvariantBroken(
      'nothing is tried for ever',
      'an order was given although all is as it should be',
    );
  }

  async #untilSilent(silenceMs: number): Promise<void> {
    this.#lastWriteMs = this.#scheduler.nowMs;
    const limit = this.#scheduler.steps + MAX_STEPS;
    while (this.#scheduler.nowMs - this.#lastWriteMs < silenceMs) {
      await this.#step();
      for (const what of this.#users.retry()) this.#tell(`a user ${what}`);
      if (this.#scheduler.steps > limit)
        throw new InvariantBroken('everything converges', `still at work after ${MAX_STEPS} steps`);
    }
  }

  /** So silent that whoever waited has looked again. */
  async #untilLooksAreOver(): Promise<void> {
    await this.#untilSilent(SILENCE_MS);
    this.#invariants.checkSilence(this.#programs.caches);
  }

  #break(broken: InvariantBroken): void {
    this.#unexpected ??= broken;
  }

  async #steps(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      await this.#step();
      for (const what of this.#disturbances.happen()) this.#tell(what);
      for (const what of this.#users.retry()) this.#tell(`a user ${what}`);
    }
  }

  async #step(): Promise<void> {
    await this.#scheduler.step();
    if (this.#unexpected !== undefined) throw this.#unexpected;
    this.#invariants.check();
  }

  #loseHost(host: SimulatedHost): void {
    this.#hosts.splice(this.#hosts.indexOf(host), 1);
    this.#programs.endAgent(host);
  }

  /** What the API server's garbage collector does, in its own time: nothing stays that has lost all its owners. */
  #collectGarbage(): void {
    this.#scheduler.add('garbage collector', undefined, () => {
      const present = new Set(this.#store.everything().map(({ metadata }) => metadata.uid));
      for (const { plural } of this.#options.kinds) {
        for (const { metadata } of this.#store.all(plural)) {
          const { ownerReferences: owners = [] } = metadata;
          if (owners.length === 0 || owners.some(({ uid }) => present.has(uid))) continue;
          this.#store.delete({ group: 'purlin.dev', version: 'v1alpha1', plural }, metadata, metadata.uid);
        }
      }
    });
  }

  #note(label: string): void {
    this.#untraced += `${label}\n`;
    if (this.#untraced.length > TRACE_CHARACTERS) this.#hashTrace();
    if (HUM.test(label)) return;
    this.#story.push({ atMs: this.#scheduler.nowMs, what: label });
    if (this.#story.length > STORY_LINES) this.#story.shift();
  }

  #hashTrace(): void {
    this.#trace.update(this.#untraced);
    this.#untraced = '';
  }

  #linesOfStory(): string[] {
    return this.#story.map(({ atMs, what }) => `${(atMs / 1_000).toFixed(1)} s  ${what}`);
  }

  #tell(what: string): void {
    this.#note(`*** ${what}`);
  }

  #verdict(): Verdict {
    this.#hashTrace();
    return {
      seed: this.#options.seed,
      hosts: this.#hostCount,
      objects: this.#objects,
      steps: this.#scheduler.steps,
      faults: this.#faults.fired,
      meetings: this.#meetings,
      traceHash: this.#trace.copy().digest('hex'),
    };
  }
}
