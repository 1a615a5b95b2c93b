import type { HostView } from '../plan/kind.ts';
import type { HostSnapshot } from '../plan/snapshot.ts';
import type { Mirror } from '../queue/observation-mirror.ts';

/**
 * Whether all that was ever ordered on a host shows in what it tells: `unseen`, it tells nothing that this leader may
 * rely on; `busy`, an order of an earlier leader is still being carried out; `seen`, it does.
 */
export type Sight = 'unseen' | 'busy' | 'seen';

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

  sightOf(hostName: string): Sight {
    const snapshot = this.snapshotOf(hostName);
    if (snapshot === 'unknown') return 'unseen';
    return snapshot.earlierOrdersEnded ? 'seen' : 'busy';
  }

  /**
   * What is on a registered host whose agent has told nothing, not since Redis was lost for one, is not known, and is not
   * nothing. One that is silent and has no Host object is gone: nothing was made on it before it had one, and whoever
   * deletes the Host of a silent host says so.
   *
   * @param registered names of the Host objects
   */
  views(registered: readonly string[]): HostView[] {
    const names = new Set(registered);
    const seen = this.#mirror.hosts().map(({ hostName, alive }): HostView => {
      const mirrored = this.#mirror.get(hostName);
      return {
        name: hostName,
        registered: names.delete(hostName),
        alive,
        snapshot: this.snapshotOf(hostName),
        incomplete: mirrored !== 'unknown' && !mirrored.complete,
      };
    });
    const untold = [...names].map(
      (name): HostView => ({ name, registered: true, alive: false, snapshot: 'unknown', incomplete: false }),
    );
    return [...seen.filter(({ registered, alive }) => registered || alive), ...untold];
  }
}
