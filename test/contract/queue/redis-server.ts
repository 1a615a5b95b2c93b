import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A real redis-server of one test file's own, on a unix socket in a new directory. */
export interface TestRedis {
  address: { path: string };
  /** A plain client, for looking and meddling. */
  client: Redis;
  directory: string;
  process: ChildProcess;
  /** Kills the server and starts an empty one in its place. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'purlin-redis-'));
  const path = join(directory, 'redis.sock');
  let child = await launch(path, directory);
  const client = new Redis({ path, maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on('error', () => {});
  await client.ping();
  return {
    address: { path },
    client,
    directory,
    get process() {
      return child;
    },
    async restart() {
      await end(child);
      child = await launch(path, directory);
      await client.ping();
    },
    async stop() {
      client.disconnect();
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function launch(path: string, directory: string): Promise<ChildProcess> {
  const options = [
    '--port',
    '0',
    '--unixsocket',
    path,
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    directory,
  ];
  const child = spawn('/usr/bin/redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const chunk of child.stdout) {
    if (String(chunk).includes('connections at')) break;
  }
  child.stdout.resume();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
