import type { Redis } from 'ioredis';
import type { HostSnapshot } from '../plan/snapshot.ts';
import { EarlierLife, earlierLifeMs } from './earlier-life.ts';
import { arrivalsKey, changesKey, heartbeatKey, hostsKey, snapshotKey } from './keys.ts';
import type { ChangeEntry } from './observations.ts';
import { connectRedis, type RedisAddress } from './redis-connection.ts';
import {
  applyChange,
  changedUids,
  fromFields,
  isEarlier,
  readVersion,
  sealingKeyField,
  versionField,
  writeVersion,
} from './snapshot-fields.ts';

/** One host as the controller knows it. */
export interface MirroredHost {
  hostName: string;
  agentUid: string;
  /** The agent gave a sign of life within the last 15 s. */
  alive: boolean;
  /** What it last published; not to be planned from unless `ObservationMirror.get` gives it. */
  snapshot?: HostSnapshot;
}

/** `all`: everything about the host may be different. An empty set: only figures of the host itself. */
export type MirrorListener = (hostName: string, changed: ReadonlySet<string> | 'all') => void;

/** What controllers read of all hosts. */
export interface Mirror {
  /** The snapshot to plan from. */
  get(hostName: string): HostSnapshot | 'unknown';
  /** Every host that ever published itself, alive or not. */
  hosts(): MirroredHost[];
  /** @returns a stopper */
  onChange(listener: MirrorListener): () => void;
}

interface Entry extends MirroredHost {
  /** Last entry of the stream that the snapshot contains. */
  streamId: string;
  /** Nothing was missed since `snapshot`. */
  certain: boolean;
  /** Of publications that are older than the snapshot. */
  earlier: EarlierLife;
  /** Sequence that we had when Redis was last seen to be ahead. */
  behindAt?: number;
}

/** How long one blocking read waits; signs of life and versions are compared at least this often. */
const readMs = 2_000;
const retryMs = 500;

/** Reads the hash and the stream's end in one step, so that no change falls between them. */
const readHost = `
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
return { redis.call('HGETALL', KEYS[1]), last[1] and last[1][1] or '0-0', redis.call('GET', KEYS[3]) }`;

/**
 * The controller's copy of what all agents published. While in doubt (a gap, a new incarnation, a flushed or
 * unreachable Redis, an agent without a sign of life) a host is `unknown`, and unknown is never taken for absent.
 */
export class ObservationMirror implements Mirror {
  readonly #redis: Redis;
  readonly #believeAfterMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<MirrorListener>();
  #arrivalsId = '0-0';
  #closed = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(redis: Redis, believeAfterMs: number) {
    this.#redis = redis;
    this.#believeAfterMs = believeAfterMs;
  }

  /**
   * Resolves once every host known to Redis has been read.
   *
   * @param options.believeAfterMs for how long an agent of an earlier start has to live until it is believed
   */
  static async connect(
    address: RedisAddress,
    { believeAfterMs = earlierLifeMs }: { believeAfterMs?: number } = {},
  ): Promise<ObservationMirror> {
    const mirror = new ObservationMirror(await connectRedis(address, 'reader'), believeAfterMs);
    const [latest] = await mirror.#redis.xrevrange(arrivalsKey, '+', '-', 'COUNT', 1);
    mirror.#arrivalsId = latest?.[0] ?? '0-0';
    await mirror.#check();
    mirror.#running = mirror.#follow();
    return mirror;
  }

  get(hostName: string): HostSnapshot | 'unknown' {
    const entry = this.#entries.get(hostName);
    return entry?.certain && entry.alive && entry.snapshot ? entry.snapshot : 'unknown';
  }

  hosts(): MirroredHost[] {
    return [...this.#entries.values()].map(({ hostName, agentUid, alive, snapshot }) => ({
      hostName,
      agentUid,
      alive,
      ...(snapshot && { snapshot }),
    }));
  }

  onChange(listener: MirrorListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#redis.disconnect();
    await this.#running;
  }

  async #follow(): Promise<void> {
    let checkedAt = Number.NEGATIVE_INFINITY;
    while (!this.#closed) {
      try {
        if (performance.now() - checkedAt >= readMs) {
          await this.#check();
          checkedAt = performance.now();
        }
        if (await this.#readChanges()) checkedAt = Number.NEGATIVE_INFINITY;
      } catch {
        if (this.#closed) return;
        for (const entry of this.#entries.values()) {
          entry.earlier.forget();
          this.#doubt(entry);
        }
        checkedAt = Number.NEGATIVE_INFINITY;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  /** Compares what we have with what Redis has, and reads again what differs. */
  async #check(): Promise<void> {
    await this.#stayWithPrimary();
    const claims = Object.entries(await this.#redis.hgetall(hostsKey));
    for (const [hostName, agentUid] of claims) {
      const entry = this.#entries.get(hostName);
      if (!entry || entry.agentUid !== agentUid) {
        this.#entries.set(hostName, {
          hostName,
          agentUid,
          alive: false,
          streamId: '0-0',
          certain: false,
          earlier: new EarlierLife(this.#believeAfterMs),
        });
      }
    }
    for (const entry of this.#entries.values()) await this.#checkHost(entry);
  }

  /** A primary that was demoted goes on answering whoever only reads, with what it had or hears of at second hand. */
  async #stayWithPrimary(): Promise<void> {
    const role = await this.#redis.role().then(([first]) => first, allowedToAsk);
    if (role === 'master') return;
    this.#redis.disconnect(true);
    throw new Error(`Redis is no primary any more but a ${String(role)}`);
  }

  async #checkHost(entry: Entry): Promise<void> {
    const { agentUid } = entry;
    const [version, alive] = await Promise.all([
      this.#redis.hget(snapshotKey(agentUid), versionField),
      this.#redis.exists(heartbeatKey(agentUid)),
    ]);
    if (!entry.certain || !mayFollow(entry, version)) return this.#readWhole(entry);
    if ((alive === 1) === entry.alive) return undefined;
    entry.alive = alive === 1;
    return this.#tell(entry.hostName, 'all');
  }

  async #readWhole(entry: Entry): Promise<void> {
    const { agentUid } = entry;
    const keys = [snapshotKey(agentUid), changesKey(agentUid), heartbeatKey(agentUid)];
    const answer = await this.#redis.eval(readHost, keys.length, ...keys);
    const [flat, streamId, lifeSign] = answer as [string[], string, string | null];
    const fields = new Map<string, string>();
    for (let index = 0; index + 1 < flat.length; index += 2) {
      fields.set(flat[index] as string, flat[index + 1] as string);
    }
    const version = fields.get(versionField);
    if (version === undefined) return this.#doubt(entry); // flushed: the agent notices and publishes again
    fields.delete(versionField);
    fields.delete(sealingKeyField);
    const snapshot = fromFields(fields, readVersion(version));
    if (entry.snapshot && isEarlier(snapshot, entry.snapshot)) {
      // An old copy of Redis: the agent notices as well, unless it counts its starts from an old copy of its disk.
      const another = snapshot.incarnation !== entry.snapshot.incarnation;
      const sign = lifeSign === null ? undefined : readVersion(lifeSign);
      if (!another || !entry.earlier.isAlive(snapshot, sign, performance.now())) return this.#doubt(entry);
    }
    entry.earlier.forget();
    entry.snapshot = snapshot;
    entry.streamId = streamId;
    entry.alive = lifeSign !== null;
    entry.certain = true;
    this.#tell(entry.hostName, 'all');
  }

  /** @returns true when something happened that `#check` should look at */
  async #readChanges(): Promise<boolean> {
    const entries = [...this.#entries.values()];
    const names = [arrivalsKey, ...entries.map(({ agentUid }) => changesKey(agentUid))];
    const ids = [this.#arrivalsId, ...entries.map(({ streamId }) => streamId)];
    const answer = await this.#redis.xread('BLOCK', readMs, 'STREAMS', ...names, ...ids);
    let doubtful = false;
    for (const [name, messages] of answer ?? []) {
      if (name === arrivalsKey) {
        this.#arrivalsId = messages.at(-1)?.[0] ?? this.#arrivalsId;
        doubtful = true;
        continue;
      }
      const entry = entries.find(({ agentUid }) => changesKey(agentUid) === name);
      if (!entry) continue;
      for (const [id, fields] of messages) {
        entry.streamId = id;
        if (!this.#apply(entry, fields)) doubtful = true;
      }
    }
    return doubtful;
  }

  /** @returns false when the entry does not continue what we have */
  #apply(entry: Entry, fields: string[]): boolean {
    const before = entry.snapshot;
    if (fields[0] !== 'change' || !before) return this.#doubt(entry) ?? false;
    const change = JSON.parse(fields[1] as string) as ChangeEntry;
    const to = readVersion(change.to);
    if (to.incarnation === before.incarnation && to.sequence <= before.sequence) return true; // read already
    if (change.from !== writeVersion(before)) return this.#doubt(entry) ?? false;
    entry.snapshot = applyChange(before, change, to);
    this.#tell(entry.hostName, changedUids(before, entry.snapshot, change));
    return true;
  }

  #doubt(entry: Entry): void {
    if (!entry.certain) return;
    entry.certain = false;
    this.#tell(entry.hostName, 'all');
  }

  #tell(hostName: string, changed: ReadonlySet<string> | 'all'): void {
    for (const listener of this.#listeners) listener(hostName, changed);
  }
}

/** Who may not ask (`NOPERM`) has to trust that the name leads to the primary. */
function allowedToAsk(error: Error): string {
  if (error.message.startsWith('NOPERM')) return 'master';
  throw error;
}

/**
 * Whether the stream leads from our snapshot to what Redis has. The two change together, so being behind is no reason
 * to read everything, unless we are still where we were at the last look.
 */
function mayFollow(entry: Entry, found: string | null): boolean {
  const { snapshot, behindAt } = entry;
  if (!snapshot || found === null) return false;
  const { incarnation, sequence } = readVersion(found);
  delete entry.behindAt;
  if (incarnation !== snapshot.incarnation || sequence < snapshot.sequence) return false;
  if (sequence === snapshot.sequence) return true;
  entry.behindAt = snapshot.sequence;
  return behindAt !== snapshot.sequence;
}
