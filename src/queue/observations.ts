import type { Redis } from 'ioredis';
import { arrivalsKey, changesKey, heartbeatKey, hostsKey, snapshotKey } from './keys.ts';
import { connectRedis, type RedisAddress } from './redis-connection.ts';
import {
  difference,
  isNoChange,
  readVersion,
  sealingKeyField,
  type SnapshotContent,
  toFields,
  type Version,
  versionField,
  writeVersion,
} from './snapshot-fields.ts';

/** One entry of the stream of changes. `from` tells a reader whether it missed any. */
export interface ChangeEntry {
  from: string;
  to: string;
  set: Record<string, string>;
  removed: string[];
}

const heartbeatSeconds = 15;
const heartbeatIntervalMs = 5_000;
const streamLength = 1_000;

/** Hash and stream change together, and only from the version that this agent wrote last. */
const publishChange = `
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
local change = cjson.decode(ARGV[3])
for field, value in pairs(change.set) do redis.call('HSET', KEYS[1], field, value) end
for _, field in ipairs(change.removed) do redis.call('HDEL', KEYS[1], field) end
redis.call('HSET', KEYS[1], 'version', ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ${streamLength}, '*', 'change', ARGV[3])
return 1`;

/** Everything anew: after a start, a flush, or an older copy of Redis. Claims the host's name with it. */
const publishAll = `
redis.call('HSETNX', KEYS[3], ARGV[1], ARGV[2])
local holder = redis.call('HGET', KEYS[3], ARGV[1])
if holder ~= ARGV[2] then return holder end
redis.call('DEL', KEYS[1])
for field, value in pairs(cjson.decode(ARGV[4])) do redis.call('HSET', KEYS[1], field, value) end
redis.call('HSET', KEYS[1], 'version', ARGV[3])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ${streamLength}, '*', 'all', ARGV[3])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 100, '*', 'agent', ARGV[2])
redis.call('SET', KEYS[5], ARGV[3], 'EX', ${heartbeatSeconds})
return 1`;

/** Says "alive", and asks in the same breath whether Redis still has what was published. */
const beat = `
redis.call('SET', KEYS[1], ARGV[1], 'EX', ${heartbeatSeconds})
return { redis.call('HGET', KEYS[2], 'version'), redis.call('EXISTS', KEYS[3]), redis.call('HGET', KEYS[4], ARGV[2]) }`;

/** Another agent already speaks for this host. */
export class HostNameTaken extends Error {
  override readonly name = 'HostNameTaken';
}

/** What stands in Redis of this agent, before it publishes anything itself. @throws when Redis does not answer */
export async function readPublished(address: RedisAddress, agentUid: string): Promise<Version | undefined> {
  const redis = await connectRedis(address, 'reader');
  try {
    const version = await redis.hget(snapshotKey(agentUid), versionField);
    return version === null ? undefined : readVersion(version);
  } finally {
    redis.disconnect();
  }
}

export interface PublisherOptions {
  /** A `reader` connection: a publication that gets no answer is repeated in full. */
  redis: Redis;
  hostName: string;
  agentUid: string;
  incarnation: string;
  sealingKey: string;
  /** Told when publishing failed; it is tried again with the next heartbeat. */
  onError: (error: unknown) => void;
}

/** Where an agent puts what it sees. */
export interface Publisher {
  /** Sequence of the newest content. */
  readonly sequence: number;
  /** Takes new content; the sequence grows only when something differs. */
  update(content: SnapshotContent): 'changed' | 'same';
  /** Resolves when controllers can read the newest content. */
  push(): Promise<void>;
}

/** What was published, and under which version. */
interface Published {
  version: string;
  fields: Map<string, string>;
}

/** Keeps Redis equal to what the agent last saw, whatever happens to Redis. */
export class SnapshotPublisher implements Publisher {
  readonly #options: PublisherOptions;
  #sequence = 0;
  #current = new Map<string, string>();
  /** What Redis has, as far as we know; nothing = publish everything. */
  #published: Published | undefined;
  #pushing: Promise<void> = Promise.resolve();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Sequence of the newest content. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Takes new content; the sequence grows only when something differs. */
  update(content: SnapshotContent): 'changed' | 'same' {
    const fields = toFields(content);
    if (isNoChange(difference(this.#current, fields))) return 'same';
    this.#current = fields;
    this.#sequence += 1;
    return 'changed';
  }

  /**
   * Resolves when Redis has the newest content. Calls run one after another.
   *
   * @throws HostNameTaken, or when Redis does not answer
   */
  async push(): Promise<void> {
    const pushed = this.#pushing.catch(() => {}).then(() => this.#pushNow());
    this.#pushing = pushed;
    return pushed;
  }

  /** Begins to beat; the first content must have been pushed. */
  start(): void {
    const { redis, onError } = this.#options;
    const beatNow = (): void => void this.#beat().catch(onError);
    redis.on('ready', beatNow);
    this.#heartbeat = setInterval(beatNow, heartbeatIntervalMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#pushing.catch(() => {});
  }

  async #pushNow(): Promise<void> {
    const { incarnation } = this.#options;
    const version = writeVersion({ incarnation, sequence: this.#sequence });
    if (this.#published?.version === version) return;
    const fields = this.#current;
    const done = this.#published && (await this.#pushChange(this.#published, version, fields));
    if (!done) await this.#pushAll(version, fields);
    this.#published = { version, fields };
  }

  async #pushChange(published: Published, version: string, fields: Map<string, string>): Promise<boolean> {
    const { redis, agentUid } = this.#options;
    this.#published = undefined; // until Redis has answered, we do not know what it has
    const entry: ChangeEntry = {
      from: published.version,
      to: version,
      ...difference(published.fields, fields),
    };
    const [hash, stream] = [snapshotKey(agentUid), changesKey(agentUid)];
    const changed = await redis.eval(
      publishChange,
      2,
      hash,
      stream,
      entry.from,
      version,
      JSON.stringify(entry),
    );
    return changed === 1;
  }

  async #pushAll(version: string, fields: Map<string, string>): Promise<void> {
    const { redis, agentUid, hostName, sealingKey } = this.#options;
    this.#published = undefined;
    const all = JSON.stringify({ ...Object.fromEntries(fields), [sealingKeyField]: sealingKey });
    const keys = [snapshotKey(agentUid), changesKey(agentUid), hostsKey, arrivalsKey, heartbeatKey(agentUid)];
    const answer = await redis.eval(publishAll, keys.length, ...keys, hostName, agentUid, version, all);
    if (answer === 1) return;
    throw new HostNameTaken(
      `the host name "${hostName}" belongs to the agent ${String(answer)}; this one is ${agentUid}. ` +
        `Give this host another name, or, if that agent is gone for ever, release the name with ` +
        `"redis-cli HDEL ${hostsKey} ${hostName}"`,
    );
  }

  async #beat(): Promise<void> {
    const { redis, agentUid, hostName } = this.#options;
    const version = this.#published?.version ?? '';
    const keys = [heartbeatKey(agentUid), snapshotKey(agentUid), changesKey(agentUid), hostsKey];
    const answer = await redis.eval(beat, keys.length, ...keys, version, hostName);
    const [found, hasStream, holder] = answer as [string | null, number, string | null];
    const intact = found === version && hasStream === 1 && holder === agentUid;
    // While a push is under way its own check decides.
    if (!intact && this.#published?.version === version) this.#published = undefined;
    if (this.#published === undefined) await this.push();
  }
}
