/**
 * What `purlin store` does. While Purlin runs, the process that has the store open is asked for what only it can do, and
 * whatever takes long is done here, on a file that it leaves alone meanwhile; otherwise the store is opened here.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { DatabaseSync } from 'node:sqlite';
import { encryptionOf } from '../apiserver/encryption.ts';
import { inspectStored } from '../apiserver/inspect.ts';
import { keyPrefix } from '../apiserver/resource.ts';
import {
  type Contents,
  type Inspect,
  Keyring,
  type Restored,
  type Rotation,
  type Verdict,
  DamagedError,
  copyStore,
  finishRestore,
  openCopy,
  openStore,
  openUnchanging,
  openUnchecked,
  readKeyFile,
  restoreStore,
  verify,
} from '../store/index.ts';
import { readDaemonStatus } from './control-socket.ts';
import { pathsOf } from './paths.ts';
import {
  type Compacted,
  type StoreAnswer,
  type StoreRequest,
  type StoreRequests,
  connected,
  openStoreSocket,
} from './store-socket.ts';

export type { Contents, Restored, Rotation, Verdict } from '../store/index.ts';

export const storeOf = (dataDir: string): string => pathsOf(dataDir).store;

/** It cannot be done as things are; nothing was changed. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
}

const isWithin = (directory: string, outer: string): boolean =>
  directory === outer || directory.startsWith(`${outer}/`);

/** Writes all of the store into one private file. @throws StoreRefused when the file is there already */
export async function backUpStore(
  dataDir: string,
  file: string,
  onExisting: 'refuse' | 'replace',
): Promise<Contents> {
  const directory = dirname(file);
  if (!existsSync(directory)) throw new StoreRefused(`there is no directory ${directory}`);
  if (isWithin(realpathSync(directory), realpathSync(dirname(storeOf(dataDir)))))
    throw new StoreRefused(`${directory} is where the store itself is; name another directory`);
  if (onExisting === 'refuse' && existsSync(file))
    throw new StoreRefused(`${file} exists already; name another file, or replace it with --force`);
  return withStillStore(dataDir, (source) => copyStore(source, file, onExisting));
}

export const verifyStore = (dataDir: string): Promise<Verdict> =>
  withStillStore(dataDir, (db, file) => verify(db, file, inspectWith(keyringOf(dataDir))));

/** With the keys of the data directory. */
export function verifyCopy(dataDir: string, file: string): Verdict {
  const db = openCopy(file);
  try {
    return verify(db, file, inspectWith(keyringOf(dataDir)));
  } finally {
    db.close();
  }
}

/** Forgets history up to the revision, or all of it. A store that nobody has open is also made as small as it can be. */
export async function compactStore(dataDir: string, revision: number | undefined): Promise<Compacted> {
  const paths = pathsOf(dataDir);
  const connection = await connectToStore(paths.storeSocket);
  if (connection) {
    try {
      return await connection.ask({ name: 'compact', ...(revision !== undefined && { revision }) });
    } finally {
      connection.close();
    }
  }
  return withOwnStore(dataDir, async (file) => {
    const store = openStore({ file, encryption: encryptionOf(paths.apiDir) });
    try {
      if (revision !== undefined && revision > store.revision)
        throw new StoreRefused(`revision ${revision} is in the future, the store is at ${store.revision}`);
      await store.compact(revision ?? store.revision);
    } finally {
      store.close();
    }
    const db = openUnchecked(file);
    db.exec('VACUUM');
    db.close();
    const smaller = openStore({ file, encryption: encryptionOf(paths.apiDir) });
    const { revision: last, compactedRevision: compacted } = smaller;
    const room = smaller.room();
    smaller.close();
    return { revision: last, compacted, ...room };
  });
}

/** Makes a new key, encrypts with it what is encrypted, and drops the old ones. */
export async function rotateKeys(dataDir: string): Promise<Rotation> {
  const connection = await connectToStore(pathsOf(dataDir).storeSocket);
  if (connection) {
    try {
      return await connection.ask({ name: 'rotateKeys' });
    } finally {
      connection.close();
    }
  }
  return withOwnStore(dataDir, async (file) => {
    const store = openStore({ file, encryption: encryptionOf(pathsOf(dataDir).apiDir) });
    try {
      return await store.rotateKeys();
    } finally {
      store.close();
    }
  });
}

export const keyFileOf = (dataDir: string): string => encryptionOf(pathsOf(dataDir).apiDir).keyFile;

function keyringOf(dataDir: string): Keyring {
  const { keyFile, prefixes } = encryptionOf(pathsOf(dataDir).apiDir);
  return new Keyring(keyFile, prefixes, readKeyFile(keyFile) ?? []);
}

/** What is encrypted must open, and then be an object. */
const inspectWith =
  (keyring: Keyring): Inspect =>
  (key, stored) => {
    try {
      return inspectStored(key, keyring.open(key, stored));
    } catch (error) {
      return error instanceof DamagedError ? error.finding : (error as Error).message;
    }
  };

/**
 * Whoever held one then holds it no more. The controllers find theirs gone and know by that that hosts may have what
 * the store does not know.
 */
const LEASES = keyPrefix({ group: 'coordination.k8s.io', plural: 'leases' });

/**
 * Puts a backup in the place of the store.
 * @param unreadable what to do about objects that cannot be decrypted
 * @throws StoreRefused while Purlin runs
 */
export async function restore(
  dataDir: string,
  backup: string,
  now: Date,
  unreadable: 'refuse' | 'drop' = 'refuse',
): Promise<Restored> {
  const paths = pathsOf(dataDir);
  if (!existsSync(backup)) throw new StoreRefused(`there is no file ${backup}`);
  const daemon = await readDaemonStatus(paths.controlSocket);
  if (daemon) {
    throw new StoreRefused(
      `purlin (pid ${daemon.pid}) runs with this data directory; stop it with purlin down, restore, and start it again`,
    );
  }
  const options = { keyring: keyringOf(dataDir), unreadable, passing: [LEASES] };
  return withOwnStore(dataDir, (file) => restoreStore(backup, file, now, options), 'may be absent');
}

/** Does it to a database file that does not change meanwhile, whether the store is open or not. */
async function withStillStore<T>(dataDir: string, read: (db: DatabaseSync, file: string) => T): Promise<T> {
  const connection = await connectToStore(pathsOf(dataDir).storeSocket);
  if (!connection) {
    return withOwnStore(dataDir, (file) => reading(openUnchecked(file), (db) => read(db, file)));
  }
  try {
    const { file } = await connection.ask({ name: 'freeze' });
    const result = reading(openUnchanging(file), (db) => read(db, file));
    const { held } = await connection.ask({ name: 'thaw' });
    if (!held)
      throw new StoreRefused('the store was written to so much meanwhile that it could not wait; try again');
    return result;
  } finally {
    connection.close();
  }
}

function reading<T>(db: DatabaseSync, read: (db: DatabaseSync) => T): T {
  try {
    return read(db);
  } finally {
    db.close();
  }
}

/** Who connects while we have the store to ourselves is refused anyway. */
const unheard = { warn: () => undefined };

/** Keeps Purlin from opening the store for as long as this takes. */
async function withOwnStore<T>(
  dataDir: string,
  work: (file: string) => T | Promise<T>,
  presence: 'must be there' | 'may be absent' = 'must be there',
): Promise<T> {
  const { store, apiDir, storeSocket } = pathsOf(dataDir);
  const absent = new StoreRefused(
    `there is no store in ${apiDir}; name another data directory with --data-dir`,
  );
  if (!existsSync(apiDir)) throw absent;
  const lock = await openStoreSocket(storeSocket, unheard);
  try {
    finishRestore(store);
    if (presence === 'must be there' && !existsSync(store)) throw absent;
    return await work(store);
  } finally {
    lock.close();
  }
}

/** The process that has the store open. */
interface StoreConnection {
  ask<Name extends keyof StoreRequests>(request: StoreRequest<Name>): Promise<StoreRequests[Name]['answer']>;
  close(): void;
}

async function connectToStore(path: string): Promise<StoreConnection | undefined> {
  const socket = await connected(path).catch((error: unknown) => {
    throw new StoreRefused(
      `${path} cannot be used: ${String(error)}; run this as the user that Purlin runs as`,
    );
  });
  return socket && conversation(socket);
}

function conversation(socket: Socket): StoreConnection {
  socket.on('error', () => undefined);
  const lines = createInterface(socket)[Symbol.asyncIterator]();
  return {
    ask: async <Name extends keyof StoreRequests>(request: StoreRequest<Name>) => {
      socket.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new StoreRefused('purlin has stopped meanwhile; try again');
      const answer = JSON.parse(value as string) as StoreAnswer<Name>;
      if ('refused' in answer) throw new StoreRefused(answer.refused);
      return answer.done;
    },
    close: () => socket.destroy(),
  };
}
