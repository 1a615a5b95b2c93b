/** What is on a host, seen from outside: the same for a simulated host and for a real one. */

export interface HostPicture {
  facts: HostFacts;
  domains: SeenDomain[];
  disks: SeenDisk[];
  segments: SeenSegment[];
  ports: SeenPort[];
  seeds: SeenSeed[];
  /** UIDs of Images whose content is cached, where that can be told. */
  images: SeenImage[];
}

export interface HostFacts {
  cpus: number;
  memoryBytes: number;
  /** Its file system has none that is larger. */
  largestFileBytes: number;
}

export interface SeenImage {
  imageUid: string;
  format: string;
  virtualSizeBytes: number;
}

export interface SeenDomain {
  machineUid: string;
  power: 'running' | 'paused' | 'shutoff';
  config?: Hardware;
  live?: Hardware;
}

export interface Hardware {
  cpus: number;
  memoryBytes: number;
  firmware: 'bios' | 'uefi';
  /** Without the seed, in order of their targets. */
  disks: { diskUid: string; format: string /** where it can be seen */; boot?: boolean }[];
  hasSeed: boolean;
  interfaces: { tap: string; macAddress: string; mtu?: number | undefined }[];
}

export interface SeenDisk {
  diskUid: string;
  sizeBytes: number;
  format: string;
  /** Digest of the image that it stands on, as `sha256:…`. */
  backing?: string;
  retained: boolean;
}

export interface SeenSegment {
  subnetUid: string;
  /** Address and prefix length of the bridge. */
  gatewayCidr: string;
  mtu: number;
  masquerades: boolean;
  /** Guests reach other networks, by NAT or routing. */
  leaves: boolean;
  resolvers: string[];
  reservations: { macAddress: string; address: string; hostname: string }[];
}

export interface SeenPort {
  tap: string;
  up: boolean;
  /** UID of the Subnet whose bridge it is on. */
  subnetUid?: string;
  mtu?: number;
  /** What the rules let through. */
  allowed?: { macAddress: string; address: string };
}

export interface SeenSeed {
  machineUid: string;
  metaData: string;
  userData: string;
}
