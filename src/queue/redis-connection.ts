import { Redis, type RedisOptions } from 'ioredis';

/** Where Redis is: the private server's unix socket, or any server by URL (`redis://`, `rediss://`). */
export type RedisAddress = { path: string } | { url: string };

/**
 * How a connection behaves while Redis is away:
 * - `worker`: waits as long as it takes (BullMQ requires it of blocking connections);
 * - `producer`: fails at once, so that the caller observes and plans again instead of queueing stale intent;
 * - `reader`: connects by itself again, but a request in flight fails, so that "no answer" is never taken for news.
 */
export type RedisRole = 'worker' | 'producer' | 'reader';

/** Reconnects for ever, quickly at first and then every 2 s. */
const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000);

/** A Redis that hangs is as good as none. Longer than any blocking read of a producer or reader. */
const commandTimeout = 10_000;

/**
 * A path can be lost without a word (a firewall that forgot it, an address that moved), and the kernel would send again
 * for a quarter of an hour. So a connection that owes an answer and has brought nothing for so long is given up.
 */
const socketTimeout = commandTimeout;

/** Seconds that a `worker` may wait in one blocking read. */
export const longestWaitSeconds = 10;

/** In the numbers of ioredis's `reconnectOnError`. */
const onReadOnly = { fail: 1, sendAgain: 2 } as const;

/**
 * A primary that was demoted keeps its connections and refuses every write on them; another connection leads to
 * whoever is the primary now. What it refused did not take effect, so that it can be sent again.
 */
const reconnectOnError =
  (then: keyof typeof onReadOnly) =>
  ({ message }: Error): false | 1 | 2 =>
    message.startsWith('READONLY') && onReadOnly[then];

const roleOptions: Record<RedisRole, RedisOptions> = {
  worker: {
    maxRetriesPerRequest: null,
    socketTimeout: longestWaitSeconds * 1000 + socketTimeout,
    reconnectOnError: reconnectOnError('sendAgain'),
  },
  producer: {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout,
    socketTimeout,
    reconnectOnError: reconnectOnError('fail'),
  },
  reader: {
    maxRetriesPerRequest: 0,
    autoResubscribe: true,
    commandTimeout,
    socketTimeout,
    reconnectOnError: reconnectOnError('fail'),
  },
};

/** Options for BullMQ, which makes (and closes) its connections itself. */
export function redisOptions(address: RedisAddress, role: RedisRole) {
  return { ...address, ...roleOptions[role], retryStrategy };
}

/**
 * A client that is connected when the promise resolves, and that reconnects by itself afterwards.
 *
 * @param onError told of every failed attempt; without a listener ioredis would write to the console
 * @throws when the first connection fails
 */
export async function connectRedis(
  address: RedisAddress,
  role: RedisRole,
  onError: (error: Error) => void = () => {},
): Promise<Redis> {
  const options = { ...roleOptions[role], retryStrategy, lazyConnect: true };
  const redis =
    'url' in address ? new Redis(address.url, options) : new Redis({ path: address.path, ...options });
  redis.on('error', onError);
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw new Error(`cannot connect to Redis at ${describeAddress(address)}`, { cause: error });
  }
  return redis;
}

/** The address without its password, for messages. */
export function describeAddress(address: RedisAddress): string {
  if ('path' in address) return address.path;
  const url = new URL(address.url);
  return `${url.protocol}//${url.host}`;
}
