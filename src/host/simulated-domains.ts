import { copyJson } from '../values/copy.ts';
import type { DomainConfig } from './libvirt/domain-spec.ts';
import type { HypervisorChange, ObservedDomain } from './libvirt/hypervisor-port.ts';
import type { Domain } from './simulated-domain.ts';

/**
 * The domains of a simulated host, and who hears of their changes. The port of the hypervisor acts on them, and so do
 * people past it.
 */
export class SimulatedDomains {
  readonly #domains = new Map<string, Domain>();
  readonly #listeners = new Set<(change: HypervisorChange) => void>();
  /** Devices (`<uuid>/<target or MAC>`) that their guests do not let go. */
  readonly #held = new Set<string>();
  /** Told of every tap that QEMU opens or lets go, so that a simulated network can follow. */
  onCarrier: (tap: string, carrier: 'absent' | 'present') => void = () => {};

  get entries(): [uuid: string, domain: Domain][] {
    return [...this.#domains];
  }

  find(uuid: string): Domain | undefined {
    return this.#domains.get(uuid);
  }

  /** @returns the present hardware, unless the domain does not run */
  live(uuid: string): DomainConfig | undefined {
    return this.#domains.get(uuid)?.live;
  }

  define(uuid: string, config: DomainConfig): void {
    const domain: Domain = this.#domains.get(uuid) ?? { power: 'shutoff', stopCause: 'unknown' };
    domain.config = config;
    this.#domains.set(uuid, domain);
    this.tell(uuid, 'defined');
  }

  undefine(uuid: string): void {
    const domain = this.#domains.get(uuid);
    if (!domain) return;
    delete domain.config;
    delete domain.saved;
    if (!domain.live) this.#domains.delete(uuid);
    this.tell(uuid, 'undefined');
  }

  /** The guest runs: from what was saved of it, from its definition, or on from a pause. */
  run(domain: Domain): void {
    if (!domain.live) {
      domain.live = domain.saved ?? copyJson(domain.config);
      delete domain.saved;
      this.#setCarriers(domain, 'present');
    }
    domain.power = 'running';
    delete domain.stopCause;
    delete domain.pauseCause;
  }

  stop(uuid: string, cause: NonNullable<ObservedDomain['stopCause']>): void {
    const domain = this.#domains.get(uuid);
    if (!domain?.live) return;
    this.#setCarriers(domain, 'absent');
    delete domain.live;
    delete domain.pauseCause;
    domain.power = 'shutoff';
    domain.stopCause = cause;
    for (const device of this.#held) if (device.startsWith(`${uuid}/`)) this.#held.delete(device);
    if (!domain.config) this.#domains.delete(uuid);
    this.tell(uuid, 'stopped');
  }

  /** All guests end without a word; definitions stay. */
  switchOff(): void {
    for (const [uuid, domain] of this.#domains) {
      this.#setCarriers(domain, 'absent');
      delete domain.live;
      domain.power = 'shutoff';
      domain.stopCause = 'unknown';
      if (!domain.config) this.#domains.delete(uuid);
    }
  }

  /** The guest does not let the device (a disk's target, an interface's MAC) go, for as long as it runs. */
  hold(uuid: string, device: string): void {
    this.#held.add(`${uuid}/${device}`);
  }

  holds(uuid: string, device: string): boolean {
    return this.#held.has(`${uuid}/${device}`);
  }

  /** @returns ends the subscription */
  onChange(listener: (change: HypervisorChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Listeners hear of a change of a domain. */
  tell(uuid: string, what: string): void {
    this.announce({ kind: 'domain', uuid, what });
  }

  announce(change: HypervisorChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  #setCarriers({ live }: Domain, carrier: 'absent' | 'present'): void {
    for (const { tap } of live?.interfaces ?? []) this.onCarrier(tap, carrier);
  }
}
