import type { MachineInput, UsedPort } from '../../../src/kinds/machine/input.ts';
import type { HostSnapshot } from '../../../src/plan/snapshot.ts';
import type { Disk, IPAddress, Machine, Subnet } from '../../../src/resources/kinds.ts';
import { diskName } from '../../../src/values/names.ts';
import {
  disk,
  domainOf,
  host,
  hostObject,
  ipAddress,
  machine,
  placement,
  readyStatus,
  subnet,
} from './builders.ts';

type DomainChanges = Parameters<typeof domainOf>[1];

/** A Machine named `web` with everything that it needs, bound to host h1; `changes` take something of it away. */
export function machineInput(changes: Partial<MachineInput> = {}): MachineInput {
  const of = changes.machine ?? machine();
  return {
    machine: of,
    placement: placement(of),
    hosts: [host()],
    candidates: [],
    disks: [],
    interfaces: [],
    abandoned: [],
    leaving: [],
    unrecorded: [],
    userData: { text: '' },
    ...changes,
  };
}

/** The same, with its domain on host h1. */
export function withDomain(
  changes: Partial<MachineInput> = {},
  domain: DomainChanges = {},
  snapshot: Partial<HostSnapshot> = {},
): MachineInput {
  const input = machineInput(changes);
  const { uid } = input.machine.metadata;
  return { ...input, hosts: [host({ domains: { [uid]: domainOf(input, domain) }, ...snapshot })] };
}

/** A host that has reported and been registered, with nothing promised to anybody. */
export const candidate = (hostName = 'h1', promised = { cpus: 0, memoryBytes: 0 }) => ({
  view: host({ hostName }),
  host: hostObject(hostName),
  promised,
});

/** `spec.disks` with one reference, and the Disk behind it: ready and claimed unless told otherwise. */
export function withDisk(
  of: Machine,
  behind: Disk | undefined = readyDisk(of),
): Pick<MachineInput, 'machine' | 'disks'> {
  const entry = { name: 'root', diskRef: { name: 'data' } };
  return {
    machine: { ...of, spec: { ...of.spec, disks: [entry] } },
    disks: [{ entry, diskName: 'data', disk: behind }],
  };
}

/** `spec.disks` with one template, and the Disk that was made from it, if it was. */
export function withTemplate(of: Machine, behind?: Disk): Pick<MachineInput, 'machine' | 'disks'> {
  const entry = { name: 'root', template: { spec: { size: '1Gi', format: 'qcow2' } } } as NonNullable<
    Machine['spec']['disks']
  >[number];
  return {
    machine: { ...of, spec: { ...of.spec, disks: [entry] } },
    disks: [{ entry, diskName: diskName(of.metadata.name, entry), disk: behind }],
  };
}

export const claimBy = (of: Machine) => ({ machineName: of.metadata.name, machineUid: of.metadata.uid });

export const readyDisk = (of: Machine): Disk =>
  disk('data', { status: { hostName: 'h1', claim: claimBy(of), ...readyStatus(true) } });

export const readySubnet = (): Subnet =>
  subnet('frontend', { status: { gateway: '10.20.0.1', ...readyStatus(true) } });

/** `spec.interfaces` with one entry on the Subnet; `held`, `taken` and `ports` say which addresses are given out. */
export function withInterface(
  of: Machine,
  {
    address,
    subnet: on = readySubnet(),
    held,
    taken = held ? [held] : [],
    ports = [],
  }: {
    address?: string;
    subnet?: Subnet | undefined | 'missing';
    held?: IPAddress;
    taken?: IPAddress[];
    ports?: UsedPort[];
  } = {},
): Pick<MachineInput, 'machine' | 'interfaces'> {
  const entry = { name: 'eth0', subnetRef: { name: 'frontend' }, ...(address && { address }) };
  return {
    machine: { ...of, spec: { ...of.spec, interfaces: [entry] } },
    interfaces: [{ entry, subnet: on === 'missing' ? undefined : on, held, taken, ports }],
  };
}

/** The address that interface eth0 of the Machine holds. */
export const heldBy = (of: Machine, address = '10.20.0.10'): IPAddress =>
  ipAddress(address, { machine: of, subnet: readySubnet() });
