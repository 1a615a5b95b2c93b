import type { ApiServer } from '../apiserver/index.ts';
import type { RedisAddress } from '../queue/redis-connection.ts';
import type { ApiEndpoint } from '../reconcile/api-client.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type RunningController, type Trust, startController } from './controller-process.ts';
import { type ApiSettings, startEmbeddedApi } from './embedded-api.ts';
import { pathsOf } from './paths.ts';
import { persistedUuid, writePrivateFile } from './private-files.ts';

export interface ControlPlaneOptions {
  dataDir: string;
  api: ApiSettings;
  redis: RedisAddress;
  /** The host whose agent belongs to this installation: not ready without it. */
  hostName: string;
  logger: Logger;
  onLost: (reason: string) => void;
}

export interface ControlPlane {
  url: string;
  /** What is missing, or true. */
  ready(): true | string;
  close(): Promise<void>;
}

/** API server and controllers in one process; the API answers before the controllers can work. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dataDir, hostName, logger } = options;
  const paths = pathsOf(dataDir);
  const api = await startEmbeddedApi({
    dataDir,
    api: options.api,
    logger: logger.child({ component: 'api' }),
  });
  let controller: RunningController | undefined;
  const hostCheck = (): true | string => controller?.hostReady(hostName) ?? 'the controllers are starting';
  api.addReadyCheck('controllers', () => controller?.ready() ?? 'the controllers are starting');
  api.addReadyCheck('agent', hostCheck);

  const stop = new AbortController();
  const settings = {
    endpoint: loopbackEndpoint(api),
    redis: options.redis,
    identity: `${hostName}-${persistedUuid(paths.controllerIdentity)}`,
    logger: logger.child({ component: 'controller' }),
    onTrust: (trust: Trust) => writePrivateFile(paths.trust, JSON.stringify(trust)),
    onLost: options.onLost,
  };
  const starting = startController(settings, stop.signal).then(
    (running) => {
      controller = running;
    },
    (error: unknown) => {
      if (!stop.signal.aborted) options.onLost(`the controllers cannot start: ${String(error)}`);
    },
  );
  return {
    url: api.url,
    ready: hostCheck,
    close: async () => {
      stop.abort();
      await starting;
      await controller?.close();
      await api.close();
    },
  };
}

/** The controllers of the same process get in with a token that never leaves its memory. */
const loopbackEndpoint = (api: ApiServer): ApiEndpoint => ({
  server: api.url,
  tls: { ca: api.caPem },
  authorize: async () => ({ authorization: `Bearer ${api.loopbackToken}` }),
});
