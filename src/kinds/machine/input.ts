import type { HostView } from '../../plan/kind.ts';
import type { Disk, IPAddress, Machine, Placement, Subnet } from '../../resources/kinds.ts';
import type { Candidate } from '../../schedule/schedule.ts';

type DiskEntry = NonNullable<Machine['spec']['disks']>[number];
type InterfaceEntry = NonNullable<Machine['spec']['interfaces']>[number];

/** One entry of `spec.disks` with the Disk behind it, if there is one. */
export interface MachineDisk {
  entry: DiskEntry;
  diskName: string;
  disk: Disk | undefined;
}

/** One entry of `spec.interfaces` with its Subnet and the address it holds. */
export interface MachineInterface {
  entry: InterfaceEntry;
  subnet: Subnet | undefined;
  held: IPAddress | undefined;
  /** All addresses of the Subnet, for choosing a free one; none when it holds one. */
  taken: IPAddress[];
  /** Ports of other guests in the Subnet, which may have no object: where the API's store was restored from a backup. */
  ports: UsedPort[];
}

/** What a guest has on a host. */
export interface UsedPort {
  hostName: string;
  address?: string;
  macAddress?: string;
}

/** What a guest has on its host without an IPAddress that says so. */
export interface UnrecordedPort {
  hostName: string;
  interfaceName: string;
  subnet: Subnet;
  address: string;
  macAddress: string;
}

/** User data as read, or why it cannot be. */
export type UserData = { text: string } | { problem: string };

/** Everything that planning and status of one Machine need; gathered in one place, without I/O afterwards. */
export interface MachineInput {
  machine: Machine;
  placement: Placement | undefined;
  hosts: HostView[];
  candidates: Candidate[];
  disks: MachineDisk[];
  interfaces: MachineInterface[];
  /** Addresses held by interfaces that the spec does not have any more. */
  abandoned: IPAddress[];
  /** Ports of its own for which there is no IPAddress, as after the API's store was restored from a backup. */
  unrecorded: UnrecordedPort[];
  /** Disks that the Machine has a claim to, and does not name any more. */
  leaving: Disk[];
  userData: UserData;
}

/** The annotation whose every new value asks for one restart. */
export const RESTART_ANNOTATION = 'purlin.dev/restart';

/** The host that the Machine is bound to: by its Placement, or by the domain that a host reports. */
export function boundHost({ machine, placement, hosts }: MachineInput): HostView | undefined {
  const reporting = hosts.find(
    ({ snapshot }) => snapshot !== 'unknown' && snapshot.domains[machine.metadata.uid] !== undefined,
  );
  return reporting ?? hosts.find(({ name }) => name === placement?.spec.hostName);
}

/** One that was cut short in defining or in removing the Machine: its seed comes first and goes last. */
export const hostWithSeed = ({ machine, hosts }: MachineInput): HostView | undefined =>
  hosts.find(({ snapshot }) => snapshot !== 'unknown' && snapshot.seeds[machine.metadata.uid] !== undefined);
