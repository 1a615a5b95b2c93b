import { CRDS } from './scenarios/crds.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiServer } from '../../src/apiserver/index.ts';
import type { Server } from './client.ts';

const quiet = {
  debug() {},
  info() {},
  warn() {},
  error: (fields: object, message: string) => console.error(message, fields),
};

/** A server of Purlin that serves nothing but what it has by itself and what scenarios define. */
export async function withEmbeddedServer<Result>(
  use: (server: Server & { readonly kubeconfigPath: string }) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'purlin-differential-'));
  for (const c of CRDS) await writeFile(join(directory, `${c.metadata.name}.yaml`), JSON.stringify(c));
  const server = await startApiServer({
    dataDir: join(directory, 'data'),
    listen: { host: '127.0.0.1', port: 0 },
    crdsDir: directory,
    logger: quiet,
  });
  try {
    const { url, caPem, loopbackToken: token, kubeconfigPath } = server;
    return await use({ url, caPem, token, kubeconfigPath });
  } finally {
    await server.close();
    await rm(directory, { recursive: true });
  }
}
