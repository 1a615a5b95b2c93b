import { countStart } from '../agent/fence-book.ts';
import type { KindDefinition, Reader } from '../plan/kind.ts';
import { incarnationOf, publishedStart } from '../queue/snapshot-fields.ts';
import type { Logger } from '../telemetry/logger.ts';
import { SimulatedAgent } from './agent.ts';
import type { ApiStore } from './api-store.ts';
import { runController } from './controller.ts';
import type { ControllerWatch } from './controller-watch.ts';
import type { Faults, Spot } from './faults.ts';
import type { SimulatedHost } from './host.ts';
import type { InvariantBroken } from './invariant.ts';
import type { ActionName } from './meetings.ts';
import { mistakeIn } from './mistakes.ts';
import type { SimulatedQueue } from './queue.ts';
import type { Random } from './random.ts';
import { Process, type Scheduler } from './scheduler.ts';
import { Underway } from './underway.ts';

export interface ProgramsOptions {
  random: Random;
  scheduler: Scheduler;
  faults: Faults;
  store: ApiStore;
  queue: SimulatedQueue;
  /** Those that are lost are not among them any more. */
  hosts: readonly SimulatedHost[];
  kinds: readonly KindDefinition[];
  watch: ControllerWatch;
  logger: Logger;
  /** For the story. */
  tell: (what: string) => void;
  onBroken: (broken: InvariantBroken) => void;
}

interface RunningAgent {
  agent: SimulatedAgent;
  process: Process;
}

const INSTALLATION_UID = 'installation';
/** At least; whoever starts a process again may be slow too. */
const RESTART_MS = 200;
const SLOW_RESTART_MS = 6_000;

/** What runs in a simulated installation: an agent on each host and replicas of the controllers, started again whenever they die. */
export class Programs {
  readonly #options: ProgramsOptions;
  readonly #underway = new Underway();
  /** By the names of their hosts. */
  readonly #agents = new Map<string, RunningAgent>();
  readonly #controllers = new Map<string, Process>();
  /** The objects as each replica sees them that leads. */
  readonly #leading = new Map<Process, Reader>();

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  agentOf({ name }: SimulatedHost): RunningAgent | undefined {
    return this.#agents.get(name);
  }

  get agents(): SimulatedAgent[] {
    return [...this.#agents.values()].map(({ agent }) => agent);
  }

  get controllers(): Process[] {
    return [...this.#controllers.values()];
  }

  /** The objects as those see them who lead. */
  get caches(): Reader[] {
    return [...this.#leading.values()];
  }

  /** For good. */
  endAgent({ name }: SimulatedHost): void {
    this.#agents.get(name)?.process.kill();
    this.#agents.delete(name);
  }

  startAgent(host: SimulatedHost): void {
    const { scheduler, random, queue, faults, hosts, logger, onBroken, tell } = this.#options;
    if (!hosts.includes(host)) return;
    const process = new Process(`agent ${host.name}`, scheduler);
    const published = publishedStart(queue.records(host.agentUid)?.published);
    const agent = new SimulatedAgent({
      host,
      queue,
      faults,
      installationUid: INSTALLATION_UID,
      incarnation: incarnationOf(countStart(host.book, published), random.uuid()),
      process,
      underway: this.#underway,
      onBroken,
      logger,
    });
    this.#agents.set(host.name, { agent, process });
    process.onDeath(() => {
      tell(`agent ${host.name} dies`);
      scheduler.after(`agent ${host.name} is started again`, this.#restartDelayMs(), undefined, () =>
        this.startAgent(host),
      );
    });
    agent.run().catch((error: unknown) => this.#end(process, error));
  }

  startController(name: string): void {
    const { scheduler, store, queue, faults, kinds, watch, logger, tell } = this.#options;
    const process = new Process(name, scheduler);
    this.#controllers.set(name, process);
    process.onDeath(() => {
      this.#leading.delete(process);
      tell(`${name} dies`);
      scheduler.after(`${name} is started again`, this.#restartDelayMs(), undefined, () =>
        this.startController(name),
      );
    });
    runController({
      store,
      queue,
      faults,
      kinds,
      installationUid: INSTALLATION_UID,
      process,
      underway: this.#underway,
      watch,
      onLeading: (objects) => void this.#leading.set(process, objects),
      logger,
    }).catch((error: unknown) => this.#end(process, error));
  }

  /** On a host its own orders, by a controller its own writes; by the one that leads all that it ordered as well. */
  actionsUnderway(at?: Spot): ReadonlySet<ActionName> {
    const { queue, hosts } = this.#options;
    const controller = at === undefined ? undefined : this.#controllers.get(at);
    if (at === undefined || (controller && this.#leading.has(controller)))
      return new Set([...queue.standingActions(), ...this.#underway.actions()]);
    if (controller) return new Set(this.#underway.actions(controller));
    const host = hosts.find(({ name }) => name === at);
    const agent = this.#agents.get(at)?.process;
    return new Set([
      ...(host ? queue.standingActions(host.agentUid) : []),
      ...(agent ? this.#underway.actions(agent) : []),
      ...this.controllers.flatMap((each) => this.#underway.actions(each)),
    ]);
  }

  /** A process that cannot go on dies; a mistake of its program breaks the world. */
  #end(process: Process, error: unknown): void {
    const broken = mistakeIn(error);
    if (broken) this.#options.onBroken(broken);
    process.kill();
  }

  #restartDelayMs(): number {
    const { random } = this.#options;
    return random.chance(0.7) ? RESTART_MS : RESTART_MS + random.below(SLOW_RESTART_MS);
  }
}
