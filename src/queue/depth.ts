import { Queue } from 'bullmq';
import { copiesQueueName, ordersKey, queueName } from './keys.ts';
import { connectRedis, type RedisAddress, redisOptions } from './redis-connection.ts';

/** How many orders stand and how many doorbells wait or are answered, over the given agents. */
export interface QueueDepth {
  orders: number;
  waiting: number;
  active: number;
}

/** Reads the depth for people; nothing depends on it. */
export async function readQueueDepth(
  address: RedisAddress,
  agentUids: readonly string[],
): Promise<QueueDepth> {
  const redis = await connectRedis(address, 'reader');
  const total: QueueDepth = { orders: 0, waiting: 0, active: 0 };
  try {
    for (const agentUid of agentUids) {
      total.orders += await redis.hlen(ordersKey(agentUid));
      for (const name of [queueName(agentUid), copiesQueueName(agentUid)]) {
        const queue = new Queue(name, {
          connection: redisOptions(address, 'producer'),
          skipMetasUpdate: true,
        });
        const counts = await queue.getJobCounts('wait', 'active');
        total.waiting += counts['wait'] ?? 0;
        total.active += counts['active'] ?? 0;
        await queue.close();
      }
    }
    return total;
  } finally {
    redis.disconnect();
  }
}
