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
import { DomainsByHand } from './simulated-domains-by-hand.ts';
import { SimulatedDomains } from './simulated-domains.ts';

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
  readonly #domains = new SimulatedDomains();
  readonly byHand = new DomainsByHand(this.#domains);
  readonly #faults: Fault[] = [];
  /** Told of every disk that was resized, so that a simulated storage can follow. */
  onResize: (path: string, bytes: number) => void = () => {};
  /** Whether a guest obeys when it is asked to shut down. */
  guestsShutDown = true;
  foreign = 0;
  /** By domain, what libvirt has in hand for callers who have given up. */
  readonly #inHand = new Map<string, Set<() => Promise<unknown>>>();
  #connected = true;

  /** Told of every tap that QEMU opens or lets go, so that a simulated network can follow. */
  set onCarrier(tell: SimulatedDomains['onCarrier']) {
    this.#domains.onCarrier = tell;
  }

  /** The next call of `operation` fails: before its effect, or after it as when a reply is lost. */
  failNext(operation: HypervisorOperation, error: Error, when: 'before' | 'after' = 'before'): void {
    this.#faults.push({ operation, error, when });
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
    this.#domains.announce({ kind: 'disconnected', reason: 'libvirtd closed the connection' });
  }

  reconnect(): void {
    this.#connected = true;
    this.#domains.announce({ kind: 'connected' });
  }

  /**
   * The host was switched off and on: nothing runs, definitions are there.
   *
   * @param autostarts whether libvirt starts those that can start without a network, as after `virsh autostart`
   */
  reboot(autostarts = false): void {
    this.#domains.announce({ kind: 'disconnected', reason: 'the host went down' });
    this.#dropCalls();
    this.#connected = true;
    this.#domains.switchOff();
    for (const [, domain] of this.#domains.entries) {
      if (autostarts && domain.config?.interfaces.length === 0) this.#domains.run(domain);
    }
    this.#domains.announce({ kind: 'connected' });
  }

  /** The present hardware of every running or paused guest, for whoever watches over a simulated world. */
  get guests(): DomainConfig[] {
    return this.#domains.entries.flatMap(([, { live }]) => live ?? []);
  }

  /** Every domain that is there in any way. */
  get uuids(): string[] {
    return this.#domains.entries.map(([uuid]) => uuid);
  }

  /** What the next start of a domain will bring, and why it does not run. */
  lookAt(uuid: string): Pick<Domain, 'config' | 'stopCause'> | undefined {
    return this.#domains.find(uuid);
  }

  /** Domains with a definition; one without goes when its guest stops. */
  get defined(): string[] {
    return this.uuids.filter((uuid) => this.#domains.find(uuid)?.config);
  }

  async listDomains(): Promise<DomainListing> {
    return this.#perform('listDomains', () => ({
      domains: this.#domains.entries.flatMap(([uuid, domain]) => observe(uuid, domain) ?? []),
      foreign: this.foreign,
    }));
  }

  async findDomain(uuid: string): Promise<ObservedDomain | undefined> {
    return this.#perform('findDomain', () => {
      const domain = this.#domains.find(uuid);
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
    return this.#perform('defineDomain', () => this.#domains.define(spec.uuid, configOf(spec)));
  }

  async startDomain(uuid: string): Promise<void> {
    return this.#perform('startDomain', () => {
      const domain = this.#domains.find(uuid);
      if (!domain) throw libvirtError(noDomain, `no domain with matching uuid '${uuid}'`);
      if (domain.power === 'running' || domain.pauseCause === 'passing') return;
      const resumed = domain.live !== undefined;
      this.#domains.run(domain);
      this.#domains.tell(uuid, resumed ? 'resumed' : 'started');
    });
  }

  async requestShutdown(uuid: string, { requestedAt, graceMs }: ShutdownRequest): Promise<void> {
    return this.#perform('requestShutdown', () => {
      const metadata = this.#domains.live(uuid)?.metadata;
      if (!metadata) return;
      metadata.shutdownRequestedAt ??= requestedAt;
      metadata.shutdownGraceMs = graceMs;
      if (this.guestsShutDown) this.#domains.stop(uuid, 'guest');
    });
  }

  async withdrawShutdown(uuid: string): Promise<void> {
    return this.#perform('withdrawShutdown', () => {
      const metadata = this.#domains.live(uuid)?.metadata;
      delete metadata?.shutdownRequestedAt;
      delete metadata?.shutdownGraceMs;
    });
  }

  async destroyDomain(uuid: string): Promise<void> {
    return this.#perform('destroyDomain', () => this.#domains.stop(uuid, 'destroyed'));
  }

  async undefineDomain(uuid: string): Promise<void> {
    return this.#perform('undefineDomain', () => this.#domains.undefine(uuid));
  }

  async attachDisk(uuid: string, disk: DiskSpec): Promise<void> {
    return this.#perform('attachDisk', () => {
      const live = this.#domains.live(uuid);
      const present = live?.disks.find(({ target }) => target === disk.target);
      if (!live || (present && isDisk(present, disk.diskUid, disk.path))) return;
      if (present) throw new DeviceConflict(`${disk.target} of ${live.name} is ${present.path}`);
      live.disks.push(diskOf(disk));
      this.#domains.tell(uuid, 'deviceAdded');
    });
  }

  async detachDisk(uuid: string, target: string): Promise<void> {
    return this.#perform('detachDisk', () => {
      const live = this.#domains.live(uuid);
      if (!live?.disks.some((disk) => disk.target === target)) return;
      this.#release(uuid, target);
      live.disks = live.disks.filter((disk) => disk.target !== target);
      this.#domains.tell(uuid, 'deviceRemoved');
    });
  }

  async attachInterface(uuid: string, { tap, macAddress, mtu }: InterfaceSpec): Promise<void> {
    return this.#perform('attachInterface', () => {
      const live = this.#domains.live(uuid);
      const present = live?.interfaces.find((each) => each.macAddress === macAddress);
      if (!live || present?.tap === tap) return;
      if (present) throw new DeviceConflict(`${macAddress} of ${live.name} is on ${present.tap}`);
      live.interfaces.push({ tap, macAddress, mtu });
      this.#domains.onCarrier(tap, 'present');
      this.#domains.tell(uuid, 'deviceAdded');
    });
  }

  async detachInterface(uuid: string, macAddress: string): Promise<void> {
    return this.#perform('detachInterface', () => {
      const live = this.#domains.live(uuid);
      const present = live?.interfaces.find((each) => each.macAddress === macAddress);
      if (!live || !present) return;
      this.#release(uuid, macAddress);
      this.#domains.onCarrier(present.tap, 'absent');
      live.interfaces = live.interfaces.filter((each) => each.macAddress !== macAddress);
      this.#domains.tell(uuid, 'deviceRemoved');
    });
  }

  async raiseVcpus(uuid: string, count: number): Promise<void> {
    return this.#perform('raiseVcpus', () => {
      const live = this.#domains.live(uuid);
      if (live) live.cpus = Math.max(live.cpus, count);
    });
  }

  async setMemory(uuid: string, bytes: number): Promise<void> {
    return this.#perform('setMemory', () => {
      const live = this.#domains.live(uuid);
      if (live) live.memoryBytes = Math.min(bytes, live.maxMemoryBytes);
    });
  }

  async setLiveMetadata(uuid: string, metadata: DomainMetadata): Promise<void> {
    return this.#perform('setLiveMetadata', () => {
      const live = this.#domains.live(uuid);
      if (live) live.metadata = { ...metadata };
    });
  }

  async resizeBlock(uuid: string, target: string, bytes: number): Promise<void> {
    return this.#perform('resizeBlock', () => {
      const disk = this.#domains.live(uuid)?.disks.find((each) => each.target === target);
      if (!disk)
        throw libvirtError(operationInvalid, 'Requested operation is not valid: domain is not running');
      this.onResize(disk.path, bytes);
    });
  }

  async versions(): Promise<{ libvirt: string; hypervisor: string }> {
    return this.#perform('versions', () => ({ libvirt: '9.0.0', hypervisor: '7.2.0' }));
  }

  onChange(listener: (change: HypervisorChange) => void): () => void {
    return this.#domains.onChange(listener);
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

  #release(uuid: string, device: string): void {
    if (!this.#domains.holds(uuid, device)) return;
    throw new DeviceNotReleased(`the guest has not released ${device} yet`);
  }
}

const libvirtError = (code: number, message: string): LibvirtError =>
  new LibvirtError({ code, domain: 10, level: 2, message });
