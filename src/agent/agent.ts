import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Cancel, systemClock } from '../clock/clock.ts';
import type { HostFacts } from '../plan/snapshot.ts';
import { settledWithin } from '../queue/deadline.ts';
import { type EpochRecord, watchEpoch } from '../queue/epoch.ts';
import { ordersChannel } from '../queue/keys.ts';
import { HostNameTaken, readPublished, SnapshotPublisher } from '../queue/observations.ts';
import { incarnationOf, publishedStart } from '../queue/snapshot-fields.ts';
import { StandingOrders } from '../queue/orders.ts';
import { connectRedis, type RedisAddress } from '../queue/redis-connection.ts';
import { createVerifier } from '../queue/signature.ts';
import { OrderWorker } from '../queue/worker.ts';
import { type Around, nothingAround } from '../values/around.ts';
import { Fence, type Trust } from './fence.ts';
import { countStart, type FenceBook, SqliteFenceBook } from './fence-book.ts';
import { type AgentIdentity, loadIdentity } from './identity.ts';
import { Observer } from './observer.ts';
import { OrderDesk } from './order-desk.ts';
import type { AgentPorts } from './ports.ts';
import { TroubleLog } from './trouble-log.ts';

export interface AgentOptions {
  redis: RedisAddress;
  hostName: string;
  /** The agent's own files are below `<dataDir>/agent`. */
  dataDir: string;
  /** Opened already, where something else of the data directory had to wait for its lock; closed with the agent. */
  book?: FenceBook;
  ports: AgentPorts;
  facts: HostFacts;
  trust: Trust;
  logger: Logger;
  /** Milliseconds since the epoch; the system's clock unless a test wants another. */
  now?: () => number;
  /** How long a job in the queue is this worker's without renewal; 30 s. */
  lockDurationMs?: number;
  /** What a test puts between the agent and its own records. */
  around?: Around;
}

export interface Agent {
  readonly agentUid: string;
  readonly incarnation: string;
  /** Resolves once the first snapshot is in Redis and orders are taken. */
  ready(): Promise<void>;
  /** Rejects when the agent can never work again as it is: another one took the host's name. */
  readonly failed: Promise<never>;
  /** Takes no more orders, lets what runs finish within the deadline (8 s), and never touches a guest. */
  close(deadlineMs?: number): Promise<void>;
}

/**
 * The host side of Purlin: observes the host, publishes what it sees, and carries out the orders of one installation.
 *
 * @throws DataDirectoryTaken, HostNameTaken, or when Redis cannot be reached
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const identity = loadIdentity(options.dataDir);
  const now = options.now ?? Date.now;
  const { agentUid } = identity;
  const around = options.around ?? nothingAround;
  const book = around('fence', options.book ?? new SqliteFenceBook(options.dataDir));
  try {
    const published = publishedStart(await readPublished(options.redis, agentUid));
    const incarnation = incarnationOf(countStart(book, published), randomUUID());
    const fence = new Fence({ book, agentUid, incarnation, trust: options.trust, now });
    return await RunningAgent.start({ ...options, identity, incarnation, fence, now, around });
  } catch (error) {
    book.close();
    throw error;
  }
}

/** How soon an epoch that could not be recorded is recorded after all. */
const acceptAgainMs = 1_000;

const redisIsAway = 'Redis is away';
const notObeyed = 'a leader is announced that is not obeyed';

interface Parts extends AgentOptions {
  identity: AgentIdentity;
  incarnation: string;
  fence: Fence;
  now: () => number;
  around: Around;
}

class RunningAgent implements Agent {
  readonly agentUid: string;
  readonly incarnation: string;
  readonly failed: Promise<never>;
  readonly #parts: Parts;
  readonly #trouble: TroubleLog;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #publisher: SnapshotPublisher;
  readonly #observer: Observer;
  readonly #orders: StandingOrders;
  readonly #desk: OrderDesk;
  readonly #verify: ReturnType<typeof createVerifier>;
  readonly #fail: (error: Error) => void;
  #worker: OrderWorker | undefined;
  #closing: Promise<void> | undefined;
  #acceptLater: Cancel | undefined;
  #stopWatching: Cancel | undefined;

  private constructor(parts: Parts, redis: Redis, subscriber: Redis, trouble: TroubleLog) {
    const { identity, incarnation, hostName, fence, ports, facts, logger, around } = parts;
    const { agentUid, sealingKeys } = identity;
    this.agentUid = agentUid;
    this.incarnation = incarnation;
    this.#parts = parts;
    this.#trouble = trouble;
    this.#redis = redis;
    this.#subscriber = subscriber;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {}); // whoever cares listens; nobody has to
    this.failed = promise;
    this.#fail = reject;
    this.#verify = createVerifier(parts.trust.controllerPublicKey);
    const onError = (error: unknown): void => this.#report(error);
    this.#publisher = new SnapshotPublisher({
      redis,
      hostName,
      agentUid,
      incarnation,
      sealingKey: sealingKeys.publicKey,
      onError,
    });
    const host = { hostName, agentUid, bootId: readBootId(), facts };
    this.#observer = new Observer({
      host,
      ports,
      fence,
      publisher: this.#publisher,
      clock: systemClock,
      onError,
    });
    this.#orders = around('orders', new StandingOrders(redis, agentUid));
    this.#desk = new OrderDesk({
      orders: this.#orders,
      verify: this.#verify,
      sealingPrivateKey: sealingKeys.privateKey,
      fence,
      observer: this.#observer,
      context: {
        ...ports,
        uptimeMs: () => systemClock.uptimeMs(),
        host: { accelerator: facts.accelerator, cpus: facts.cpus },
      },
      clock: systemClock,
      logger,
    });
  }

  static async start(parts: Parts): Promise<RunningAgent> {
    const trouble = new TroubleLog(parts.logger, parts.now);
    const onError = (error: Error): void => trouble.warn(redisIsAway, error);
    const redis = await connectRedis(parts.redis, 'reader', onError);
    const subscriber = await connectRedis(parts.redis, 'reader', onError).catch((error: unknown) => {
      redis.disconnect();
      throw error;
    });
    redis.on('ready', () => {
      if (trouble.over(redisIsAway)) parts.logger.info('Redis is back');
    });
    const agent = new RunningAgent(parts, redis, subscriber, trouble);
    try {
      await agent.#begin();
      return agent;
    } catch (error) {
      await agent.close();
      throw error;
    }
  }

  async ready(): Promise<void> {
    await this.#worker?.ready();
  }

  async close(deadlineMs = 8_000): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #begin(): Promise<void> {
    const { redis, logger, lockDurationMs } = this.#parts;
    // The name is claimed before anything else, so that a second agent never acts.
    this.#observer.publish();
    await this.#publisher.push();
    await this.#observer.start();
    await this.#publisher.push();
    this.#publisher.start();
    this.#stopWatching = await watchEpoch(this.#redis, this.#subscriber, (record) =>
      this.#acceptEpoch(record),
    );
    await this.#listenForOrders();
    await this.#orders.forgetDoorbells();
    this.#worker = new OrderWorker({
      redis,
      agentUid: this.agentUid,
      handle: (uid, signal) => this.#desk.handle(uid, signal),
      onError: (error) => this.#reportQueue(error),
      ...(lockDurationMs !== undefined && { lockDurationMs }),
    });
    await this.#worker.ready();
    await this.#clearLeftovers();
    logger.info({ agentUid: this.agentUid, incarnation: this.incarnation }, 'agent ready');
  }

  /**
   * Orders that lost their doorbell: those from before this start are refused, so that the controller hears of it at
   * once and plans again; one that came in the meantime is carried out.
   */
  async #clearLeftovers(): Promise<void> {
    const { signal } = new AbortController();
    for (const uid of await this.#orders.uids()) await this.#desk.handle(uid, signal);
  }

  async #listenForOrders(): Promise<void> {
    const channel = ordersChannel(this.agentUid);
    const report = (error: unknown): void => this.#report(error);
    this.#subscriber.on('message', (from: string, uid: string) => {
      if (from === channel) void this.#desk.interrupt(uid).catch(report);
    });
    this.#subscriber.on('ready', () => void this.#desk.interruptAll().catch(report));
    await this.#subscriber.subscribe(channel);
  }

  #acceptEpoch(record: string): void {
    const { fence, trust, logger } = this.#parts;
    const payload = this.#verify('epoch', record);
    const announced = payload === undefined ? undefined : (JSON.parse(payload) as EpochRecord);
    if (announced?.installationUid !== trust.installationUid) {
      return this.#trouble.warn(notObeyed, 'the record is not of this installation');
    }
    const before = fence.epoch;
    if (announced.epoch < before) {
      const why = `its epoch is ${announced.epoch}, and ${before} was obeyed here already`;
      return this.#trouble.warn(notObeyed, why);
    }
    try {
      if (!fence.acceptEpoch(announced.epoch) || before === announced.epoch) return;
    } catch (error) {
      // It is announced only once; without it this host stays unknown to its leader.
      this.#report(error);
      this.#acceptLater?.();
      this.#acceptLater = systemClock.after(acceptAgainMs, () => this.#acceptEpoch(record));
      return;
    }
    logger.info({ epoch: announced.epoch }, 'leader accepted');
    this.#observer.publish();
  }

  #report(error: unknown): void {
    if (error instanceof HostNameTaken) this.#fail(error);
    const unanswered = (error as { name?: unknown }).name === 'MaxRetriesPerRequestError'; // ioredis
    this.#trouble.warn(unanswered ? redisIsAway : 'trouble; it is tried again', error);
  }

  #reportQueue(error: Error): void {
    this.#trouble.warn(this.#redis.status === 'ready' ? 'trouble with the queue' : redisIsAway, error);
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#stopWatching?.();
    this.#acceptLater?.();
    await this.#worker?.close(deadlineMs);
    this.#desk.close();
    // A listing that hangs must not keep the agent from closing.
    await settledWithin(Promise.all([this.#observer.stop(), this.#publisher.stop()]), 1_000);
    this.#redis.disconnect();
    this.#subscriber.disconnect();
    this.#parts.fence.close();
  }
}

/** Changes with every boot of the host. */
const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
