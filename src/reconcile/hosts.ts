import type { HostView } from '../plan/kind.ts';
import type { HostSnapshot } from '../plan/snapshot.ts';
import type { Mirror } from '../queue/observation-mirror.ts';
import { API_VERSION, type Resource } from '../resources/metadata.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Api, isConflict } from './api.ts';
import { purlinType } from './informers.ts';

/**
 * The hosts as this leader may plan for them. A host whose agent has not acknowledged the leader's epoch is unknown:
 * it may still be carrying out orders of the leader before.
 */
export class Hosts {
  readonly #mirror: Mirror;
  readonly #epoch: () => number;

  constructor(mirror: Mirror, epoch: () => number) {
    this.#mirror = mirror;
    this.#epoch = epoch;
  }

  snapshotOf(hostName: string): HostSnapshot | 'unknown' {
    const snapshot = this.#mirror.get(hostName);
    return snapshot !== 'unknown' && snapshot.complete && snapshot.epoch === this.#epoch()
      ? snapshot
      : 'unknown';
  }

  views(): HostView[] {
    return this.#mirror.hosts().map(({ hostName, alive }) => {
      const mirrored = this.#mirror.get(hostName);
      return {
        name: hostName,
        alive,
        snapshot: this.snapshotOf(hostName),
        incomplete: mirrored !== 'unknown' && !mirrored.complete,
      };
    });
  }
}

/** A host registers itself: the first time that its agent is seen, a Host object is made for it. */
export async function registerHost(hostName: string, client: Api, logger: Logger): Promise<void> {
  try {
    await client.create<Resource>(purlinType('hosts'), undefined, {
      apiVersion: API_VERSION,
      kind: 'Host',
      metadata: { name: hostName, labels: { 'kubernetes.io/hostname': hostName } },
      spec: {},
    });
    logger.info({ host: hostName }, 'host registered');
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}
