import type { DiskSpec, DomainConfig, DomainMetadata, DomainSpec, InterfaceSpec } from './domain-spec.ts';

/** Both in milliseconds; the time counts from when the host was started. */
export interface ShutdownRequest {
  requestedAt: number;
  graceMs: number;
}

/** What an agent asks of a hypervisor. Every request names a state, so that repeating it is harmless. */
export interface Hypervisor {
  /** Everything that is there, ours in full. Throws rather than returning a part. */
  listDomains(): Promise<DomainListing>;
  /** One of ours, or nothing. */
  findDomain(uuid: string): Promise<ObservedDomain | undefined>;

  /**
   * Resolves when nothing is under way any more that was asked of the domain before, by this agent or by an earlier one:
   * what nobody got an answer to may take effect late, even after its connection is gone.
   *
   * @throws while something still is, after half a minute
   */
  settle(uuid: string): Promise<void>;

  /** The persistent definition as given, for the next start; a running guest is not touched. */
  defineDomain(spec: DomainSpec): Promise<void>;
  /** Running; a guest that was saved comes back as it was saved, a paused one is resumed, unless that ends by itself. */
  startDomain(uuid: string): Promise<void>;
  /**
   * The guest has been asked to shut down, by ACPI and its agent, and its live metadata says when and how long it
   * has. It may ignore it, or hang; a repetition asks again but keeps the first time. A guest that could not be asked,
   * which an error says, is not said to have been.
   */
  requestShutdown(uuid: string, request: ShutdownRequest): Promise<void>;
  /** The live metadata tells of no request any more; what the guest makes of the one it got is its own affair. */
  withdrawShutdown(uuid: string): Promise<void>;
  /** Not running, at once: like pulling the plug. */
  destroyDomain(uuid: string): Promise<void>;
  /** Not defined any more. A guest that runs goes on without a definition: destroy it first. */
  undefineDomain(uuid: string, options: { nvram: 'keep' | 'delete' }): Promise<void>;

  // The following change the running guest only; its definition is `defineDomain`'s. On a domain that is
  // not running they have nothing to do.

  attachDisk(uuid: string, disk: DiskSpec): Promise<void>;
  /** @throws DeviceNotReleased while the guest holds on to it: try again later */
  detachDisk(uuid: string, target: string): Promise<void>;
  attachInterface(uuid: string, networkInterface: InterfaceSpec): Promise<void>;
  /** @throws DeviceNotReleased while the guest holds on to it: try again later */
  detachInterface(uuid: string, macAddress: string): Promise<void>;
  /** At least this many vCPUs. Never fewer: unplugging one live breaks the guest's next snapshot or migration. */
  raiseVcpus(uuid: string, count: number): Promise<void>;
  /** The balloon's target, up to the memory that the guest was started with. */
  setMemory(uuid: string, bytes: number): Promise<void>;
  setLiveMetadata(uuid: string, metadata: DomainMetadata): Promise<void>;

  /** The disk is this large in the running guest and on its file. @throws if the guest does not run */
  resizeBlock(uuid: string, target: string, bytes: number): Promise<void>;

  versions(): Promise<{ libvirt: string; hypervisor: string }>;

  /** @returns a function that ends the subscription */
  onChange(listener: (change: HypervisorChange) => void): () => void;
}

/** A hint to look, never the truth itself: any may be lost, and `connected` says that some were. */
export type HypervisorChange =
  | { kind: 'connected' }
  | { kind: 'disconnected'; reason: string }
  | { kind: 'domain'; uuid: string; what: string };

export interface DomainListing {
  /** of this installation, by UUID */
  domains: ObservedDomain[];
  /** how many others there are; they are nobody's business */
  foreign: number;
}

export interface ObservedDomain {
  uuid: string;
  metadata: DomainMetadata;
  power: 'running' | 'paused' | 'shutoff';
  /** why it is paused; `ioError` is typically a full disk of the host, and `passing` ends by itself, like a snapshot */
  pauseCause?: 'user' | 'ioError' | 'passing' | 'other';
  /** why it is off; `unknown` after a restart of libvirtd, which does not remember */
  stopCause?: 'guest' | 'destroyed' | 'crashed' | 'failed' | 'unknown';
  /** what the next start will be; absent where somebody undefined a running guest */
  config?: DomainConfig;
  /** what runs */
  live?: DomainConfig;
  /** what was saved with its memory (`virsh managedsave`), and comes back with the next start, whatever `config` says */
  saved?: DomainConfig;
}

/** The guest has been asked to give the device up and has not done so yet. */
export class DeviceNotReleased extends Error {
  override readonly name = 'DeviceNotReleased';
}

/** The place is taken by something that is not what was asked for. */
export class DeviceConflict extends Error {
  override readonly name = 'DeviceConflict';
}

/** A domain with the UUID of one of our Machines that is not ours. It is left alone. */
export class ForeignDomain extends Error {
  override readonly name = 'ForeignDomain';
}
