import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { copiesQueueName, ordersChannel, ordersKey, queueName, snapshotKey } from './keys.ts';
import { isLongCopy, type Order, writeOrder } from './order.ts';
import { connectRedis, type RedisAddress } from './redis-connection.ts';
import { createSigner } from './signature.ts';
import { sealingKeyField } from './snapshot-fields.ts';

export { type Order, orderId } from './order.ts';

/** What a job carries. The order itself is read under the UID's lock, so that it is always the newest. */
export interface Doorbell {
  uid: string;
}

/**
 * Writes an order unless a newer one stands: a later epoch, then a later generation, then a later basis. Bases of
 * different incarnations cannot be compared; the agent knows which one lives. Equals are replaced, because one leader
 * writes one after another. So is what is no order.
 */
const putIfNewer = `
local standing = redis.call('HGET', KEYS[1], ARGV[1])
local readable, old = pcall(cjson.decode, standing or '')
local ours = readable and type(old) == 'table' and tonumber(old.epoch) and tonumber(old.generation) and tonumber(old.basis)
if standing and ours then
  local epoch, generation, basis = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
  if old.epoch > epoch then return 0 end
  if old.epoch == epoch and old.generation > generation then return 0 end
  if old.epoch == epoch and old.generation == generation
    and old.incarnation == ARGV[4] and old.basis > basis then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[6])
redis.call('PUBLISH', KEYS[2], ARGV[1])
return 1`;

/**
 * An order that was dealt with goes, unless a newer one took its place meanwhile. The same order sent again while it
 * was carried out is no newer one: it was planned before the effect, and would only be refused.
 */
const removeDealtWith = `
local standing = redis.call('HGET', KEYS[1], ARGV[1])
if not standing then return 0 end
local readable, record = pcall(cjson.decode, standing)
local again = readable and type(record) == 'table' and ARGV[3] ~= '' and record.orderId == ARGV[3]
if standing == ARGV[2] or again then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0`;

const unlinkMatching = `
local cursor = '0'
repeat
  local found = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = found[1]
  if #found[2] > 0 then redis.call('UNLINK', unpack(found[2])) end
until cursor == '0'`;

/** The record in Redis: the signed text, and beside it what the scripts compare. */
function record(order: Order, signed: { payload: string; signature: string }): string {
  const { orderId, epoch, generation, incarnation, basis } = order;
  return JSON.stringify({ orderId, epoch, generation, incarnation, basis, ...signed });
}

/** The host has never published its key, so nothing can be sealed to it. */
export class HostNotThere extends Error {
  override readonly name = 'HostNotThere';
}

/** The controller's side: one order per UID and host, and a doorbell that says so. */
export class OrderBook {
  readonly #redis: Redis;
  readonly #sign: ReturnType<typeof createSigner>;
  readonly #sealingKeys = new Map<string, string>();
  readonly #queues = new Map<string, Queue<Doorbell, void, 'order'>>();

  private constructor(redis: Redis, privateKey: string) {
    this.#redis = redis;
    this.#sign = createSigner(privateKey);
  }

  /** @param options.signingKey the controller's private key, PEM */
  static async connect(options: { redis: RedisAddress; signingKey: string }): Promise<OrderBook> {
    const redis = await connectRedis(options.redis, 'producer');
    return new OrderBook(redis, options.signingKey);
  }

  /**
   * Makes this order the one that stands for its UID, and rings. Harmless when repeated.
   *
   * @returns `superseded` when a newer order stands already
   * @throws OrderTooLarge, HostNotThere, or when Redis does not answer
   */
  async put(order: Order): Promise<'written' | 'superseded'> {
    const signed = this.#sign('order', writeOrder(order, await this.#sealingKeyOf(order.hostUid)));
    const written = await this.#redis.eval(
      putIfNewer,
      2,
      ordersKey(order.hostUid),
      ordersChannel(order.hostUid),
      order.uid,
      order.epoch,
      order.generation,
      order.incarnation,
      order.basis,
      record(order, signed),
    );
    if (written !== 1) return 'superseded';
    await this.#ring(order);
    return 'written';
  }

  /** How much stands and waits for one host. */
  async depth(agentUid: string): Promise<{ orders: number; waiting: number; active: number }> {
    const queues = [queueName(agentUid), copiesQueueName(agentUid)].map((name) => this.#queue(name));
    const counts = await Promise.all(queues.map((queue) => queue.getJobCounts('wait', 'active')));
    const sum = (state: string): number => counts.reduce((total, each) => total + (each[state] ?? 0), 0);
    return {
      orders: await this.#redis.hlen(ordersKey(agentUid)),
      waiting: sum('wait'),
      active: sum('active'),
    };
  }

  /** Asks nothing of Redis, which may be away. */
  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.#redis.disconnect();
  }

  /**
   * An agent keeps its key as long as its UID, so the first that is seen stands: whoever changes it in Redis later
   * gets nothing sealed to his own.
   */
  async #sealingKeyOf(agentUid: string): Promise<string> {
    const known = this.#sealingKeys.get(agentUid);
    if (known !== undefined) return known;
    const published = await this.#redis.hget(snapshotKey(agentUid), sealingKeyField);
    if (published === null) throw new HostNotThere(`no agent ${agentUid} has published itself yet`);
    this.#sealingKeys.set(agentUid, published);
    return published;
  }

  async #ring({ hostUid, uid, action }: Order): Promise<void> {
    const name = isLongCopy(action.name) ? copiesQueueName(hostUid) : queueName(hostUid);
    await this.#queue(name).add(
      'order',
      { uid },
      {
        deduplication: { id: uid, keepLastIfActive: true },
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: { count: 100 },
      },
    );
  }

  #queue(name: string): Queue<Doorbell, void, 'order'> {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = new Queue<Doorbell, void, 'order'>(name, {
      connection: this.#redis,
      skipMetasUpdate: true,
      // Making a queue asks nothing of Redis: one answer that is lost would spoil it for good.
      skipVersionCheck: true,
    });
    queue.on('error', () => {}); // `add` rejects with it, and that is where it is handled
    this.#queues.set(name, queue);
    return queue;
  }
}

/** What stands for the objects of one host. */
export interface OrdersOfHost {
  /** @returns the record exactly as it stands; nothing when the order was dealt with */
  read(uid: string): Promise<string | undefined>;
  uids(): Promise<string[]>;
  /** @param orderId of the order that was dealt with; empty when the record could not be read */
  remove(uid: string, asRead: string, orderId: string): Promise<void>;
}

/** The agent's side: what stands for a UID, and its removal once it is dealt with. */
export class StandingOrders implements OrdersOfHost {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #queues: string[];

  constructor(redis: Redis, agentUid: string) {
    this.#redis = redis;
    this.#key = ordersKey(agentUid);
    this.#queues = [queueName(agentUid), copiesQueueName(agentUid)];
  }

  /**
   * Clears the agent's queues, before its worker starts. What an earlier process left active there is dead, and
   * would hold back every new doorbell of the same UID until BullMQ gives it up as stalled, up to 45 s later.
   *
   * The leader may ring meanwhile, so each queue goes at once: half a doorbell would silence every later one of its UID.
   */
  async forgetDoorbells(): Promise<void> {
    for (const queue of this.#queues) await this.#redis.eval(unlinkMatching, 0, `bull:${queue}:*`);
  }

  async read(uid: string): Promise<string | undefined> {
    return (await this.#redis.hget(this.#key, uid)) ?? undefined;
  }

  async uids(): Promise<string[]> {
    return this.#redis.hkeys(this.#key);
  }

  async remove(uid: string, asRead: string, orderId: string): Promise<void> {
    await this.#redis.eval(removeDealtWith, 1, this.#key, uid, asRead, orderId);
  }
}
