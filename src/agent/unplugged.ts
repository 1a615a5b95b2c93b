import type { DomainListing } from '../host/libvirt/hypervisor-port.ts';
import type { NetworkSnapshot } from '../plan/snapshot.ts';

/** A guest that starts or stops holds no tap for a moment, and domains and links are listed one after the other. */
export const settlingMs = 2_000;

/**
 * Taps that running guests have and do not hold: deleted under a guest, a tap is made anew with the same name, but QEMU
 * still holds the one that is gone. Times are in milliseconds since the host was started.
 */
export class UnpluggedTaps {
  /** Tap → when it was first seen so. */
  #since = new Map<string, number>();

  look(domains: DomainListing | undefined, network: NetworkSnapshot | undefined, uptimeMs: number): void {
    const held = new Set(
      (network?.ports ?? []).filter(({ carrier }) => carrier === 'present').map(({ tap }) => tap),
    );
    const had = (domains?.domains ?? [])
      .filter(({ power }) => power === 'running')
      .flatMap(({ live }) => (live?.interfaces ?? []).map(({ tap }) => tap));
    const now = network ? had.filter((tap) => !held.has(tap)) : [];
    this.#since = new Map(now.map((tap) => [tap, this.#since.get(tap) ?? uptimeMs]));
  }

  /** Those that have been so for longer than any start or stop of a guest takes. */
  settled(uptimeMs: number): ReadonlySet<string> {
    return new Set(
      [...this.#since].filter(([, since]) => since + settlingMs <= uptimeMs).map(([tap]) => tap),
    );
  }

  /** When there may be one more. */
  nextDue(uptimeMs: number): number | undefined {
    const ahead = [...this.#since.values()]
      .map((since) => since + settlingMs)
      .filter((due) => due > uptimeMs);
    return ahead.length === 0 ? undefined : Math.min(...ahead);
  }
}
