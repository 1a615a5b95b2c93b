/**
 * Upkeep of the store while it is open, over a unix socket that only its owner may use: one JSON a line. Beside it lies
 * the lock of the directory of the API server: whoever has the socket has the lock, and nobody else opens or replaces
 * the store.
 */
import { chmodSync, rmSync } from 'node:fs';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { ApiServer } from '../apiserver/index.ts';
import type { Freeze, Rotation } from '../store/index.ts';
import type { Logger } from '../telemetry/logger.ts';
import { AlreadyRunning } from './control-socket.ts';
import { takeLock } from './instance-lock.ts';

/** What may be asked, and the answer. */
export interface StoreRequests {
  /** The file stays as it is while the connection lasts. */
  freeze: { asked: object; answer: { file: string; revision: number } };
  /** Ends it, and says whether the file was left alone to the end. */
  thaw: { asked: object; answer: { held: boolean } };
  compact: { asked: { revision?: number }; answer: Compacted };
  rotateKeys: { asked: object; answer: Rotation };
}

export interface Compacted {
  revision: number;
  compacted: number;
  bytes: number;
  freeBytes: number;
}

export type StoreRequest<Name extends keyof StoreRequests> = { name: Name } & StoreRequests[Name]['asked'];
export type AnyStoreRequest = { [Name in keyof StoreRequests]: StoreRequest<Name> }[keyof StoreRequests];
export type StoreAnswer<Name extends keyof StoreRequests> =
  | { done: StoreRequests[Name]['answer'] }
  | { refused: string };

export interface StoreSocket {
  /** From now on requests are answered. */
  serve(store: ApiServer['store']): void;
  close(): void;
}

/** @throws AlreadyRunning */
export async function openStoreSocket(path: string, logger: Pick<Logger, 'warn'>): Promise<StoreSocket> {
  const lock = await takeLock(`${path}.lock`);
  if (!lock) {
    throw new AlreadyRunning(
      'the store is in use by a Purlin that runs with this data directory; stop it with purlin down',
    );
  }
  // One that a process has left behind when it was killed.
  rmSync(path, { force: true });
  let store: ApiServer['store'] | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Whoever goes away in the middle of an answer has broken nothing.
    socket.on('error', () => undefined);
    converse(socket, () => store).catch(() => socket.destroy());
  });
  await listening(server, path);
  // Too many open files, for one: whoever asks again may be answered.
  server.on('error', (error) =>
    logger.warn({ err: error }, 'A request for upkeep of the store could not be taken'),
  );
  chmodSync(path, 0o600);
  return {
    serve: (opened) => (store = opened),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      lock.release();
    },
  };
}

/** A connection to whoever has the store open; undefined when nobody has. Rejects when that cannot be told. */
export function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // No socket, or one that a process has left behind when it was killed.
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
  });
}

const listening = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

/** Answers one request after the other; what was frozen for this connection ends with it. */
async function converse(socket: Socket, opened: () => ApiServer['store'] | undefined): Promise<void> {
  let freeze: Freeze | undefined;
  socket.on('close', () => freeze?.end());
  const answer = async (line: string): Promise<object> => {
    const store = opened();
    if (!store) throw new Error('the store is being opened; try again');
    const request = JSON.parse(line) as AnyStoreRequest;
    switch (request.name) {
      case 'freeze': {
        freeze = store.freeze();
        return { file: freeze.file, revision: freeze.revision };
      }
      case 'thaw': {
        const held = freeze !== undefined && !freeze.over.aborted;
        freeze?.end();
        return { held };
      }
      case 'compact':
        return compact(store, request.revision);
      case 'rotateKeys':
        return store.rotateKeys();
    }
  };
  for await (const line of createInterface(socket)) {
    const said = await answer(line).then(
      (done) => ({ done }),
      (error: unknown) => ({ refused: (error as Error).message }),
    );
    socket.write(`${JSON.stringify(said)}\n`);
  }
}

async function compact(store: ApiServer['store'], revision = store.revision): Promise<Compacted> {
  if (revision > store.revision) {
    throw new Error(`revision ${revision} is in the future, the store is at ${store.revision}`);
  }
  await store.compact(revision);
  return { revision: store.revision, compacted: store.compactedRevision, ...store.room() };
}
