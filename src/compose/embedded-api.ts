import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiServer, type AuditOptions, readAuditPolicy, startApiServer } from '../apiserver/index.ts';
import type { Logger } from '../telemetry/logger.ts';
import { pathsOf } from './paths.ts';
import { writePrivateFile } from './private-files.ts';
import { openStoreSocket } from './store-socket.ts';

/** `crds/` beside `src/` and `dist/`. */
export const CRDS_DIR = join(import.meta.dirname, '../../crds');

export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  /** A policy file; without it the default policy. */
  readonly auditPolicy?: string;
  /** A file, or 'off'. */
  readonly auditLog?: string;
}

/** Throws AuditPolicyError. */
async function auditOptions(
  policyFile: string | undefined,
  file: string | undefined,
): Promise<Partial<AuditOptions>> {
  return {
    ...(file !== undefined && { file }),
    ...(policyFile !== undefined && { policy: await readAuditPolicy(policyFile) }),
  };
}

/** The embedded API server of a data directory, with Purlin's kinds and the administrator's kubeconfig written. */
export async function startEmbeddedApi(options: {
  dataDir: string;
  api: ApiSettings;
  logger: Logger;
}): Promise<ApiServer> {
  const paths = pathsOf(options.dataDir);
  const { host, port, auditPolicy, auditLog } = options.api;
  mkdirSync(paths.apiDir, { recursive: true, mode: 0o700 });
  const socket = await openStoreSocket(paths.storeSocket, options.logger);
  try {
    const api = await startApiServer({
      dataDir: paths.apiDir,
      listen: { host, port },
      audit: auditLog === 'off' ? 'off' : await auditOptions(auditPolicy, auditLog),
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
