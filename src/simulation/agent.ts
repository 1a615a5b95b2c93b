import { AsyncLocalStorage } from 'node:async_hooks';
import { Observer } from '../agent/observer.ts';
import { OrderDesk } from '../agent/order-desk.ts';
import type { HostActionName } from '../plan/actions.ts';
import { LockLost } from '../queue/interruptions.ts';
import type { Purpose } from '../queue/signature.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Faults } from './faults.ts';
import type { SimulatedHost } from './host.ts';
import type { SimulatedQueue } from './queue.ts';
import type { InvariantBroken } from './invariant.ts';
import { mistakeIn } from './mistakes.ts';
import type { Process } from './scheduler.ts';
import type { Underway } from './underway.ts';
import { WatchedFence } from './watched-fence.ts';

export interface AgentWorld {
  host: SimulatedHost;
  queue: SimulatedQueue;
  faults: Faults;
  installationUid: string;
  incarnation: string;
  process: Process;
  onBroken: (broken: InvariantBroken) => void;
  underway: Underway;
  logger: Logger;
}

/** The agent of a simulated host: the production fence, observer and order desk over the simulated queue. */
export class SimulatedAgent {
  readonly #world: AgentWorld;
  readonly #observer: Observer;
  readonly #desk: OrderDesk;
  readonly #fence: WatchedFence;
  readonly #publisher: ReturnType<SimulatedQueue['publisherFor']>;
  /** UID of the object that a step on the host is for. */
  readonly #workingFor = new AsyncLocalStorage<string>();
  /** The jobs that it has in hand. */
  readonly #jobs = new Set<{ uid: string; abort: AbortController }>();

  constructor(world: AgentWorld) {
    this.#world = world;
    const { host, queue, faults, incarnation, installationUid, process, logger } = world;
    const { name: hostName, agentUid, bootId, book } = host;
    const ports = host.portsFor(process, faults, () => this.#actionInHand());
    const now = (): number => process.clock.now();
    const uptimeMs = (): number => process.clock.uptimeMs();
    const trust = { installationUid, controllerPublicKey: 'simulated' };
    this.#fence = new WatchedFence(
      { book, agentUid, incarnation, trust, now },
      host.chronicle,
      world.onBroken,
      (action) => world.underway.begin(process, action),
    );
    this.#publisher = queue.publisherFor({ hostName, agentUid, incarnation, process });
    this.#observer = new Observer({
      host: { hostName, agentUid, bootId, facts: host.facts },
      ports,
      fence: this.#fence,
      publisher: this.#publisher,
      clock: process.clock,
      onError: (error) => this.#notice(error),
    });
    this.#desk = new OrderDesk({
      orders: queue.ordersOf(agentUid, process),
      verify: payloadOf,
      sealingPrivateKey: '',
      fence: this.#fence,
      observer: this.#observer,
      context: { ...ports, uptimeMs, host: host.facts },
      clock: process.clock,
      logger,
    });
  }

  /** The same order of events as in the production agent: seen first, then obeying, then working. */
  async run(): Promise<void> {
    const { host, queue, process } = this.#world;
    this.#observer.publish();
    await this.#publisher.push();
    await this.#observer.start();
    await this.#publisher.push();
    this.#publisher.start();
    queue.listenForEpoch(host.agentUid, process, (epoch) => {
      const before = this.#fence.epoch;
      if (this.#fence.acceptEpoch(epoch) && epoch !== before) this.#observer.publish();
    });
    queue.answerDoor(host.agentUid, process, (uid) => this.#answer(uid));
    for (const uid of await queue.ordersOf(host.agentUid, process).uids()) this.#answer(uid);
  }

  /** What every agent does each ten minutes. */
  async listEverything(): Promise<void> {
    await this.#observer.refresh();
  }

  /** It was frozen for so long that the queue took all its jobs for stalled. */
  wakeUp(): void {
    for (const job of this.#jobs) this.#loseLock(job);
  }

  #actionInHand(): HostActionName | undefined {
    const uid = this.#workingFor.getStore();
    return uid === undefined ? undefined : this.#fence.underway(uid);
  }

  #answer(uid: string): void {
    this.#desk.interrupt(uid).catch((error: unknown) => this.#notice(error));
    const job = this.#work(uid);
    const action = this.#world.queue.standingAction(this.#world.host.agentUid, uid);
    if (action !== undefined && this.#world.faults.happens('lock lost', { during: action }))
      this.#loseLock(job);
  }

  #work(uid: string): { uid: string; abort: AbortController } {
    const job = { uid, abort: new AbortController() };
    this.#jobs.add(job);
    this.#workingFor
      .run(uid, () => this.#desk.handle(uid, job.abort.signal))
      .catch((error: unknown) => this.#notice(error))
      .finally(() => this.#jobs.delete(job));
    return job;
  }

  /** What goes wrong is tried again, but for what cannot be a fault of the world. */
  #notice(error: unknown): void {
    const broken = mistakeIn(error);
    if (broken) this.#world.onBroken(broken);
  }

  /** The queue takes the job for stalled and gives it to somebody again, while the first still works. */
  #loseLock({ uid, abort }: { uid: string; abort: AbortController }): void {
    const { process } = this.#world;
    process.soon('loses a lock', () => abort.abort(new LockLost()));
    process.soon('gets the job again', () => this.#work(uid));
  }
}

/** In a simulated world nobody forges; signatures are proved by their own tests. */
const payloadOf = (_purpose: Purpose, record: string): string =>
  (JSON.parse(record) as { payload: string }).payload;
