import { SimulatedNetwork } from '../../../src/host/network/simulated.ts';
import type { NetworkSnapshot, PortSpec, Reservation, SegmentSpec } from '../../../src/host/ports/network.ts';

export type NetworkOperation =
  | 'list'
  | 'ensureSegment'
  | 'ensureReservations'
  | 'deleteSegment'
  | 'ensurePort'
  | 'deletePort';

/** The simulated network, of which one operation can fail before or after its effect. */
export class FaultyNetwork extends SimulatedNetwork {
  readonly #faults: { operation: NetworkOperation; error: Error; when: 'before' | 'after' }[] = [];

  failNext(operation: NetworkOperation, error: Error, when: 'before' | 'after' = 'before'): void {
    this.#faults.push({ operation, error, when });
  }

  override async list(): Promise<NetworkSnapshot> {
    return this.#perform('list', () => super.list());
  }
  override async ensureSegment(spec: SegmentSpec): Promise<void> {
    return this.#perform('ensureSegment', () => super.ensureSegment(spec));
  }
  override async ensureReservations(subnetUid: string, reservations: Reservation[]): Promise<void> {
    return this.#perform('ensureReservations', () => super.ensureReservations(subnetUid, reservations));
  }
  override async deleteSegment(subnetUid: string): Promise<void> {
    return this.#perform('deleteSegment', () => super.deleteSegment(subnetUid));
  }
  override async ensurePort(spec: PortSpec): Promise<string> {
    return this.#perform('ensurePort', () => super.ensurePort(spec));
  }
  override async deletePort(machineUid: string, interfaceName: string): Promise<void> {
    return this.#perform('deletePort', () => super.deletePort(machineUid, interfaceName));
  }

  async #perform<Result>(operation: NetworkOperation, effect: () => Promise<Result>): Promise<Result> {
    const index = this.#faults.findIndex((fault) => fault.operation === operation);
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault?.when === 'before') throw fault.error;
    const result = await effect();
    if (fault) throw fault.error;
    return result;
  }
}
