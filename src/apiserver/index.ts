/**
 * The embedded Kubernetes API server: a few built-in kinds and whatever CustomResourceDefinitions are applied to
 * it, over the durable store, behind HTTPS.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import { DEFAULT_POLICY } from './audit/default-policy.ts';
import { AuditLog } from './audit/log.ts';
import type { AuditOptions } from './audit/log.ts';
import { openAccess } from './access.ts';
import { openAdmission } from './admission/index.ts';
import type { ConnectionLimits } from './connections.ts';
import { IssuerDiscovery } from './authn/issuer-discovery.ts';
import { bootstrapRoles } from './authz/bootstrap.ts';
import type { Logger } from './context.ts';
import { startControllers } from './controllers/index.ts';
import { Definitions } from './crd/serve.ts';
import { encryptionOf } from './encryption.ts';
import { Gate } from './fairness/gate.ts';
import type { GateLimits, Load } from './fairness/gate.ts';
import { Health } from './health.ts';
import type { ReadyCheck } from './health.ts';
import { installCrds, installNamespaces } from './install.ts';
import { adminKubeconfig } from './kubeconfig.ts';
import { listen } from './listener.ts';
import { OpenApi } from './openapi/index.ts';
import { handle } from './pipeline.ts';
import type { Api } from './pipeline.ts';
import { loadPki, writePrivately } from './pki.ts';
import { Registry } from './registry.ts';

export type { AuditOptions } from './audit/log.ts';
export { readAuditPolicy } from './audit/policy-file.ts';
export type { Logger } from './context.ts';
export type { ReadyCheck } from './health.ts';

export interface ApiServerOptions {
  /**
   * Holds the store (`store.db`), the keys of what is encrypted in it (`encryption-keys.json`), certificates (`pki/`) and
   * the administrator's `kubeconfig`.
   */
  readonly dataDir: string;
  /** Port 0 picks a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The CustomResourceDefinitions in its YAML files are applied at each start. */
  readonly crdsDir: string;
  readonly logger: Logger;
  /** Host name or address that clients reach the server by, when it differs from `listen.host`. */
  readonly advertise?: string;
  /** How many changes a watch may lag behind before it is answered 410 Expired. Default 10,000. */
  readonly historyRevisions?: number;
  /** What is noted of requests, and where. Default: the default policy, in `audit/audit.log` of the data directory. */
  readonly audit?: Partial<AuditOptions> | 'off';
  /** What clients may have under way; sensible without. */
  readonly gateLimits?: GateLimits;
  /** Which connections there may be; sensible without. */
  readonly connectionLimits?: ConnectionLimits;
}

export interface ApiServer {
  readonly url: string;
  readonly port: number;
  readonly caPem: string;
  /** The administrator's kubeconfig as YAML; also in the file `kubeconfigPath` (0600). */
  adminKubeconfig(): string;
  readonly kubeconfigPath: string;
  /** A bearer token for the controllers of this process; lives only in memory. */
  readonly loopbackToken: string;
  /** `/readyz` fails while the check returns a text. */
  addReadyCheck(name: string, check: ReadyCheck): void;
  /** For its upkeep while the server runs; objects are written through the API. */
  readonly store: Pick<
    Store,
    'revision' | 'compactedRevision' | 'freeze' | 'compact' | 'room' | 'rotateKeys'
  >;
  /** What clients have under way. */
  load(): Load & { readonly auditEventsLost: number };
  /** Ends watches, answers what is under way, closes the store. */
  close(): Promise<void>;
}

/** Starts the server; it is ready when the promise resolves. Rejects if the data directory is in use. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { dataDir, logger, advertise = reachable(options.listen.host) } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const pkiDirectory = join(dataDir, 'pki');
  const pki = await loadPki(pkiDirectory, [...new Set(['127.0.0.1', 'localhost', advertise])]);
  const store = openStore({
    file: join(dataDir, 'store.db'),
    encryption: encryptionOf(dataDir),
    ...(options.historyRevisions && { historyRevisions: options.historyRevisions }),
  });
  try {
    let port = options.listen.port;
    const now = (): Date => new Date();
    const access = await openAccess({ store, logger, now }, pkiDirectory);
    const registry = new Registry(access.resources);
    const admission = openAdmission({ store, registry, access: access.policy, logger });
    const api: Api = {
      store,
      registry,
      logger,
      now,
      health: new Health(),
      authenticator: access.authenticator,
      policy: access.policy,
      admission,
      openApi: new OpenApi(registry),
      issuer: new IssuerDiscovery(access.signingKey, () => `${advertise}:${port}`),
      audit:
        options.audit === 'off'
          ? undefined
          : new AuditLog(
              { policy: DEFAULT_POLICY, file: join(dataDir, 'audit', 'audit.log'), ...options.audit },
              now,
              logger,
            ),
      gate: new Gate((prefix) => store.count(prefix), options.gateLimits),
      address: () => `${advertise}:${port}`,
    };
    await installNamespaces(api);
    const definitions = new Definitions(api);
    definitions.start();
    await installCrds(api, options.crdsDir);
    await bootstrapRoles(api);
    await definitions.settle();
    const { connectionLimits } = options;
    const listener = await listen(options.listen, {
      pki,
      logger,
      handler: (request) => handle(request, api),
      ...(connectionLimits && { connectionLimits }),
    });
    const controllers = startControllers(api, { ...access, caPem: pki.caPem });
    port = listener.port;
    const url = `https://${advertise.includes(':') ? `[${advertise}]` : advertise}:${port}`;
    const kubeconfigPath = join(dataDir, 'kubeconfig');
    await writePrivately(kubeconfigPath, adminKubeconfig(url, pki));
    logger.info(
      { url, kubeconfig: kubeconfigPath, resources: registry.all().length },
      'The API server is ready',
    );
    return {
      url,
      port,
      caPem: pki.caPem,
      adminKubeconfig: () => adminKubeconfig(url, pki),
      kubeconfigPath,
      loopbackToken: access.authenticator.loopbackToken,
      store,
      addReadyCheck: (name, check) => api.health.addReadyCheck(name, check),
      load: () => ({ ...api.gate.load, auditEventsLost: api.audit?.lost ?? 0 }),
      close: async () => {
        api.health.startClosing();
        await controllers.close();
        await definitions.close();
        await listener.close();
        await Promise.all([access.close(), admission.close()]);
        await api.audit?.close();
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** A server that listens on every address is reached by the loopback one from its own host. */
const reachable = (host: string): string => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host);
