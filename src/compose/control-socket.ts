import { existsSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { takeLock } from './instance-lock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { PartStatus } from './supervisor.ts';

/** What `purlin status` asks the running supervisor. */
export interface DaemonStatus {
  version: string;
  pid: number;
  startedAt: number;
  parts: PartStatus[];
}

/** Another process serves this data directory. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning';
}

export interface ControlSocket {
  close(): void;
}

/**
 * Serves the status on a unix socket, while nobody else does so for this data directory: a dead process's socket is
 * taken over by the one that gets the lock beside it.
 * @throws AlreadyRunning
 */
export async function openControlSocket(
  path: string,
  status: () => DaemonStatus,
  logger: Pick<Logger, 'warn'>,
): Promise<ControlSocket> {
  const running = await readDaemonStatus(path);
  if (running) {
    throw new AlreadyRunning(
      `purlin (pid ${running.pid}) already runs with this data directory; stop it with purlin down`,
    );
  }
  const lock = await takeLock(`${path}.lock`);
  if (!lock)
    throw new AlreadyRunning('another purlin with this data directory is just starting or ending; try again');
  rmSync(path, { force: true });
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  // Too many open files, for one: the next who asks may be answered.
  server.on('error', (error) => logger.warn({ err: error }, 'Nobody could be told the status'));
  return {
    close: () => {
      server.close();
      rmSync(path, { force: true });
      lock.release();
    },
  };
}

/** The status of the daemon behind the socket; undefined when there is none. */
export async function readDaemonStatus(path: string): Promise<DaemonStatus | undefined> {
  if (!existsSync(path)) return undefined;
  return new Promise((resolve) => {
    const outgoing = request({ socketPath: path, path: '/', timeout: 5_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as DaemonStatus));
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(undefined));
    outgoing.end();
  });
}
