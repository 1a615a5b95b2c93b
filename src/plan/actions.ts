/**
 * Every action that a host can carry out, with its arguments as plain JSON. An action names a target state, so that
 * repeating it is harmless. Executors are total over this map: a new action does not compile without one.
 */
export interface HostActions {
  'image.import': {
    from: { url: string } | { file: string };
    checksum?: string;
    format: 'qcow2' | 'raw';
    compression: 'None' | 'Gzip' | 'Xz' | 'Zstd';
  };
  'image.delete': Record<string, never>;
  'disk.create': { sizeBytes: number; format: 'qcow2' | 'raw'; imageDigest?: string };
  /** Through the running domain that has it open, otherwise on the file. */
  'disk.grow': { sizeBytes: number };
  'disk.delete': Record<string, never>;
  'disk.retain': Record<string, never>;
  'subnet.realise': SegmentArguments;
  'subnet.delete': Record<string, never>;
  /** Seed and persistent definition as given; a running guest is not touched. */
  'machine.define': MachineDefinition;
  /** Taps with their rules, then the domain running. */
  'machine.start': { interfaces: InterfaceDefinition[] };
  /** Taps and rules of a running guest as given. */
  'machine.connect': { interfaces: InterfaceDefinition[] };
  /** Brings a running guest as near to its definition as libvirt can without a restart. */
  'machine.reconfigure': MachineDefinition;
  /** The guest has been asked to shut down (ACPI); the host records when, and tells when the grace period is over. */
  'machine.requestShutdown': { graceMs: number };
  /** A running guest counts as not asked to shut down: a later request has its whole grace period. */
  'machine.withdrawShutdown': Record<string, never>;
  /** The domain is shut off, at once. */
  'machine.powerOff': Record<string, never>;
  /** Nothing of the Machine is left on the host: domain, seed, taps, nvram, console log. */
  'machine.delete': { interfaceNames: string[] };
}

export type HostActionName = keyof HostActions;

/** One action with its arguments, discriminated by name. */
export type HostAction = {
  [Name in HostActionName]: { name: Name; arguments: HostActions[Name] };
}[HostActionName];

export interface SegmentArguments {
  cidr: string;
  gateway: string;
  mtu: number;
  egress: 'NAT' | 'Routed' | 'None';
  dnsServers: string[];
  reservations: { macAddress: string; address: string; hostname: string }[];
}

export interface InterfaceDefinition {
  name: string;
  subnetUid: string;
  macAddress: string;
  address: string;
  mtu: number;
}

/** A Machine as its host should have it: everything that goes into the domain XML and the seed. */
export interface MachineDefinition {
  namespace: string;
  name: string;
  cpus: number;
  memoryBytes: number;
  firmware: 'BIOS' | 'UEFI';
  disks: { name: string; diskUid: string; format: 'qcow2' | 'raw'; boot: boolean }[];
  interfaces: InterfaceDefinition[];
  seed: { metaData: string; networkConfig: string; userData: string };
  restartToken: string;
  /** `contentHash` of all the above, kept in the domain's metadata. */
  definitionHash: string;
}
