/** A domain as Purlin wants it: pure data, from which `buildDomainXml` makes libvirt's XML. */
export interface DomainSpec {
  /** the Machine's UID */
  uuid: string;
  metadata: DomainMetadata;
  /** `kvm` only where the probe guest ran on it */
  accelerator: 'kvm' | 'qemu';
  cpus: number;
  /** how far vCPUs can be added to the running guest */
  maxCpus: number;
  /** a whole number of KiB */
  memoryBytes: number;
  firmware: { type: 'bios' } | { type: 'uefi'; nvramPath: string };
  disks: readonly DiskSpec[];
  /** path of the NoCloud ISO; a read-only virtio disk, because Debian's cloud kernel sees no SATA CD-ROM on q35 */
  seedPath?: string;
  interfaces: readonly InterfaceSpec[];
  /** appended to and rotated by virtlogd, which bounds it */
  consoleLogPath: string;
}

/** What the domain carries about its owner; a domain without it is not ours, whatever its name. */
export interface DomainMetadata {
  /** namespace and name of the Machine: for humans, never an identity */
  namespace: string;
  name: string;
  /** UID of the Purlin installation that owns the domain */
  installationUid: string;
  /** `metadata.generation` of the Machine when it was last defined */
  generation: number;
  /** content hash of the definition last applied */
  definitionHash: string;
  /** value of `purlin.dev/restart` that the present run satisfies */
  restartToken?: string;
  /** when the guest was asked to shut down, in milliseconds since the host was started; only in the running domain */
  shutdownRequestedAt?: number;
  /** how long it was given for that */
  shutdownGraceMs?: number;
}

export interface DiskSpec {
  /** UID of the Disk; its first 20 characters are the serial that the guest sees */
  diskUid: string;
  /** absolute */
  path: string;
  /** always explicit: a guessed format lets a guest choose what QEMU opens (CVE-2024-32498) */
  format: 'qcow2' | 'raw';
  /** `vda`, `vdb`, … */
  target: string;
  /** 1 boots first */
  bootOrder?: number;
  readOnly?: boolean;
  /**
   * `writeback` unless told otherwise: it works on every filesystem (tmpfs and others refuse the O_DIRECT
   * of `none`), honours the guest's flushes, and lets guests share the cached base image. Live migration
   * over shared storage wants `none`.
   */
  cache?: 'none' | 'writeback' | 'writethrough';
}

export interface InterfaceSpec {
  /** name of a tap that exists already; libvirt neither makes nor removes it */
  tap: string;
  macAddress: string;
  mtu: number;
}

/** A domain as its XML shows it: what runs, or what the next start will be. */
export interface DomainConfig {
  uuid: string;
  name: string;
  /** absent in a domain that is not ours */
  metadata?: DomainMetadata;
  accelerator: string;
  cpus: number;
  maxCpus: number;
  /** what the guest may use now; the balloon holds the rest of `maxMemoryBytes` */
  memoryBytes: number;
  maxMemoryBytes: number;
  firmware: 'bios' | 'uefi';
  /** the seed among them, with the serial `cidata` */
  disks: DomainDisk[];
  interfaces: DomainInterface[];
}

export interface DomainDisk {
  /** the file that the guest writes to; empty where it is none */
  path: string;
  /** files that this one stands on, as after a snapshot, and those of a copy under way; absent when there are none */
  otherFiles?: string[];
  target: string;
  serial: string;
  format: string;
  readOnly: boolean;
}

export interface DomainInterface {
  tap: string;
  macAddress: string;
  mtu?: number;
  /** set by an operator (`virsh domif-setlink`), never by us */
  link?: 'down';
}

export const metadataNamespace = 'https://purlin.dev/domain/1';
export const metadataPrefix = 'purlin';
export const seedSerial = 'cidata';

/** Name of a Machine's domain. Nothing is found by it: the UUID is the identity. */
export function domainName(uuid: string): string {
  return `purlin-${uuid}`;
}

/** virtio-blk cuts a serial at 20 bytes, so we do before libvirt refuses it. */
export function diskSerial(diskUid: string): string {
  return diskUid.slice(0, 20);
}

/**
 * Whether the disk of a domain is the Disk of that UID, whose file the storage keeps at `path`. Snapshots and block
 * copies by hand change the file and leave the serial.
 */
export const isDisk = (disk: DomainDisk, diskUid: string, path: string): boolean =>
  disk.serial === diskSerial(diskUid) || disk.path === path || (disk.otherFiles ?? []).includes(path);
