import type { HostView } from '../plan/kind.ts';
import type { HostSnapshot } from '../plan/snapshot.ts';
import type { Mirror } from '../queue/observation-mirror.ts';

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

  /**
   * @param registered names of the Host objects: what is on one whose agent has told nothing, not since Redis was lost
   *   for one, is not known, and is not nothing
   */
  views(registered: readonly string[]): HostView[] {
    const seen = this.#mirror.hosts().map(({ hostName, alive }) => {
      const mirrored = this.#mirror.get(hostName);
      return {
        name: hostName,
        alive,
        snapshot: this.snapshotOf(hostName),
        incomplete: mirrored !== 'unknown' && !mirrored.complete,
      };
    });
    const silent = registered
      .filter((hostName) => !seen.some(({ name }) => name === hostName))
      .map((name): HostView => ({ name, alive: false, snapshot: 'unknown', incomplete: false }));
    return [...seen, ...silent];
  }
}
