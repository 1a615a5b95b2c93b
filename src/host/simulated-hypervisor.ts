import { copyJson } from '../values/copy.ts';
import type {
  DiskSpec,
  DomainConfig,
  DomainMetadata,
  DomainSpec,
  InterfaceSpec,
} from './libvirt/domain-spec.ts';
import { isDisk } from './libvirt/domain-spec.ts';
import {
  DeviceConflict,
  DeviceNotReleased,
  type DomainListing,
  type Hypervisor,
  type HypervisorChange,
  type ObservedDomain,
  type ShutdownRequest,
} from './libvirt/hypervisor-port.ts';
import { LibvirtError, LibvirtUnavailable } from './libvirt/rpc/error.ts';
import { type Domain, configOf, diskOf, observe } from './simulated-domain.ts';

/** The operations that a fault can be put before or after. */
export type HypervisorOperation = {
  [Name in keyof Hypervisor]: Hypervisor[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof Hypervisor];

interface Fault {
  operation: HypervisorOperation;
  error: Error;
  /** `after`: the effect happens and its reply is lost. */
  when: 'before' | 'after';
}

/** libvirt's codes for the refusals that this double knows. */
const noDomain = 42;
const operationInvalid = 55;
const operationTimeout = 68;

/**
 * A hypervisor in memory, for planners and executors under simulation. It keeps the contract of the port, takes no
 * time, tells listeners as libvirt does, and fails when told to.
 */
export class SimulatedHypervisor implements Hypervisor {
  readonly #domains = new Map<string, Domain>();
  readonly #listeners = new Set<(change: HypervisorChange) => void>();
  readonly #faults: Fault[] = [];
  /** Devices (`<uuid>/<target or MAC>`) that their guests do not let go. */
  readonly #held = new Set<string>();
  /** Told of every disk that was resized, so that a simulated storage can follow. */
  onResize: (path: string, bytes: number) => void = () => {};
  /** Told of every tap that QEMU opens or lets go, so that a simulated network can follow. */
  onCarrier: (tap: string, carrier: 'absent' | 'present') => void = () => {};
  /** Whether a guest obeys when it is asked to shut down. */
  guestsShutDown = true;
  foreign = 0;
  /** By domain, what libvirt has in hand for callers who have given up. */
  readonly #inHand = new Map<string, Set<() => Promise<unknown>>>();
  #connected = true;

  /** The next call of `operation` fails: before its effect, or after it as when a reply is lost. */
  failNext(operation: HypervisorOperation, error: Error, when: 'before' | 'after' = 'before'): void {
    this.#faults.push({ operation, error, when });
  }

  /** The guest's process ends by itself: a crash, a kill, a shutdown from inside. */
  stopGuest(uuid: string, cause: NonNullable<ObservedDomain['stopCause']>): void {
    this.#stop(uuid, cause);
  }

  /** The definition goes, as by `virsh undefine`. */
  undefineByHand(uuid: string): void {
    const domain = this.#domains.get(uuid);
    if (!domain) return;
    delete domain.config;
    delete domain.saved;
    if (!domain.live) this.#domains.delete(uuid);
    this.#tell(uuid, 'undefined');
  }

  /** The definition is changed, as by `virsh edit`: its metadata stay as they were. */
  editDefinition(uuid: string, edit: (config: DomainConfig) => void): void {
    const { config } = this.#domains.get(uuid) ?? {};
    if (!config) return;
    edit(config);
    this.#tell(uuid, 'defined');
  }

  /** A running guest gets another number of CPUs, as by `virsh setvcpus --live`, of which libvirt tells nobody. */
  setVcpusByHand(uuid: string, count: number): void {
    const { live } = this.#domains.get(uuid) ?? {};
    if (live) live.cpus = Math.min(count, live.maxCpus);
  }

  /** A running guest loses a disk, as by `virsh detach-disk --live`. */
  unplugByHand(uuid: string, target: string): void {
    const { live } = this.#domains.get(uuid) ?? {};
    if (!live) return;
    live.disks = live.disks.filter((disk) => disk.target !== target);
    this.#tell(uuid, 'deviceRemoved');
  }

  /** The guest is paused, by hand or by a full disk of the host. */
  pause(uuid: string, cause: NonNullable<ObservedDomain['pauseCause']>): void {
    const domain = this.#domains.get(uuid);
    if (!domain?.live) return;
    domain.power = 'paused';
    domain.pauseCause = cause;
    this.#tell(uuid, 'suspended');
  }

  /** The guest stops, and its next start goes on from here, as after `virsh managedsave`. */
  saveByHand(uuid: string): void {
    const domain = this.#domains.get(uuid);
    if (!domain?.live) return;
    domain.saved = domain.live;
    this.#stop(uuid, 'unknown');
  }

  /** What was saved is gone, as after `virsh managedsave-remove`, of which libvirt tells nobody. */
  discardSaved(uuid: string): void {
    delete this.#domains.get(uuid)?.saved;
  }

  /** The disk goes on in another file, as by `virsh snapshot-create-as --disk-only`; `path` brings it back. */
  redirectDisk(uuid: string, target: string, path: string): void {
    const { live, config } = this.#domains.get(uuid) ?? {};
    for (const disk of [...(live?.disks ?? []), ...(config?.disks ?? [])]) {
      if (disk.target !== target) continue;
      if (disk.otherFiles?.includes(path)) delete disk.otherFiles;
      else disk.otherFiles = [disk.path];
      disk.path = path;
    }
    this.#tell(uuid, 'blockJob');
  }

  /** @returns which disk of the domain is that file, now or at its next start */
  targetOf(uuid: string, path: string): string | undefined {
    const { live, config } = this.#domains.get(uuid) ?? {};
    const disks = [...(live?.disks ?? []), ...(config?.disks ?? [])];
    return disks.find((disk) => disk.path === path)?.target;
  }

  /** The link of a card of the running guest is set up or down, as by `virsh domif-setlink`. */
  setLink(uuid: string, macAddress: string, link: 'down' | 'up'): void {
    const card = this.#domains.get(uuid)?.live?.interfaces.find((each) => each.macAddress === macAddress);
    if (!card) return;
    if (link === 'down') card.link = 'down';
    else delete card.link;
  }

  /** The guest does not release the device (a disk's target, an interface's MAC) when asked, for as long as it runs. */
  holdDevice(uuid: string, device: string): void {
    this.#held.add(`${uuid}/${device}`);
  }

  /**
   * libvirt has a call in hand whose caller gives up.
   *
   * @returns carries it out after all, unless libvirtd died since
   */
  takeInHand(uuid: string, call: () => Promise<unknown>): () => Promise<void> {
    const calls = this.#inHand.get(uuid) ?? new Set();
    this.#inHand.set(uuid, calls);
    calls.add(call);
    return async () => {
      if (!calls.has(call)) return;
      await call().catch(() => undefined); // nobody is there to hear of it
      calls.delete(call);
    };
  }

  /** libvirtd is killed: nothing is answered until {@link reconnect}, and guests run on. */
  disconnect(): void {
    this.#connected = false;
    this.#dropCalls();
    this.#listenersTell({ kind: 'disconnected', reason: 'libvirtd closed the connection' });
  }

  reconnect(): void {
    this.#connected = true;
    this.#listenersTell({ kind: 'connected' });
  }

  /**
   * The host was switched off and on: nothing runs, definitions are there.
   *
   * @param autostarts whether libvirt starts those that can start without a network, as after `virsh autostart`
   */
  reboot(autostarts = false): void {
    this.#listenersTell({ kind: 'disconnected', reason: 'the host went down' });
    this.#dropCalls();
    this.#connected = true;
    for (const [uuid, domain] of this.#domains) {
      this.#setCarriers(domain, 'absent');
      delete domain.live;
      domain.power = 'shutoff';
      domain.stopCause = 'unknown';
      if (!domain.config) this.#domains.delete(uuid);
      else if (autostarts && domain.config.interfaces.length === 0) this.#run(domain);
    }
    this.#listenersTell({ kind: 'connected' });
  }

  /** The present hardware of every running or paused guest, for whoever watches over a simulated world. */
  get guests(): DomainConfig[] {
    return [...this.#domains.values()].flatMap(({ live }) => live ?? []);
  }

  /** Every domain that is there in any way. */
  get uuids(): string[] {
    return [...this.#domains.keys()];
  }

  /** What the next start of a domain will bring, and why it does not run. */
  lookAt(uuid: string): Pick<Domain, 'config' | 'stopCause'> | undefined {
    return this.#domains.get(uuid);
  }

  /** Domains with a definition; one without goes when its guest stops. */
  get defined(): string[] {
    return this.uuids.filter((uuid) => this.#domains.get(uuid)?.config);
  }

  async listDomains(): Promise<DomainListing> {
    return this.#perform('listDomains', () => ({
      domains: [...this.#domains].flatMap(([uuid, domain]) => observe(uuid, domain) ?? []),
      foreign: this.foreign,
    }));
  }

  async findDomain(uuid: string): Promise<ObservedDomain | undefined> {
    return this.#perform('findDomain', () => {
      const domain = this.#domains.get(uuid);
      return domain && observe(uuid, domain);
    });
  }

  async settle(uuid: string): Promise<void> {
    return this.#perform('settle', () => {
      if ((this.#inHand.get(uuid)?.size ?? 0) === 0) return;
      throw libvirtError(operationTimeout, 'Timed out during operation: cannot acquire state change lock');
    });
  }

  async defineDomain(spec: DomainSpec): Promise<void> {
    return this.#perform('defineDomain', () => {
      const domain: Domain = this.#domains.get(spec.uuid) ?? { power: 'shutoff', stopCause: 'unknown' };
      domain.config = configOf(spec);
      this.#domains.set(spec.uuid, domain);
      this.#tell(spec.uuid, 'defined');
    });
  }

  async startDomain(uuid: string): Promise<void> {
    return this.#perform('startDomain', () => {
      const domain = this.#domains.get(uuid);
      if (!domain) throw libvirtError(noDomain, `no domain with matching uuid '${uuid}'`);
      if (domain.power === 'running' || domain.pauseCause === 'passing') return;
      const resumed = domain.live !== undefined;
      this.#run(domain);
      this.#tell(uuid, resumed ? 'resumed' : 'started');
    });
  }

  #run(domain: Domain): void {
    if (!domain.live) {
      domain.live = domain.saved ?? copyJson(domain.config);
      delete domain.saved;
      this.#setCarriers(domain, 'present');
    }
    domain.power = 'running';
    delete domain.stopCause;
    delete domain.pauseCause;
  }

  async requestShutdown(uuid: string, { requestedAt, graceMs }: ShutdownRequest): Promise<void> {
    return this.#perform('requestShutdown', () => {
      const metadata = this.#domains.get(uuid)?.live?.metadata;
      if (!metadata) return;
      metadata.shutdownRequestedAt ??= requestedAt;
      metadata.shutdownGraceMs = graceMs;
      if (this.guestsShutDown) this.#stop(uuid, 'guest');
    });
  }

  async withdrawShutdown(uuid: string): Promise<void> {
    return this.#perform('withdrawShutdown', () => {
      const metadata = this.#domains.get(uuid)?.live?.metadata;
      delete metadata?.shutdownRequestedAt;
      delete metadata?.shutdownGraceMs;
    });
  }

  async destroyDomain(uuid: string): Promise<void> {
    return this.#perform('destroyDomain', () => this.#stop(uuid, 'destroyed'));
  }

  async undefineDomain(uuid: string): Promise<void> {
    return this.#perform('undefineDomain', () => this.undefineByHand(uuid));
  }

  async attachDisk(uuid: string, disk: DiskSpec): Promise<void> {
    return this.#perform('attachDisk', () => {
      const live = this.#domains.get(uuid)?.live;
      const present = live?.disks.find(({ target }) => target === disk.target);
      if (!live || (present && isDisk(present, disk.diskUid, disk.path))) return;
      if (present) throw new DeviceConflict(`${disk.target} of ${live.name} is ${present.path}`);
      live.disks.push(diskOf(disk));
      this.#tell(uuid, 'deviceAdded');
    });
  }

  async detachDisk(uuid: string, target: string): Promise<void> {
    return this.#perform('detachDisk', () => {
      const live = this.#domains.get(uuid)?.live;
      if (!live?.disks.some((disk) => disk.target === target)) return;
      this.#release(uuid, target);
      live.disks = live.disks.filter((disk) => disk.target !== target);
      this.#tell(uuid, 'deviceRemoved');
    });
  }

  async attachInterface(uuid: string, { tap, macAddress, mtu }: InterfaceSpec): Promise<void> {
    return this.#perform('attachInterface', () => {
      const live = this.#domains.get(uuid)?.live;
      const present = live?.interfaces.find((each) => each.macAddress === macAddress);
      if (!live || present?.tap === tap) return;
      if (present) throw new DeviceConflict(`${macAddress} of ${live.name} is on ${present.tap}`);
      live.interfaces.push({ tap, macAddress, mtu });
      this.onCarrier(tap, 'present');
      this.#tell(uuid, 'deviceAdded');
    });
  }

  async detachInterface(uuid: string, macAddress: string): Promise<void> {
    return this.#perform('detachInterface', () => {
      const live = this.#domains.get(uuid)?.live;
      const present = live?.interfaces.find((each) => each.macAddress === macAddress);
      if (!live || !present) return;
      this.#release(uuid, macAddress);
      this.onCarrier(present.tap, 'absent');
      live.interfaces = live.interfaces.filter((each) => each.macAddress !== macAddress);
      this.#tell(uuid, 'deviceRemoved');
    });
  }

  async raiseVcpus(uuid: string, count: number): Promise<void> {
    return this.#perform('raiseVcpus', () => {
      const live = this.#domains.get(uuid)?.live;
      if (live) live.cpus = Math.max(live.cpus, count);
    });
  }

  async setMemory(uuid: string, bytes: number): Promise<void> {
    return this.#perform('setMemory', () => {
      const live = this.#domains.get(uuid)?.live;
      if (live) live.memoryBytes = Math.min(bytes, live.maxMemoryBytes);
    });
  }

  async setLiveMetadata(uuid: string, metadata: DomainMetadata): Promise<void> {
    return this.#perform('setLiveMetadata', () => {
      const live = this.#domains.get(uuid)?.live;
      if (live) live.metadata = { ...metadata };
    });
  }

  async resizeBlock(uuid: string, target: string, bytes: number): Promise<void> {
    return this.#perform('resizeBlock', () => {
      const disk = this.#domains.get(uuid)?.live?.disks.find((each) => each.target === target);
      if (!disk)
        throw libvirtError(operationInvalid, 'Requested operation is not valid: domain is not running');
      this.onResize(disk.path, bytes);
    });
  }

  async versions(): Promise<{ libvirt: string; hypervisor: string }> {
    return this.#perform('versions', () => ({ libvirt: '9.0.0', hypervisor: '7.2.0' }));
  }

  onChange(listener: (change: HypervisorChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #perform<Result>(operation: HypervisorOperation, effect: () => Result): Promise<Result> {
    if (!this.#connected) throw new LibvirtUnavailable('libvirt does not answer');
    const index = this.#faults.findIndex((fault) => fault.operation === operation);
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault?.when === 'before') throw fault.error;
    const result = effect();
    if (fault) throw fault.error;
    return copyJson(result);
  }

  /** They die with libvirtd. */
  #dropCalls(): void {
    for (const calls of this.#inHand.values()) calls.clear();
    this.#inHand.clear();
  }

  #stop(uuid: string, cause: NonNullable<ObservedDomain['stopCause']>): void {
    const domain = this.#domains.get(uuid);
    if (!domain?.live) return;
    this.#setCarriers(domain, 'absent');
    delete domain.live;
    delete domain.pauseCause;
    domain.power = 'shutoff';
    domain.stopCause = cause;
    for (const device of this.#held) if (device.startsWith(`${uuid}/`)) this.#held.delete(device);
    if (!domain.config) this.#domains.delete(uuid);
    this.#tell(uuid, 'stopped');
  }

  #setCarriers({ live }: Domain, carrier: 'absent' | 'present'): void {
    for (const { tap } of live?.interfaces ?? []) this.onCarrier(tap, carrier);
  }

  #release(uuid: string, device: string): void {
    if (!this.#held.has(`${uuid}/${device}`)) return;
    throw new DeviceNotReleased(`the guest has not released ${device} yet`);
  }

  #tell(uuid: string, what: string): void {
    this.#listenersTell({ kind: 'domain', uuid, what });
  }

  #listenersTell(change: HypervisorChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

const libvirtError = (code: number, message: string): LibvirtError =>
  new LibvirtError({ code, domain: 10, level: 2, message });
