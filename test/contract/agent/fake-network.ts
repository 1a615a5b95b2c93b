import type {
  Network,
  NetworkSnapshot,
  PortSpec,
  Reservation,
  SegmentSpec,
} from '../../../src/host/ports/network.ts';
import { reservationsHash, segmentHash, tapName } from '../../../src/host/ports/network.ts';

/** Segments and ports in memory, each exactly as asked for. */
export class FakeNetwork implements Network {
  readonly segments = new Map<string, SegmentSpec>();
  readonly ports = new Map<string, PortSpec>();
  readonly #watchers = new Set<() => void>();
  readonly #faults: { operation: keyof Network; error: Error; when: 'before' | 'after' }[] = [];

  failNext(operation: keyof Network, error: Error, when: 'before' | 'after' = 'before'): void {
    this.#faults.push({ operation, error, when });
  }

  async list(): Promise<NetworkSnapshot> {
    return this.#perform('list', () => ({
      segments: [...this.segments.values()].map((spec) => ({
        subnetUid: spec.subnetUid,
        bridge: 'up' as const,
        gatewayCidr: `${spec.gateway}/${spec.cidr.split('/')[1]}`,
        mtu: spec.mtu,
        dnsmasq: 'running' as const,
        rules: 'present' as const,
        specHash: segmentHash(spec),
        reservationsHash: reservationsHash(spec.reservations),
      })),
      ports: [...this.ports].map(([tap, { machineUid, interfaceName, subnetUid, macAddress, address }]) => ({
        tap,
        machineUid,
        interfaceName,
        subnetUid,
        state: 'up' as const,
        attached: true,
        rules: 'present' as const,
        macAddress,
        address,
      })),
      hostCidrs: [],
    }));
  }

  async ensureSegment(spec: SegmentSpec): Promise<void> {
    return this.#perform('ensureSegment', () => void this.segments.set(spec.subnetUid, spec));
  }

  async ensureReservations(subnetUid: string, reservations: Reservation[]): Promise<void> {
    return this.#perform('ensureReservations', () => {
      const segment = this.segments.get(subnetUid);
      if (segment) this.segments.set(subnetUid, { ...segment, reservations });
    });
  }

  async deleteSegment(subnetUid: string): Promise<void> {
    return this.#perform('deleteSegment', () => void this.segments.delete(subnetUid));
  }

  async ensurePort(spec: PortSpec): Promise<string> {
    const tap = tapName(spec.machineUid, spec.interfaceName);
    return this.#perform('ensurePort', () => {
      this.ports.set(tap, spec);
      return tap;
    });
  }

  async deletePort(machineUid: string, interfaceName: string): Promise<void> {
    return this.#perform('deletePort', () => void this.ports.delete(tapName(machineUid, interfaceName)));
  }

  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => void this.#watchers.delete(onChange);
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  async #perform<Result>(operation: keyof Network, effect: () => Result): Promise<Result> {
    const index = this.#faults.findIndex((fault) => fault.operation === operation);
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault?.when === 'before') throw fault.error;
    const result = effect();
    if (operation !== 'list') for (const watcher of this.#watchers) watcher();
    if (fault) throw fault.error;
    return result;
  }
}
