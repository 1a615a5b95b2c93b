import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiServer, startApiServer } from '../apiserver/index.ts';
import type { Logger } from '../telemetry/logger.ts';
import { pathsOf } from './paths.ts';
import { writePrivateFile } from './private-files.ts';
import { openStoreSocket } from './store-socket.ts';

/** `crds/` beside `src/` and `dist/`. */
export const CRDS_DIR = join(import.meta.dirname, '../../crds');

/** The embedded API server of a data directory, with Purlin's kinds and the administrator's kubeconfig written. */
export async function startEmbeddedApi(options: {
  dataDir: string;
  api: { host: string; port: number };
  logger: Logger;
}): Promise<ApiServer> {
  const paths = pathsOf(options.dataDir);
  mkdirSync(paths.apiDir, { recursive: true, mode: 0o700 });
  const socket = await openStoreSocket(paths.storeSocket);
  try {
    const api = await startApiServer({
      dataDir: paths.apiDir,
      listen: options.api,
      crdsDir: CRDS_DIR,
      logger: options.logger,
    });
    writePrivateFile(paths.kubeconfig, api.adminKubeconfig());
    socket.serve(api.store);
    const close = async (): Promise<void> => {
      await api.close();
      socket.close();
    };
    return { ...api, close };
  } catch (error) {
    socket.close();
    throw error;
  }
}
