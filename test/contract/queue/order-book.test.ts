import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { OrderBook } from '../../../src/queue/orders.ts';
import { generateSigningKeys } from '../../../src/queue/signature.ts';
import { startRedis } from './redis-server.ts';

test('a book is closed also while Redis is away', async () => {
  const redis = await startRedis();
  const { privateKey } = generateSigningKeys();
  const book = await OrderBook.connect({ redis: redis.address, signingKey: privateKey });
  expect(await book.depth('agent-1')).toEqual({ orders: 0, waiting: 0, active: 0 });
  redis.process.kill('SIGKILL');
  await once(redis.process, 'exit');
  await expect(book.close()).resolves.toBeUndefined();
  await redis.stop();
});
