import { existsSync, rmSync } from 'node:fs';
import { type Server, createServer, request } from 'node:http';
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

/**
 * Serves the status on a unix socket. The socket is also the instance lock of the data directory: while somebody
 * answers on it, nobody else may start; a dead process's socket answers nothing and is taken over.
 * @throws AlreadyRunning
 */
export async function openControlSocket(path: string, status: () => DaemonStatus): Promise<Server> {
  const running = await readDaemonStatus(path);
  if (running) {
    throw new AlreadyRunning(
      `purlin (pid ${running.pid}) already runs with this data directory; stop it with purlin down`,
    );
  }
  if (existsSync(path)) rmSync(path);
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
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
