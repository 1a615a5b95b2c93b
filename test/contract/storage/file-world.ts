import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageSource } from '../../../src/host/ports/storage.ts';
import { createFileStorage, type FileStorageOptions } from '../../../src/host/storage/index.ts';
import type { StorageWorld } from './storage-contract.ts';

export const silent = { info: () => {}, warn: () => {} };

/** A web server on 127.0.0.1 for one test. */
export async function webServer(
  listener: RequestListener,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A private directory with room for a data directory and for images to import. */
export async function fileDirectories(): Promise<{ root: string; dataDir: string; imports: string }> {
  const root = await mkdtemp(join(tmpdir(), 'purlin-storage-'));
  const imports = join(root, 'imports');
  await mkdir(imports);
  return { root, dataDir: join(root, 'data'), imports };
}

export const fileOptions = (dataDir: string, imports: string): FileStorageOptions => ({
  dataDir,
  importDirs: [imports],
  limits: { maxVirtualSizeBytes: 2 ** 36, maxDownloadBytes: 2 ** 26, maxDecompressedBytes: 2 ** 26 },
  allowPrivateAddresses: ['127.0.0.0/8'],
  logger: silent,
});

export interface FileWorld extends StorageWorld {
  dataDir: string;
  imports: string;
}

export async function fileWorld(change: Partial<FileStorageOptions> = {}): Promise<FileWorld> {
  const { root, dataDir, imports } = await fileDirectories();
  const served = new Map<string, Buffer>();
  const server = await webServer((request, response) => {
    const body = served.get(request.url ?? '');
    response.writeHead(body ? 200 : 404).end(body);
  });
  const storage = createFileStorage({ ...fileOptions(dataDir, imports), ...change });
  return {
    storage,
    dataDir,
    imports,
    publishFile: async (name, bytes) => {
      await writeFile(join(imports, name), bytes);
      return { file: join(imports, name) };
    },
    publishUrl: async (name, bytes) => {
      served.set(`/${name}`, bytes);
      return { url: `${server.url}/${name}` };
    },
    missingUrl: `${server.url}/none`,
    loseDisk: (diskUid) => rm(storage.diskPath(diskUid)),
    loseImage: (digest) =>
      rm(join(dataDir, 'images', 'blobs', digest.slice(7)), {
        recursive: true,
      }),
    cleanup: async () => {
      await storage.close();
      await server.close();
      await rm(root, { recursive: true });
    },
  };
}

export const diskUid = 'aaaaaaaa-0000-4000-8000-000000000000';
export const imageUid = 'cccccccc-0000-4000-8000-000000000000';
export const machineUid = 'eeeeeeee-0000-4000-8000-000000000000';
export const MiB = 1024 * 1024;
/** Of what nobody breaks off. */
export const never = new AbortController().signal;

/** @returns the file's path */
export async function putImport(
  { imports }: FileWorld,
  name: string,
  bytes: Buffer | string,
): Promise<string> {
  const file = join(imports, name);
  await writeFile(file, bytes);
  return file;
}

export const importFile = ({ storage }: FileWorld, file: string, extra: Partial<ImageSource> = {}) =>
  storage.importImage({ imageUid, from: { file }, format: 'qcow2', compression: 'None', ...extra }, never);

export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
