/**
 * What a host reports of itself. A snapshot is a set of facts, never a wish; planners compare it with specs.
 * Keys are UIDs of the owning objects.
 */

/** What exists of one Subnet; each part on its own, so that a planner can name what drifted. */
export interface SegmentSnapshot {
  subnetUid: string;
  bridge: 'absent' | 'down' | 'up';
  /** The bridge carries exactly this address/prefix and MTU; undefined when there is none. */
  gatewayCidr?: string;
  mtu?: number;
  dnsmasq: 'absent' | 'running';
  rules: 'absent' | 'present';
  /** Whether the host forwards IPv4, without which there is no egress: one switch for the whole host. */
  forwarding: 'off' | 'on';
  /** `segmentHash(spec)` without reservations, as last realised; compared with the wanted one. */
  specHash?: string;
  /** Hash of the reservations that dnsmasq has now (`reservationsHash`). */
  reservationsHash?: string;
}

export interface PortSnapshot {
  tap: string;
  machineUid: string;
  interfaceName: string;
  subnetUid: string;
  state: 'down' | 'up';
  /** A program, QEMU say, holds the tap open: what is sent to it arrives. The link of a guest's card is not of it. */
  carrier: 'absent' | 'present';
  /** Attached to the Subnet's bridge now. */
  attached: boolean;
  /** Anti-spoofing rules are in force for exactly this MAC and address. */
  rules: 'absent' | 'present';
  /** What it was made for, in force or not: its guest may use them. */
  macAddress?: string;
  address?: string;
}

export interface NetworkSnapshot {
  segments: SegmentSnapshot[];
  ports: PortSnapshot[];
  /** Destinations that the host itself uses (routes, link-local, loopback), as CIDRs not made by us. */
  hostCidrs: string[];
}

export interface DiskSnapshot {
  diskUid: string;
  /** Virtual size in bytes as the guest sees it. */
  sizeBytes: number;
  format: 'qcow2' | 'raw';
  imageDigest?: string;
  /** Kept after its Disk object went (`reclaimPolicy: Retain`). */
  retained: boolean;
}

export interface ImageSnapshot {
  imageUid: string;
  state: 'importing' | 'complete';
  /** sha256 of the decompressed content, `sha256:<hex>`; the cache's key. Set when complete. */
  digest?: string;
  format: 'qcow2' | 'raw';
  virtualSizeBytes?: number;
  fileSizeBytes?: number;
  /** 0–100 while importing, absent when the total is unknown. */
  progressPercent?: number;
  /** Disk UIDs whose overlays stand on this digest. */
  overlays: string[];
}

export interface StorageSnapshot {
  disks: DiskSnapshot[];
  images: ImageSnapshot[];
  /** machineUid → content hash (`seedHash`) of the complete seed ISO. */
  seeds: { machineUid: string; hash: string }[];
  freeBytes: number;
  totalBytes: number;
}

/** Power state in libvirt's terms, reduced to what a planner distinguishes. */
export type PowerState = 'running' | 'paused' | 'shutoff';

/** Why a domain is shut off, from libvirt's state reason; decides what `RerunOnFailure` does. */
export type StopCause = 'guest' | 'destroyed' | 'crashed' | 'failed' | 'unknown';

/** One disk or interface as the domain has it. */
export interface DomainDisk {
  /** UID of the Disk, from its serial or a path; undefined for the seed. */
  diskUid?: string;
  target: string;
  /** The file that it has in place of the one that Purlin made, after a snapshot or a block copy by hand. */
  redirectedTo?: string;
}

export interface DomainInterface {
  tap: string;
  macAddress: string;
  /** Largest packet that the guest's card was made for. */
  mtu?: number;
  /** Somebody took the card's link down, as by `virsh domif-setlink`. */
  link?: 'down';
  /** The guest runs and has not held this tap for a while: it was made anew under it. */
  unplugged?: true;
}

/** Hardware of a domain: of the running one (`live`) or of the next start (`config`). */
export interface DomainHardware {
  cpus: number;
  maxCpus: number;
  memoryBytes: number;
  disks: DomainDisk[];
  interfaces: DomainInterface[];
}

export interface DomainSnapshot {
  machineUid: string;
  power: PowerState;
  stopCause?: StopCause;
  /** Persistently defined: false for a running domain that somebody undefined. */
  persistent: boolean;
  config?: DomainHardware;
  live?: DomainHardware;
  /** Saved with the memory of the guest (`virsh managedsave`): comes back with its next start. Only while it is shut off. */
  saved?: DomainHardware;
  /** `definitionHash` of the persistent definition, from its metadata: what the next start will use. */
  definitionHash?: string;
  /** Value of `purlin.dev/restart` that the present run satisfies, from the active domain's metadata. */
  restartToken?: string;
  /**
   * Purlin has asked the guest to shut down, and it has not. Whether its grace period is over is measured by the host:
   * clocks of two machines cannot be compared, and wall clocks jump.
   */
  shutdown?: { graceMs: number; overdue: boolean };
}

/** What a host is and has; published when it changes. */
export interface HostFacts {
  cpus: number;
  memoryBytes: number;
  accelerator: 'KVM' | 'TCG';
  /** Why this accelerator: the probe's result in words. */
  acceleratorReason: string;
  versions: { purlin: string; libvirt: string; qemu: string; kernel: string };
  architecture: string;
}

/** How the last order on a UID ended. */
export interface OrderResult {
  /** Identity of the order (`orderId`). */
  orderId: string;
  action: string;
  /** Of the object, when the order was let through: nothing of an earlier generation can take effect any more. */
  generation?: number;
  /** Of the leader that gave it; generations are compared within one epoch only. */
  epoch?: number;
  outcome: 'done' | 'failed' | 'refused';
  /** CamelCase word for a condition, for `failed` and `refused`. */
  reason?: string;
  message?: string;
  retryable?: boolean;
  /** Sequence of the snapshot that shows the effect. */
  atSequence: number;
}

export interface HostSnapshot {
  hostName: string;
  /** The agent's persisted identity. */
  agentUid: string;
  /** New with every start of the agent. */
  incarnation: string;
  bootId: string;
  /** Grows with every change of this incarnation; orders are planned from one of these. */
  sequence: number;
  /** True only when every part was listed; otherwise nothing may be concluded from absence. */
  complete: boolean;
  /** Highest leader epoch that the agent has accepted. */
  epoch: number;
  /**
   * What leaders of earlier epochs ordered has ended here, and is listed: nothing that they did is still to come. Copies
   * of images are no part of it; they may take hours, and guests learn nothing of them.
   */
  earlierOrdersEnded: boolean;
  facts: HostFacts;
  domains: Record<string, DomainSnapshot>;
  /** Domains on this host without our tag. */
  foreignDomains: number;
  disks: Record<string, DiskSnapshot>;
  images: Record<string, ImageSnapshot>;
  /** Machine UID → hash of its complete seed. */
  seeds: Record<string, string>;
  segments: Record<string, SegmentSnapshot>;
  /** Tap name → port. */
  ports: Record<string, PortSnapshot>;
  hostCidrs: string[];
  storage: { freeBytes: number; totalBytes: number };
  /** UID → result of the last order on it. */
  results: Record<string, OrderResult>;
  /** UID → generation at which its removal from this host was completed; proof for a finalizer. */
  removed: Record<string, number>;
}
