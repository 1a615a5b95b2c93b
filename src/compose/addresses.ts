export type { RedisAddress } from '../queue/redis-connection.ts';
