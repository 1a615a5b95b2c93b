import type { Order } from '../queue/order.ts';
import type { OrdersOfHost } from '../queue/orders.ts';
import type { HostActionName } from '../plan/actions.ts';
import type { Faults } from './faults.ts';
import { type OnBelieved, SimulatedMirror, SimulatedPublisher } from './observations.ts';
import type { Process, Scheduler } from './scheduler.ts';

/** An agent's publication as Redis holds it. */
export interface Published {
  incarnation: string;
  sequence: number;
  fields: Map<string, string>;
}

/** What Redis holds for one host. */
interface HostRecords {
  hostName: string;
  orders: Map<string, StandingRecord>;
  published: Published | undefined;
}

interface Redis {
  hosts: Map<string, HostRecords>;
  epoch: number;
}

/** An order as Redis holds it; what it asks for is beside it for whoever watches over the world. */
interface StandingRecord {
  text: string;
  action: HostActionName;
}

interface StandingOrder extends Pick<Order, 'orderId' | 'epoch' | 'generation' | 'incarnation' | 'basis'> {
  payload: string;
}

const ALIVE_MS = 15_000;

/**
 * Redis and the queue over it, as controllers and agents see them: orders that only newer ones replace, doorbells that
 * may be lost or ring twice, publications, signs of life, and the epoch. All of it can vanish, or become what it was.
 */
export class SimulatedQueue {
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;
  #redis: Redis = { hosts: new Map(), epoch: 0 };
  #older: Redis | undefined;
  readonly #doors = new Map<string, (uid: string) => void>();
  readonly #epochListeners = new Map<string, (epoch: number) => void>();
  readonly #mirrors = new Set<SimulatedMirror>();
  readonly #beats = new Map<string, number>();
  #reachable = true;
  #lastOrderMs = 0;
  readonly #waiting: (() => void)[] = [];
  /** Agents that the network keeps from Redis. */
  readonly #cutOff = new Set<string>();

  constructor(scheduler: Scheduler, faults: Faults) {
    this.#scheduler = scheduler;
    this.#faults = faults;
  }

  /** When an order was written last. */
  get lastOrderMs(): number {
    return this.#lastOrderMs;
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  /** While nobody reaches Redis, writes of orders fail, and everything else waits until it answers again. */
  set reachable(reachable: boolean) {
    this.#reachable = reachable;
    if (!reachable) for (const mirror of this.#mirrors) mirror.doubtAll();
    else this.#goOn();
  }

  #goOn(): void {
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  reaches(agentUid: string): boolean {
    return this.#reachable && !this.#cutOff.has(agentUid);
  }

  /** The agent hears nothing and is not heard, until it is let in again. */
  cutOff(agentUid: string): void {
    this.#cutOff.add(agentUid);
  }

  letIn(agentUid: string): void {
    this.#cutOff.delete(agentUid);
    this.#goOn();
    this.#ringAll(agentUid);
  }

  async answers(agentUid: string): Promise<void> {
    while (!this.reaches(agentUid)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** What the order that stands for an object asks for. */
  standingAction(agentUid: string, uid: string): HostActionName | undefined {
    return this.#redis.hosts.get(agentUid)?.orders.get(uid)?.action;
  }

  /** What every order that stands asks for, or each that stands for one agent. */
  standingActions(agentUid?: string): HostActionName[] {
    const { hosts } = this.#redis;
    const asked = agentUid === undefined ? [...hosts.values()] : [hosts.get(agentUid)];
    return asked.flatMap((host) => [...(host?.orders.values() ?? [])].map(({ action }) => action));
  }

  /** The queue's own jobs are there as long as the orders that they stand for. */
  #ringAll(agentUid: string): void {
    for (const uid of this.#redis.hosts.get(agentUid)?.orders.keys() ?? []) this.#doors.get(agentUid)?.(uid);
  }

  /** Everything in Redis is gone. */
  flush(): void {
    this.#redis = { hosts: new Map(), epoch: 0 };
    this.#beats.clear();
    for (const mirror of this.#mirrors) mirror.doubtAll();
  }

  /** Kept for {@link restoreOlder}. */
  remember(): void {
    this.#older = copyOf(this.#redis);
  }

  restoreOlder(): void {
    if (!this.#older) return;
    this.#redis = copyOf(this.#older);
    for (const mirror of this.#mirrors) mirror.doubtAll();
    for (const agentUid of this.#redis.hosts.keys()) this.#ringAll(agentUid);
  }

  /** @param onBelieved told of every publication that it takes for the state of a host */
  mirrorFor(process: Process, onBelieved: OnBelieved = () => undefined): SimulatedMirror {
    const mirror = new SimulatedMirror(this, process, onBelieved);
    this.#mirrors.add(mirror);
    process.onDeath(() => this.#mirrors.delete(mirror));
    return mirror;
  }

  /** Tells agents whom to obey, now and again. @returns false when a later epoch stands */
  announceEpoch(epoch: number): boolean {
    if (!this.#reachable) return true;
    if (this.#redis.epoch > epoch) return false;
    this.#redis.epoch = epoch;
    for (const tell of this.#epochListeners.values()) tell(epoch);
    return true;
  }

  /** The agent hears of every epoch that is announced, and of the one that stands. */
  listenForEpoch(agentUid: string, process: Process, listener: (epoch: number) => void): void {
    const tell = (epoch: number): void => {
      if (this.reaches(agentUid)) process.soon(`hears of epoch ${epoch}`, () => listener(epoch));
    };
    this.#epochListeners.set(agentUid, tell);
    process.onDeath(() => {
      if (this.#epochListeners.get(agentUid) === tell) this.#epochListeners.delete(agentUid);
    });
    if (this.#redis.epoch > 0) tell(this.#redis.epoch);
  }

  /** `open` is called for each doorbell. */
  answerDoor(agentUid: string, process: Process, open: (uid: string) => void): void {
    const ring = (uid: string): void => {
      if (this.reaches(agentUid)) process.soon(`doorbell ${uid.slice(0, 8)}`, () => open(uid));
    };
    this.#doors.set(agentUid, ring);
    process.onDeath(() => {
      if (this.#doors.get(agentUid) === ring) this.#doors.delete(agentUid);
    });
  }

  /** The controller's side; `orders.put` of the loop. */
  ordersFor(process: Process): { put(order: Order): Promise<'written' | 'superseded'> } {
    return {
      put: async (order) => {
        await process.sent(`order ${order.action.name} for ${order.kind} ${order.name}`);
        if (!this.#reachable) throw new Error('Redis does not answer');
        const written = this.#put(order);
        await process.step(`answer to order ${order.action.name}`);
        return written;
      },
    };
  }

  #put(order: Order): 'written' | 'superseded' {
    this.#lastOrderMs = this.#scheduler.nowMs;
    const records = this.#redis.hosts.get(order.hostUid);
    if (!records) throw new Error(`no agent ${order.hostUid} has published itself yet`);
    const standing = records.orders.get(order.uid);
    if (standing && isNewer(JSON.parse(standing.text) as StandingOrder, order)) return 'superseded';
    const { orderId, epoch, generation, incarnation, basis } = order;
    const record = { orderId, epoch, generation, incarnation, basis, payload: JSON.stringify(order) };
    const action = order.action.name;
    records.orders.set(order.uid, { text: JSON.stringify(record), action });
    if (this.#faults.happens('doorbell lost', { during: action })) return 'written';
    this.#doors.get(order.hostUid)?.(order.uid);
    if (this.#faults.happens('doorbell repeated', { during: action }))
      this.#doors.get(order.hostUid)?.(order.uid);
    return 'written';
  }

  ordersOf(agentUid: string, process: Process): OrdersOfHost {
    const records = (): Map<string, StandingRecord> => this.#redis.hosts.get(agentUid)?.orders ?? new Map();
    return {
      read: async (uid) => {
        await process.step(`reads the order for ${uid.slice(0, 8)}`);
        await this.answers(agentUid);
        return records().get(uid)?.text;
      },
      uids: async () => {
        await process.step('reads which orders stand');
        await this.answers(agentUid);
        return [...records().keys()];
      },
      remove: async (uid, asRead, orderId) => {
        await process.step(`removes the order for ${uid.slice(0, 8)}`);
        await this.answers(agentUid);
        const standing = records().get(uid)?.text;
        if (standing === undefined) return;
        const again = orderId !== '' && (JSON.parse(standing) as StandingOrder).orderId === orderId;
        if (standing === asRead || again) records().delete(uid);
      },
    };
  }

  publisherFor(options: {
    hostName: string;
    agentUid: string;
    incarnation: string;
    process: Process;
  }): SimulatedPublisher {
    return new SimulatedPublisher(this, options);
  }

  /** Called by publishers: the whole content under a new version. */
  take(agentUid: string, hostName: string, published: Published): void {
    const records = this.#redis.hosts.get(agentUid) ?? { hostName, orders: new Map(), published: undefined };
    const before = records.published;
    this.#redis.hosts.set(agentUid, { ...records, published });
    this.#beats.set(agentUid, this.#scheduler.nowMs);
    const change = before?.incarnation === published.incarnation ? before.sequence : undefined;
    for (const mirror of this.#mirrors) mirror.hear(agentUid, change);
  }

  /** A sign of life, and whether Redis still has what was published. */
  beat(agentUid: string, version: Pick<Published, 'incarnation' | 'sequence'>): boolean {
    this.#beats.set(agentUid, this.#scheduler.nowMs);
    const found = this.#redis.hosts.get(agentUid)?.published;
    return found?.incarnation === version.incarnation && found.sequence === version.sequence;
  }

  records(agentUid: string): HostRecords | undefined {
    return this.#redis.hosts.get(agentUid);
  }

  agentUids(): string[] {
    return [...this.#redis.hosts.keys()];
  }

  isAlive(agentUid: string): boolean {
    const beat = this.#beats.get(agentUid);
    return beat !== undefined && this.#scheduler.nowMs - beat <= ALIVE_MS;
  }
}

/** The rule of the script that writes orders: by epoch, then generation, then basis of the same incarnation. */
function isNewer(standing: StandingOrder, order: Order): boolean {
  if (standing.epoch !== order.epoch) return standing.epoch > order.epoch;
  if (standing.generation !== order.generation) return standing.generation > order.generation;
  return standing.incarnation === order.incarnation && standing.basis > order.basis;
}

const copyOf = ({ hosts, epoch }: Redis): Redis => ({
  epoch,
  hosts: new Map([...hosts].map(([uid, records]) => [uid, { ...records, orders: new Map(records.orders) }])),
});
