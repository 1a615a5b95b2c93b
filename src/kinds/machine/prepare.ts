import { type Check, type Outcome, act, blocked, waiting } from '../../plan/outcome.ts';
import { FINALIZER } from '../../plan/removal.ts';
import type { ChildObject } from '../../plan/api-actions.ts';
import { conditionTrue, readyMessage } from '../../resources/conditions.ts';
import type { Disk } from '../../resources/kinds.ts';
import { API_VERSION, deleting, ownedBy, ownerReference } from '../../resources/metadata.ts';
import { chooseHost } from '../../schedule/schedule.ts';
import { contains, formatAddress, parseAddress, parseCidr } from '../../values/ipv4.ts';
import { macAddress } from '../../values/mac.ts';
import { addressName, placementName } from '../../values/names.ts';
import { diskBytes } from '../../values/quantity.ts';
import { memoryBytesOf } from './definition.ts';
import { type MachineDisk, type MachineInput, type MachineInterface, boundHost } from './input.ts';

/** What must be there before a Machine is defined on its host, in this order. */
export const beforeDefinition: Check<MachineInput>[] = [
  templatedDisksExist,
  disksUsable,
  templatedDisksGrown,
  bound,
  disksClaimed,
  addressesHeld,
  abandonedAddressesReleased,
  disksReady,
  subnetsReady,
];

function templatedDisksExist({ machine, disks }: MachineInput): Outcome | undefined {
  for (const { entry, diskName, disk } of disks) {
    if (!entry.template || disk) continue;
    return act(
      createChild({
        apiVersion: API_VERSION,
        kind: 'Disk',
        metadata: {
          name: diskName,
          namespace: machine.metadata.namespace,
          ownerReferences: [ownerReference(machine)],
        },
        spec: { ...entry.template.spec },
      }),
      { reason: 'CreatingDisk', because: `Disk ${diskName} is made from the template of disk ${entry.name}` },
    );
  }
  return undefined;
}

function disksUsable({ machine, disks }: MachineInput): Outcome | undefined {
  for (const { entry, diskName, disk } of disks) {
    if (!disk) {
      return waiting(
        'DiskMissing',
        `Disk ${diskName} does not exist in this namespace; create it or correct spec.disks`,
      );
    }
    if (entry.template && !ownedBy(disk, machine.metadata.uid)) {
      return blocked(
        'DiskNameTaken',
        `disk ${entry.name} needs the name ${diskName}, but a Disk of that name exists that this Machine does not own; rename the disk entry or use diskRef`,
      );
    }
    const differing = entry.template && differsFrom(entry.template.spec, disk);
    if (differing !== undefined) {
      return blocked(
        'DiskDiffers',
        `Disk ${diskName} was made with another ${differing} than the template of disk ${entry.name} has; delete the Disk, or rename the disk entry to have a new one`,
      );
    }
    const claim = disk.status?.claim;
    if (claim && claim.machineUid !== machine.metadata.uid) {
      return waiting(
        'DiskInUse',
        `Disk ${diskName} is attached to Machine ${claim.machineName}; detach it there first`,
      );
    }
    if (deleting(disk)) return waiting('DiskDeleting', `Disk ${diskName} is being deleted`);
  }
  return undefined;
}

type DiskTemplate = NonNullable<MachineDisk['entry']['template']>['spec'];

/**
 * What the API lets nobody change on a Disk or in a template, but which differs where an entry was taken out and
 * another added under its name.
 */
function differsFrom({ source, format }: DiskTemplate, { spec }: Disk): 'source' | 'format' | undefined {
  if (source?.imageRef?.name !== spec.source?.imageRef?.name) return 'source';
  return format === spec.format ? undefined : 'format';
}

/** The size of a template is that of its Disk when it grows; a Disk may also be larger, by its own spec. */
function templatedDisksGrown({ disks }: MachineInput): Outcome | undefined {
  for (const { entry, diskName, disk } of disks) {
    const size = entry.template?.spec.size;
    if (!disk || size === undefined || diskBytes(size) <= diskBytes(disk.spec.size)) continue;
    const { namespace, name, uid, resourceVersion } = disk.metadata;
    return act(
      {
        on: 'api',
        action: {
          name: 'api.growChild',
          child: { kind: 'Disk', namespace, name, uid, resourceVersion },
          size,
        },
      },
      {
        reason: 'GrowingDisk',
        because: `the template of disk ${entry.name} asks for ${size} of Disk ${diskName}`,
      },
    );
  }
  return undefined;
}

function bound(input: MachineInput): Outcome | undefined {
  const { machine, placement, hosts, candidates, disks } = input;
  if (placement) return undefined;
  const reporting = boundHost(input);
  if (!reporting && hosts.some(({ snapshot }) => snapshot === 'unknown') && machine.status?.hostName) {
    return waiting('HostUnknown', `host ${machine.status.hostName} may still run the Machine`, 5_000);
  }
  const decision = reporting
    ? { hostName: reporting.name }
    : chooseHost(candidates, {
        cpus: machine.spec.cpus,
        memoryBytes: memoryBytesOf(machine.spec.memory),
        hostLabels: machine.spec.placement?.hostSelector?.matchLabels ?? {},
        diskHosts: disks.flatMap(({ disk }) => disk?.status?.hostName ?? []),
      });
  if ('reasons' in decision) {
    const reasons = decision.reasons.map(({ hostName, because }) => `${hostName}: ${because}`);
    return waiting(
      'Unschedulable',
      reasons.length === 0
        ? 'no host has reported yet; start an agent (purlin up does)'
        : `no host fits: ${reasons.join('; ')}`,
    );
  }
  return act(
    createChild({
      apiVersion: API_VERSION,
      kind: 'Placement',
      metadata: {
        name: placementName(machine.metadata.uid),
        namespace: machine.metadata.namespace,
        finalizers: [FINALIZER],
        ownerReferences: [ownerReference(machine)],
      },
      spec: {
        machineRef: { name: machine.metadata.name, uid: machine.metadata.uid },
        hostName: decision.hostName,
      },
    }),
    {
      reason: 'Scheduled',
      because: reporting ? `host ${decision.hostName} has its domain` : `bound to host ${decision.hostName}`,
    },
  );
}

function disksClaimed({ machine, placement, disks }: MachineInput): Outcome | undefined {
  const hostName = placement?.spec.hostName ?? '';
  for (const { disk } of disks) {
    if (!disk || disk.status?.claim) continue;
    const { namespace, name, uid, resourceVersion } = disk.metadata;
    return act(
      {
        on: 'api',
        action: {
          name: 'api.claimDisk',
          disk: { kind: 'Disk', namespace, name, uid, resourceVersion },
          claim: { machineName: machine.metadata.name, machineUid: machine.metadata.uid, hostName },
        },
      },
      { reason: 'Attaching', because: `Disk ${name} is claimed for this Machine` },
    );
  }
  return undefined;
}

function addressesHeld({ machine, interfaces }: MachineInput): Outcome | undefined {
  for (const each of interfaces) {
    const { entry, subnet, held } = each;
    if (held) continue;
    if (!subnet) {
      return waiting(
        'SubnetMissing',
        `Subnet ${entry.subnetRef.name} does not exist in this namespace; create it or correct spec.interfaces`,
      );
    }
    if (deleting(subnet)) return waiting('SubnetDeleting', `Subnet ${subnet.metadata.name} is being deleted`);
    if (subnet.status?.gateway === undefined) {
      return waiting(
        'SubnetNotReady',
        `Subnet ${subnet.metadata.name}: ${readyMessage(subnet) ?? 'not looked at yet'}`,
      );
    }
    const choice = chooseAddress(each, subnet.spec.cidr, subnet.status.gateway);
    if ('problem' in choice) return choice.problem;
    const name = addressName(subnet.metadata.name, choice.address);
    return act(
      createChild({
        apiVersion: API_VERSION,
        kind: 'IPAddress',
        metadata: {
          name,
          namespace: machine.metadata.namespace,
          finalizers: [FINALIZER],
          ownerReferences: [ownerReference(machine)],
        },
        spec: {
          address: choice.address,
          macAddress: freeMac(each, machine.metadata.uid),
          subnetRef: { name: subnet.metadata.name, uid: subnet.metadata.uid },
          machineRef: { name: machine.metadata.name, uid: machine.metadata.uid },
          interface: entry.name,
        },
      }),
      { reason: 'AllocatingAddress', because: `interface ${entry.name} gets ${choice.address}` },
    );
  }
  return undefined;
}

/** The address of an interface cannot be changed (the API says so), only the interface replaced. */
const replaceInterface = 'replace the interface by one of another name with another address';

/** The address asked for, or the lowest free one; the store refuses it if a racing Machine took it meanwhile. */
function chooseAddress(
  { entry, taken }: MachineInterface,
  cidr: string,
  gateway: string,
): { address: string } | { problem: Outcome } {
  const network = parseCidr(cidr);
  if (!network) return { problem: blocked('InvalidCIDR', `the Subnet's spec.cidr ${cidr} is not a network`) };
  const last = network.base + network.size - 1;
  if (entry.address !== undefined) {
    const address = parseAddress(entry.address);
    const field = `address ${entry.address} of interface ${entry.name}`;
    if (address === undefined || !contains(network, address)) {
      return {
        problem: blocked(
          'AddressOutsideSubnet',
          `${field} is not inside ${cidr} of Subnet ${entry.subnetRef.name}; ${replaceInterface}`,
        ),
      };
    }
    if (address === network.base || address === last || entry.address === gateway) {
      return {
        problem: blocked(
          'AddressReserved',
          `${field} is the network, broadcast or gateway address of Subnet ${entry.subnetRef.name}; ${replaceInterface}`,
        ),
      };
    }
    const holder = taken.find(({ spec }) => spec.address === entry.address);
    if (holder) {
      return {
        problem: waiting(
          'AddressInUse',
          `${field} is held by Machine ${holder.spec.machineRef.name}; delete that one, or ${replaceInterface}`,
        ),
      };
    }
    return { address: entry.address };
  }
  const used = new Set([gateway, ...taken.map(({ spec }) => spec.address)]);
  for (let address = network.base + 1; address < last; address += 1) {
    const text = formatAddress(address);
    if (!used.has(text)) return { address: text };
  }
  return {
    problem: waiting(
      'SubnetFull',
      `Subnet ${entry.subnetRef.name} has no free address left; delete a Machine of it or use another Subnet`,
    ),
  };
}

function freeMac({ entry, taken }: MachineInterface, machineUid: string): string {
  const used = new Set(taken.map(({ spec }) => spec.macAddress));
  let attempt = 0;
  while (used.has(macAddress(machineUid, entry.name, attempt))) attempt += 1;
  return macAddress(machineUid, entry.name, attempt);
}

function abandonedAddressesReleased({ abandoned }: MachineInput): Outcome | undefined {
  const address = abandoned.find((each) => !deleting(each));
  if (!address) return undefined;
  const { namespace, name, uid } = address.metadata;
  return act(
    { on: 'api', action: { name: 'api.deleteChild', child: { kind: 'IPAddress', namespace, name, uid } } },
    { reason: 'ReleasingAddress', because: `no interface ${address.spec.interface} is in the spec any more` },
  );
}

function disksReady({ disks }: MachineInput): Outcome | undefined {
  const pending = disks.find(({ disk }) => disk && !conditionTrue(disk, 'Ready'));
  if (!pending?.disk) return undefined;
  return waiting(
    'DiskNotReady',
    `Disk ${pending.diskName}: ${readyMessage(pending.disk) ?? 'not looked at yet'}`,
  );
}

function subnetsReady({ interfaces }: MachineInput): Outcome | undefined {
  const pending = interfaces.find(({ subnet }) => subnet && !conditionTrue(subnet, 'Ready'));
  if (!pending?.subnet) return undefined;
  return waiting(
    'SubnetNotReady',
    `Subnet ${pending.subnet.metadata.name}: ${readyMessage(pending.subnet) ?? 'not looked at yet'}`,
  );
}

const createChild = (child: ChildObject) =>
  ({ on: 'api', action: { name: 'api.createChild', child } }) as const;
