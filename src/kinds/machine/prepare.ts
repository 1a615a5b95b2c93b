import { type Check, type Outcome, act, blocked, waiting } from '../../plan/outcome.ts';
import { conditionTrue, readyMessage } from '../../resources/conditions.ts';
import { domainsUsing, hostNameOf } from '../../plan/whereabouts.ts';
import type { Disk } from '../../resources/kinds.ts';
import { API_VERSION, deleting, ownedBy, ownerReference } from '../../resources/metadata.ts';
import { chooseHost } from '../../schedule/schedule.ts';
import { diskBytes } from '../../values/quantity.ts';
import { addressesHeld } from './addresses.ts';
import { adopted, bind } from './adopt.ts';
import { createChild } from './child.ts';
import { memoryBytesOf } from './definition.ts';
import type { MachineDisk, MachineInput } from './input.ts';

/** What must be there before a Machine is defined on its host, in this order. */
export const beforeDefinition: Check<MachineInput>[] = [
  ...adopted,
  templatedDisksExist,
  disksUsable,
  templatedDisksGrown,
  bound,
  disksClaimed,
  addressesHeld,
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

function disksUsable(input: MachineInput): Outcome | undefined {
  const { machine, disks } = input;
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
    const guest = guestWith(disk, input);
    if (guest) return guest;
    if (deleting(disk)) return waiting('DiskDeleting', `Disk ${diskName} is being deleted`);
  }
  return undefined;
}

/** A claim says nothing of guests that the store knows nothing of, as after it was restored from a backup. */
function guestWith(disk: Disk, { machine, hosts }: MachineInput): Outcome | undefined {
  const hostName = hostNameOf(disk, hosts);
  const { snapshot = 'unknown' } = hosts.find(({ name }) => name === hostName) ?? {};
  if (snapshot === 'unknown') return undefined;
  const { name, uid } = disk.metadata;
  const other = domainsUsing(snapshot.domains, uid).find(
    ({ machineUid }) => machineUid !== machine.metadata.uid,
  );
  if (!other) return undefined;
  return waiting(
    'DiskInUse',
    `Disk ${name} is attached to guest ${other.machineUid} on host ${hostName}, which has no claim to it; take it from there, or take it out of spec.disks`,
    5_000,
  );
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

function bound({ machine, placement, candidates, disks, hosts }: MachineInput): Outcome | undefined {
  if (placement) return undefined;
  const decision = chooseHost(candidates, {
    cpus: machine.spec.cpus,
    memoryBytes: memoryBytesOf(machine.spec.memory),
    hostLabels: machine.spec.placement?.hostSelector?.matchLabels ?? {},
    diskHosts: disks.flatMap(({ disk }) => (disk && hostNameOf(disk, hosts)) ?? []),
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
  return bind(machine, decision.hostName, { because: `bound to host ${decision.hostName}` });
}

function disksClaimed({ machine, placement, disks, hosts }: MachineInput): Outcome | undefined {
  const hostName = placement?.spec.hostName ?? '';
  for (const { disk } of disks) {
    if (!disk || disk.status?.claim) continue;
    const elsewhere = hostNameOf(disk, hosts);
    if (elsewhere !== undefined && elsewhere !== hostName) {
      return blocked(
        'DiskElsewhere',
        `Disk ${disk.metadata.name} is on host ${elsewhere}, the Machine on host ${hostName}, and a disk does not move; take it out of spec.disks, or attach it to a Machine on host ${elsewhere}`,
      );
    }
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

function disksReady({ disks }: MachineInput): Outcome | undefined {
  const pending = disks.find(({ disk }) => disk && !conditionTrue(disk, 'Ready'));
  if (!pending?.disk) return undefined;
  return waiting('DiskNotReady', `Disk ${pending.diskName}: ${readyMessage(pending.disk)}`);
}

function subnetsReady({ interfaces }: MachineInput): Outcome | undefined {
  const pending = interfaces.find(({ subnet }) => subnet && !conditionTrue(subnet, 'Ready'));
  if (!pending?.subnet) return undefined;
  return waiting('SubnetNotReady', `Subnet ${pending.subnet.metadata.name}: ${readyMessage(pending.subnet)}`);
}
