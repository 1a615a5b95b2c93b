import type { DomainConfig } from './libvirt/domain-spec.ts';
import type { ObservedDomain } from './libvirt/hypervisor-port.ts';
import type { SimulatedDomains } from './simulated-domains.ts';

/** What befalls the domains of a simulated host past Purlin: by people with virsh, by guests, by the host itself. */
export class DomainsByHand {
  readonly #domains: SimulatedDomains;

  constructor(domains: SimulatedDomains) {
    this.#domains = domains;
  }

  /** The guest's process ends by itself: a crash, a kill, a shutdown from inside. */
  stopGuest(uuid: string, cause: NonNullable<ObservedDomain['stopCause']>): void {
    this.#domains.stop(uuid, cause);
  }

  /** The definition goes, as by `virsh undefine`. */
  undefine(uuid: string): void {
    this.#domains.undefine(uuid);
  }

  /** The definition is changed, as by `virsh edit`: its metadata stay as they were. */
  editDefinition(uuid: string, edit: (config: DomainConfig) => void): void {
    const { config } = this.#domains.find(uuid) ?? {};
    if (!config) return;
    edit(config);
    this.#domains.tell(uuid, 'defined');
  }

  /** A running guest gets another number of CPUs, as by `virsh setvcpus --live`, of which libvirt tells nobody. */
  setVcpus(uuid: string, count: number): void {
    const live = this.#domains.live(uuid);
    if (live) live.cpus = Math.min(count, live.maxCpus);
  }

  /** A running guest loses a disk, as by `virsh detach-disk --live`. */
  unplug(uuid: string, target: string): void {
    const live = this.#domains.live(uuid);
    if (!live) return;
    live.disks = live.disks.filter((disk) => disk.target !== target);
    this.#domains.tell(uuid, 'deviceRemoved');
  }

  /** The guest is paused, by hand or by a full disk of the host. */
  pause(uuid: string, cause: NonNullable<ObservedDomain['pauseCause']>): void {
    const domain = this.#domains.find(uuid);
    if (!domain?.live) return;
    domain.power = 'paused';
    domain.pauseCause = cause;
    this.#domains.tell(uuid, 'suspended');
  }

  /** The guest stops, and its next start goes on from here, as after `virsh managedsave`. */
  save(uuid: string): void {
    const domain = this.#domains.find(uuid);
    if (!domain?.live) return;
    domain.saved = domain.live;
    this.#domains.stop(uuid, 'unknown');
  }

  /** What was saved is gone, as after `virsh managedsave-remove`, of which libvirt tells nobody. */
  discardSaved(uuid: string): void {
    delete this.#domains.find(uuid)?.saved;
  }

  /** The disk goes on in another file, as by `virsh snapshot-create-as --disk-only`; `path` brings it back. */
  redirectDisk(uuid: string, target: string, path: string): void {
    const { live, config } = this.#domains.find(uuid) ?? {};
    for (const disk of [...(live?.disks ?? []), ...(config?.disks ?? [])]) {
      if (disk.target !== target) continue;
      if (disk.otherFiles?.includes(path)) delete disk.otherFiles;
      else disk.otherFiles = [disk.path];
      disk.path = path;
    }
    this.#domains.tell(uuid, 'blockJob');
  }

  /** @returns which disk of the domain is that file, now or at its next start */
  targetOf(uuid: string, path: string): string | undefined {
    const { live, config } = this.#domains.find(uuid) ?? {};
    const disks = [...(live?.disks ?? []), ...(config?.disks ?? [])];
    return disks.find((disk) => disk.path === path)?.target;
  }

  /**
   * The link of a card of the running guest is set up or down, as by `virsh domif-setlink`. Of a guest that was saved
   * it takes effect when that runs again: nobody can do it before, and whoever set the link down has not forgotten.
   */
  setLink(uuid: string, macAddress: string, link: 'down' | 'up'): void {
    const { live, saved } = this.#domains.find(uuid) ?? {};
    const card = (live ?? saved)?.interfaces.find((each) => each.macAddress === macAddress);
    if (!card) return;
    if (link === 'down') card.link = 'down';
    else delete card.link;
  }

  /** The guest does not release the device (a disk's target, an interface's MAC) when asked, for as long as it runs. */
  holdDevice(uuid: string, device: string): void {
    this.#domains.hold(uuid, device);
  }
}
