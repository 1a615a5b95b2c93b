import type { Disk, Host, IPAddress, Machine, Subnet } from '../../resources/kinds.ts';
import { RESTART_ANNOTATION } from '../../kinds/machine/input.ts';
import { readyMessage, readyReason } from '../../resources/conditions.ts';
import { deleting, type Resource } from '../../resources/metadata.ts';
import { diskName } from '../../values/names.ts';
import { IMAGE_FILE, LATE_IMAGE_FILE, type UserClient } from './client.ts';
import { openHost } from './others.ts';

type Remedy<Kind extends Resource> = (users: UserClient, object: Kind) => string;

/** An interface on a network that works and has room, if there is one. */
function newInterfaces(users: UserClient): object[] {
  const works = (subnet: Subnet): boolean =>
    !deleting(subnet) && readyReason(subnet) === 'Ready' && subnet.spec.cidr.endsWith('/24');
  const subnet = users.all<Subnet>('subnets').find(works);
  return subnet ? [{ name: users.newName('eth'), subnetRef: { name: subnet.metadata.name } }] : [];
}

const onAnotherAddress: Remedy<Machine> = (users, machine) =>
  users.patch('machines', machine, { spec: { interfaces: newInterfaces(users) } });

const detach = (users: UserClient, machine: Machine, which: (disk: Disk | undefined) => boolean): string =>
  users.patch('machines', machine, {
    spec: {
      disks: (machine.spec.disks ?? []).filter(
        (entry) => !which(users.find<Disk>('disks', diskName(machine.metadata.name, entry))),
      ),
    },
  });

const deleteIt =
  (plural: string): Remedy<Resource> =>
  (users, object) =>
    users.delete(plural, object);

/** @returns what they did to the Machines that use the Disk, if any does */
function freeDisk(users: UserClient, disk: Disk): string | undefined {
  const names = ({ metadata, spec }: Machine): boolean =>
    (spec.disks ?? []).some((entry) => diskName(metadata.name, entry) === disk.metadata.name);
  const machine = users.all<Machine>('machines').find((each) => !deleting(each) && names(each));
  if (!machine) return undefined;
  return disk.metadata.ownerReferences
    ? users.delete('machines', machine)
    : detach(users, machine, (each) => each === disk);
}

/** What a Machine's Ready condition says is in its way, and what its message says to do about it. */
const machineRemedies: Record<string, Remedy<Machine>> = {
  Unschedulable: (users, machine) => {
    const closed = ({ metadata, spec }: Host): boolean =>
      spec?.unschedulable === true || metadata.labels?.['zone'] !== 'nowhere';
    const host = users.all<Host>('hosts').find(closed);
    if (host) return openHost(users, host);
    const { cpus, memory } = machine.spec;
    if (cpus > 4 || memory === '1Ti')
      return users.patch('machines', machine, { spec: { cpus: 1, memory: '64Mi' } });
    // Its disks are on different hosts.
    return users.delete('machines', machine);
  },
  DiskMissing: (users, machine) => {
    const missing = (machine.spec.disks ?? [])
      .map((entry) => diskName(machine.metadata.name, entry))
      .find((name) => !users.find('disks', name));
    return users.create('disks', missing ?? '', { spec: { size: '32Mi' } });
  },
  DiskNameTaken: (users, machine) => {
    const entries = machine.spec.disks ?? [];
    return users.patch('machines', machine, {
      spec: {
        disks: entries.map(({ name }) => ({ name, diskRef: { name: `${machine.metadata.name}-${name}` } })),
      },
    });
  },
  DiskDiffers: (users, machine) =>
    users.patch('machines', machine, {
      spec: {
        disks: (machine.spec.disks ?? []).map((entry) =>
          entry.template ? { ...entry, name: users.newName('disk') } : entry,
        ),
      },
    }),
  DiskInUse: (users, machine) => {
    const [, named] = /^Disk (\S+) is attached/.exec(readyMessage(machine)) ?? [];
    return detach(users, machine, (disk) => disk?.metadata.name === named);
  },
  DiskElsewhere: (users, machine) =>
    detach(
      users,
      machine,
      (disk) => disk?.status?.claim === undefined && disk?.status?.hostName !== machine.status?.hostName,
    ),
  DeviceNotReleased: (users, machine) =>
    users.patch('machines', machine, {
      metadata: { annotations: { [RESTART_ANNOTATION]: users.newName('released') } },
    }),
  HostGone: deleteIt('machines'),
  AddressFixed: onAnotherAddress,
  AddressOutsideSubnet: onAnotherAddress,
  AddressReserved: onAnotherAddress,
  AddressInUse: onAnotherAddress,
  SubnetFull: onAnotherAddress,
  SubnetMissing: onAnotherAddress,
  SubnetDeleting: onAnotherAddress,
  SubnetNotReady: onAnotherAddress,
  UserDataMissing: (users, machine) => {
    const { name = '', key = '' } = machine.spec.userData?.secretRef ?? {};
    const data = { [key]: Buffer.from('#!/bin/true').toString('base64') };
    const secret = users.find('secrets', name);
    return secret ? users.patch('secrets', secret, { data }) : users.create('secrets', name, { data });
  },
};

const freeAndDelete: Remedy<Disk> = (users, disk) => freeDisk(users, disk) ?? users.delete('disks', disk);

const diskRemedies: Record<string, Remedy<Disk>> = {
  DataLost: freeAndDelete,
  HostGone: freeAndDelete,
  InUse: (users, disk) => freeDisk(users, disk) ?? '',
  ShrinkUnsupported: (users, disk) =>
    users.patch('disks', disk, { spec: { size: String(disk.status?.capacity) } }),
  ImageMissing: (users, { spec }) =>
    users.create('images', spec.source?.imageRef?.name ?? '', { spec: { source: { file: IMAGE_FILE } } }),
  SmallerThanImage: (users, disk) => users.patch('disks', disk, { spec: { size: '256Mi' } }),
};

const subnetRemedies: Record<string, Remedy<Subnet>> = {
  CIDROverlap: deleteIt('subnets'),
  CIDROverlapsHost: deleteIt('subnets'),
  InvalidCIDR: deleteIt('subnets'),
  InvalidGateway: deleteIt('subnets'),
  InUse: (users, { metadata }) => {
    const on = ({ spec }: Machine): boolean =>
      (spec.interfaces ?? []).some(({ subnetRef }) => subnetRef.name === metadata.name);
    const machine = users.all<Machine>('machines').find((each) => !deleting(each) && on(each));
    return machine ? onAnotherAddress(users, machine) : '';
  },
};

const imageRemedies: Record<string, Remedy<Resource>> = {
  FileNotFound: (users) => users.publish(LATE_IMAGE_FILE),
  InUse: (users, { metadata }) => {
    const from = ({ spec }: Disk): boolean => spec.source?.imageRef?.name === metadata.name;
    const disk = users.all<Disk>('disks').find((each) => !deleting(each) && from(each));
    if (!disk) return '';
    return freeDisk(users, disk) ?? users.delete('disks', disk);
  },
};

/** Somebody went there, and says so. */
const hostRemedies: Record<string, Remedy<Host>> = {
  AgentSilent: (users, host) => (users.isLost(host.metadata.name) ? users.delete('hosts', host) : ''),
};

const addressRemedies: Record<string, Remedy<IPAddress>> = {
  InUse: (users, { spec }) => {
    const machine = users.find<Machine>('machines', spec.machineRef.name);
    return machine && !deleting(machine) ? onAnotherAddress(users, machine) : '';
  },
};

/** By plural, then by the reason of the Ready condition. */
export const remedies: Record<string, Record<string, Remedy<never>>> = {
  machines: machineRemedies,
  disks: diskRemedies,
  subnets: subnetRemedies,
  images: imageRemedies,
  ipaddresses: addressRemedies,
  hosts: hostRemedies,
};
