import { Observer } from '../agent/observer.ts';
import { OrderDesk } from '../agent/order-desk.ts';
import { LockLost } from '../queue/interruptions.ts';
import type { Purpose } from '../queue/signature.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Faults } from './faults.ts';
import { facts, type SimulatedHost } from './host.ts';
import type { SimulatedQueue } from './queue.ts';
import type { InvariantBroken } from './invariants.ts';
import type { Process } from './scheduler.ts';
import { WatchedFence } from './watched-fence.ts';

export interface AgentWorld {
  host: SimulatedHost;
  queue: SimulatedQueue;
  faults: Faults;
  installationUid: string;
  incarnation: string;
  process: Process;
  onBroken: (broken: InvariantBroken) => void;
  logger: Logger;
}

/** The agent of a simulated host: the production fence, observer and order desk over the simulated queue. */
export class SimulatedAgent {
  readonly #world: AgentWorld;
  readonly #observer: Observer;
  readonly #desk: OrderDesk;
  readonly #fence: WatchedFence;
  readonly #publisher: ReturnType<SimulatedQueue['publisherFor']>;

  constructor(world: AgentWorld) {
    this.#world = world;
    const { host, queue, faults, incarnation, installationUid, process, logger } = world;
    const { name: hostName, agentUid, bootId, book } = host;
    const ports = host.portsFor(process, faults);
    const now = (): number => process.clock.now();
    const trust = { installationUid, controllerPublicKey: 'simulated' };
    this.#fence = new WatchedFence(
      { book, agentUid, incarnation, trust, now },
      host.chronicle,
      world.onBroken,
    );
    this.#publisher = queue.publisherFor({ hostName, agentUid, incarnation, process });
    this.#observer = new Observer({
      host: { hostName, agentUid, bootId, facts },
      ports,
      fence: this.#fence,
      publisher: this.#publisher,
      clock: process.clock,
      onError: () => undefined,
    });
    this.#desk = new OrderDesk({
      orders: queue.ordersOf(agentUid, process),
      verify: payloadOf,
      sealingPrivateKey: '',
      fence: this.#fence,
      observer: this.#observer,
      context: { ...ports, now, host: { accelerator: facts.accelerator, cpus: facts.cpus } },
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

  #answer(uid: string): void {
    const { faults, process } = this.#world;
    const abort = new AbortController();
    const work = (signal: AbortSignal): void => void this.#desk.handle(uid, signal).catch(() => undefined);
    work(abort.signal);
    if (!faults.happens('lock lost')) return;
    // The queue takes the job for stalled and gives it to somebody again, while the first still works.
    process.soon('loses a lock', () => abort.abort(new LockLost()));
    process.soon('gets the job again', () => work(new AbortController().signal));
  }
}

/** In a simulated world nobody forges; signatures are proved by their own tests. */
const payloadOf = (_purpose: Purpose, record: string): string =>
  (JSON.parse(record) as { payload: string }).payload;
