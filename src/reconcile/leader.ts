import { type Clock, delay } from '../clock/clock.ts';
import type { ObjectMeta, Resource } from '../resources/metadata.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Api, isConflict, isNotFound } from './api.ts';

const leasesType = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const EPOCH_ANNOTATION = 'purlin.dev/epoch';
const SETTLING_ANNOTATION = 'purlin.dev/settling';
const DURATION_SECONDS = 15;
const RENEW_MS = 5_000;
const RETRY_MS = 1_000;
/** From the last renewal on; the rest of the lease is for what is under way when this ends. */
const CERTAIN_MS = 10_000;

interface Lease extends Resource {
  spec: {
    holderIdentity?: string | null;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export interface LeaderOptions {
  client: Api;
  clock: Clock;
  namespace: string;
  /** Kept over restarts of the same installation of a controller: its own lease is taken back at once. */
  identity: string;
  /** Highest epoch that any agent has reported. */
  reportedEpoch: () => number;
  /** The lease could not be renewed in time, or somebody else has it: stop acting at once. */
  onLost: (reason: string) => void;
  logger: Logger;
}

/** Leadership as held: the epoch fences every order of earlier leaders. */
export interface Leadership {
  epoch: number;
  /**
   * The Lease was not there, or older than what hosts have obeyed: so the store may be one that was restored from a
   * backup, and hosts may have what it does not know. Said by the Lease until {@link settled}, through all leaderships.
   */
  settling: boolean;
  /** From here on the store is taken for the truth. */
  settled(): void;
  /**
   * Whether nobody else can hold the lease yet. A process that was frozen or starved finds here that its time is over
   * before it is told.
   */
  certain(): boolean;
  release(): Promise<void>;
}

/**
 * Waits for the Lease `purlin-controller` and raises its epoch in the same write. Whether another's lease has run out
 * is judged by how long it has not changed before our eyes, never by comparing clocks.
 */
export async function acquireLeadership(options: LeaderOptions, signal: AbortSignal): Promise<Leadership> {
  const { client, clock, namespace, identity, logger } = options;
  const path = { namespace, name: 'purlin-controller' };
  let seen: { version: string; atMs: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      const present = await read();
      // The lease runs from here on, however long the answer takes.
      const sentAtMs = clock.monotonicMs();
      if (!present)
        return hold(await client.create<Lease>(leasesType, namespace, wanted(undefined)), sentAtMs);
      const { resourceVersion } = present.metadata;
      if (seen?.version !== resourceVersion) seen = { version: resourceVersion, atMs: clock.monotonicMs() };
      const expiredAfterMs = (present.spec.leaseDurationSeconds ?? DURATION_SECONDS) * 1000;
      const free = !present.spec.holderIdentity || present.spec.holderIdentity === identity;
      if (free || clock.monotonicMs() - seen.atMs > expiredAfterMs) {
        return hold(await client.replace<Lease>(leasesType, path, wanted(present)), sentAtMs);
      }
    } catch (error) {
      if (!isConflict(error)) logger.warn({ error: String(error) }, 'the leader lease cannot be had yet');
    }
    await delay(clock, RETRY_MS, signal);
  }

  async function read(): Promise<Lease | undefined> {
    try {
      return await client.get<Lease>(leasesType, path);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  function wanted(present: Lease | undefined): object {
    const annotations = present?.metadata.annotations;
    const stored = Number(annotations?.[EPOCH_ANNOTATION] ?? 0);
    const reported = options.reportedEpoch();
    const settling = stored < reported || !present || annotations?.[SETTLING_ANNOTATION] !== undefined;
    // Nobody may know of the highest one: the store restored, Redis empty, its host silent. Then the clock stands for it.
    const epoch = Math.max(stored, reported, clock.now()) + 1;
    const now = microTime(clock);
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        ...path,
        ...(present ? { resourceVersion: present.metadata.resourceVersion, uid: present.metadata.uid } : {}),
        annotations: {
          ...annotations,
          [EPOCH_ANNOTATION]: String(epoch),
          ...(settling && { [SETTLING_ANNOTATION]: 'true' }),
        },
      },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: DURATION_SECONDS,
        acquireTime: now,
        renewTime: now,
        leaseTransitions: (present?.spec.leaseTransitions ?? -1) + 1,
      },
    };
  }

  function hold(lease: Lease, sentAtMs: number): Leadership {
    const { annotations } = lease.metadata;
    const epoch = Number(annotations?.[EPOCH_ANNOTATION]);
    logger.info({ epoch, identity }, 'leader');
    const stop = new AbortController();
    const progress: Progress = { renewedAtMs: sentAtMs, settled: false };
    const renewing = keepRenewing(lease, progress, stop.signal);
    return {
      epoch,
      settling: annotations?.[SETTLING_ANNOTATION] !== undefined,
      settled: () => {
        progress.settled = true;
      },
      certain: () => clock.monotonicMs() - progress.renewedAtMs < CERTAIN_MS,
      release: async () => {
        stop.abort();
        const last = await renewing;
        // Given back, so that the next leader need not wait for it to run out. If that fails, it does.
        if (last)
          await client
            .replace(leasesType, path, { ...last, spec: { ...last.spec, holderIdentity: '' } })
            .catch(() => undefined);
      },
    };
  }

  /** Resolves with the lease as last written, or with nothing when it was lost. */
  async function keepRenewing(
    held: Lease,
    progress: Progress,
    stopped: AbortSignal,
  ): Promise<Lease | undefined> {
    let lease = held;
    while (!stopped.aborted) {
      await delay(clock, RENEW_MS, stopped).catch(() => undefined);
      if (stopped.aborted) return lease;
      const sentAtMs = clock.monotonicMs();
      try {
        lease = await client.replace<Lease>(leasesType, path, {
          ...lease,
          metadata: progress.settled ? withoutSettling(lease.metadata) : lease.metadata,
          spec: { ...lease.spec, renewTime: microTime(clock) },
        });
        progress.renewedAtMs = sentAtMs;
      } catch (error) {
        const changed = isConflict(error) || isNotFound(error);
        if (!changed && clock.monotonicMs() - progress.renewedAtMs < DURATION_SECONDS * 1000) continue;
        const what = changed ? 'was changed by another' : 'could not be renewed in time';
        options.onLost(`the lease ${what}: ${String(error)}`);
        return undefined;
      }
    }
    return lease;
  }
}

/** What a leadership has come to. */
interface Progress {
  renewedAtMs: number;
  settled: boolean;
}

const withoutSettling = ({ annotations, ...metadata }: ObjectMeta): ObjectMeta => ({
  ...metadata,
  annotations: Object.fromEntries(
    Object.entries(annotations ?? {}).filter(([name]) => name !== SETTLING_ANNOTATION),
  ),
});

/** metav1.MicroTime: six fractional digits. */
const microTime = (clock: Clock): string => new Date(clock.now()).toISOString().replace(/Z$/, '000Z');
