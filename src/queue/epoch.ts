import type { Redis } from 'ioredis';
import { epochKey } from './keys.ts';
import { connectRedis, type RedisAddress } from './redis-connection.ts';
import { createSigner } from './signature.ts';

/** Tells every agent which leader to obey: the one with the highest epoch. */
export interface EpochRecord {
  installationUid: string;
  epoch: number;
}

/** A flushed Redis has the record again within this time, and an agent has heard of it within twice that. */
const renewMs = 5_000;

/**
 * Never replaces a later epoch of the same installation, so that a leader that lost its lease cannot take agents
 * back. What another installation left behind in this Redis says nothing about this one.
 */
const announce = `
local standing = redis.call('GET', KEYS[1])
local readable, old = pcall(cjson.decode, standing or '')
if standing and readable and type(old) == 'table' and tonumber(old.epoch) and old.installationUid == ARGV[2] then
  if old.epoch == tonumber(ARGV[1]) then return 1 end
  if old.epoch > tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], ARGV[3])
return 1`;

/**
 * Announces this leader's epoch and keeps it announced until stopped. An agent that has accepted it says so by
 * `snapshot.epoch`; the leader acts on a host only after that.
 *
 * @param options.onSuperseded a later epoch stands: this is no leader any more
 * @returns a stopper
 */
export async function announceEpoch(options: {
  redis: RedisAddress;
  signingKey: string;
  record: EpochRecord;
  onSuperseded: () => void;
}): Promise<() => void> {
  const { record, onSuperseded } = options;
  const redis = await connectRedis(options.redis, 'reader');
  const signed = createSigner(options.signingKey)('epoch', JSON.stringify(record));
  const text = JSON.stringify({ ...record, ...signed });
  const { epoch, installationUid } = record;
  const renew = async (): Promise<void> => {
    if ((await redis.eval(announce, 1, epochKey, epoch, installationUid, text)) !== 1) onSuperseded();
  };
  const renewQuietly = (): void => void renew().catch(() => {}); // Redis is away: the next turn will do
  await renew();
  redis.on('ready', renewQuietly);
  const timer = setInterval(renewQuietly, renewMs);
  return () => {
    clearInterval(timer);
    redis.disconnect();
  };
}

/**
 * Calls back with every record (still signed) that stands or is announced, until stopped. An announcement may be lost
 * with a connection that nobody knows to be dead, so the record is also read again from time to time.
 *
 * @param subscriber a `reader` connection of its own, because a subscribed one can do nothing else
 * @returns a stopper
 */
export async function watchEpoch(
  reader: Redis,
  subscriber: Redis,
  onRecord: (record: string) => void,
): Promise<() => void> {
  const readNow = async (): Promise<void> => {
    const record = await reader.get(epochKey);
    if (record !== null) onRecord(record);
  };
  subscriber.on('message', (channel: string, message: string) => {
    if (channel === epochKey) onRecord(message);
  });
  const readQuietly = (): void => void readNow().catch(() => {}); // Redis is away: the next `ready` will do
  reader.on('ready', readQuietly);
  subscriber.on('ready', readQuietly);
  await subscriber.subscribe(epochKey);
  await readNow();
  const timer = setInterval(() => {
    readQuietly();
    // Who only listens never learns that nothing can come any more; whoever owes an answer is given up without it.
    subscriber.ping().catch(() => {});
  }, renewMs);
  return () => clearInterval(timer);
}
