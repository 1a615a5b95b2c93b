import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../clock/clock.ts';
import { kinds } from '../kinds/registry.ts';
import { announceEpoch } from '../queue/epoch.ts';
import { ObservationMirror } from '../queue/observation-mirror.ts';
import { OrderBook } from '../queue/orders.ts';
import type { RedisAddress } from '../queue/redis-connection.ts';
import { generateSigningKeys, type SigningKeys } from '../queue/signature.ts';
import { isConflict, isNotFound } from '../reconcile/api.ts';
import { ApiClient, type ApiEndpoint } from '../reconcile/api-client.ts';
import { acquireLeadership } from '../reconcile/leader.ts';
import { startLoop } from '../reconcile/loop.ts';
import type { Secret } from '../resources/kinds.ts';
import type { Resource } from '../resources/metadata.ts';
import type { Logger } from '../telemetry/logger.ts';
import { nothingAround, type Around } from '../values/around.ts';

/** Namespace of Purlin's own objects: its Lease and its signing key. */
export const SYSTEM_NAMESPACE = 'purlin-system';

/** What an agent must know to obey this installation and no other. */
export interface Trust {
  installationUid: string;
  controllerPublicKey: string;
}

export interface ControllerOptions {
  endpoint: ApiEndpoint;
  redis: RedisAddress;
  identity: string;
  logger: Logger;
  /** What agents must be given to obey this installation; called once it is known. */
  onTrust?: (trust: Trust) => void;
  /** Leadership or Redis is lost for good: end the process, so that a fresh one starts from nothing. */
  onLost: (reason: string) => void;
}

export interface RunningController {
  ready(): true | string;
  /** Whether the named host reports and obeys. */
  hostReady(hostName: string): true | string;
  close(): Promise<void>;
}

/**
 * Starts the controllers of all kinds: waits for the API, for Redis and for leadership, in that order.
 *
 * @param around what a test puts between the controllers and all that they write
 */
export async function startController(
  options: ControllerOptions,
  signal: AbortSignal,
  around: Around = nothingAround,
): Promise<RunningController> {
  const { logger } = options;
  const client = around('api', new ApiClient(options.endpoint));
  await untilItWorks('API server', logger, signal, () => ensureNamespace(client));
  const installationUid = await untilItWorks('installation UID', logger, signal, () =>
    readInstallationUid(client),
  );
  const keys = await untilItWorks('signing key', logger, signal, () => ensureSigningKeys(client));
  options.onTrust?.({ installationUid, controllerPublicKey: keys.publicKey });

  const { redis } = options;
  const mirror = await untilItWorks('Redis', logger, signal, () => ObservationMirror.connect(redis));
  const orders = around('orders', await OrderBook.connect({ redis, signingKey: keys.privateKey }));
  const leadership = await acquireLeadership(
    {
      client,
      clock: systemClock,
      namespace: SYSTEM_NAMESPACE,
      identity: options.identity,
      reportedEpoch: () => Math.max(0, ...mirror.hosts().map(({ snapshot }) => snapshot?.epoch ?? 0)),
      onLost: options.onLost,
      logger,
    },
    signal,
  );
  const { epoch } = leadership;
  const stopAnnouncing = await untilItWorks('Redis', logger, signal, () =>
    announceEpoch({
      redis,
      signingKey: keys.privateKey,
      record: { installationUid, epoch },
      onSuperseded: () => options.onLost('a later epoch has been announced'),
    }),
  );

  const end = async (): Promise<void> => {
    stopAnnouncing();
    await leadership.release();
    await mirror.close();
    await orders.close();
    client.close();
  };
  const loop = await startLoop(
    {
      kinds,
      client,
      clock: systemClock,
      mirror,
      orders,
      installationUid,
      leadership,
      onSuperseded: options.onLost,
      logger,
    },
    signal,
  ).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  logger.info({ epoch, installationUid }, 'controllers run');

  return {
    ready: () => true,
    hostReady: (hostName) =>
      loop.hosts.snapshotOf(hostName) === 'unknown' ? `the agent of host ${hostName} does not report` : true,
    close: async () => {
      await loop.close();
      await end();
    },
  };
}

/** Repeats until it succeeds, telling what it waits for once per failure in words. */
async function untilItWorks<Result>(
  what: string,
  logger: Logger,
  signal: AbortSignal,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 3_000)) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      logger.warn({ because: error instanceof Error ? error.message : String(error) }, `waiting for ${what}`);
      await delay(waitMs, undefined, { signal });
    }
  }
}

const namespaces = { group: '', version: 'v1', plural: 'namespaces' };
const secrets = { group: '', version: 'v1', plural: 'secrets' };

async function ensureNamespace(client: ApiClient): Promise<void> {
  try {
    await client.create(namespaces, undefined, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: SYSTEM_NAMESPACE },
    });
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** The UID of kube-system identifies a cluster by convention; it lives as long as the API store does. */
async function readInstallationUid(client: ApiClient): Promise<string> {
  const namespace = await client.get<Resource>(namespaces, { name: 'kube-system' });
  return namespace.metadata.uid;
}

/** One key for all controller replicas, made by the first of them. */
async function ensureSigningKeys(client: ApiClient): Promise<SigningKeys> {
  const path = { namespace: SYSTEM_NAMESPACE, name: 'purlin-signing-key' };
  try {
    return fromSecret(await client.get<Secret>(secrets, path));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const keys = generateSigningKeys();
  const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
  const created = await client.create<Secret>(secrets, SYSTEM_NAMESPACE, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: path,
    type: 'purlin.dev/signing-key',
    data: { privateKey: encode(keys.privateKey), publicKey: encode(keys.publicKey) },
  });
  return fromSecret(created);
}

function fromSecret({ data }: Secret): SigningKeys {
  const decode = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  return { privateKey: decode('privateKey'), publicKey: decode('publicKey') };
}
