import type { Disk, Machine } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { diskName } from '../../values/names.ts';
import { IMAGE, SUBNET, type UserClient } from './client.ts';

type DiskEntry = NonNullable<Machine['spec']['disks']>[number];
type InterfaceEntry = NonNullable<Machine['spec']['interfaces']>[number];

/** As most Machines are; `spec` says how this one differs. */
export function createMachine(users: UserClient, name: string, spec: object = {}): string {
  return users.create('machines', name, {
    spec: {
      cpus: 1,
      memory: '64Mi',
      terminationGracePeriodSeconds: users.random.pick([0, 5, 30]),
      updatePolicy: users.random.pick(['OnRestart', 'OnRestart', 'Restart']),
      userData: users.random.pick([
        { inline: '#!/bin/true' },
        { secretRef: { name: 'user-data', key: 'first' } },
      ]),
      disks: users.random.pick([[rootDisk()], [rootDisk()], [rootDisk()], [rootDisk()], []]),
      interfaces: [{ name: 'eth0', subnetRef: { name: SUBNET } }],
      ...spec,
    },
  });
}

export const rootDisk = (spec: object = {}) => ({
  name: 'root',
  template: { spec: { size: '256Mi', source: { imageRef: { name: IMAGE } }, ...spec } },
});

export const blankDisk = (name: string, spec: object = {}) => ({
  name,
  template: { spec: { size: '32Mi', ...spec } },
});

export const edit = (users: UserClient, machine: Machine, spec: object): string =>
  users.patch('machines', machine, { spec });

export const some = (users: UserClient, which: (machine: Machine) => boolean = () => true): Machine =>
  users.some<Machine>('machines', (machine) => !deleting(machine) && which(machine));

export const disksOf = ({ spec }: Machine): DiskEntry[] => spec.disks ?? [];
export const interfacesOf = ({ spec }: Machine): InterfaceEntry[] => spec.interfaces ?? [];

export const withoutDisk = (machine: Machine, name: string): { disks: DiskEntry[] } => ({
  disks: disksOf(machine).filter((entry) => diskName(machine.metadata.name, entry) !== name),
});

export const withDisk = (users: UserClient, machine: Machine, disk: Disk): { disks: object[] } => ({
  disks: [...disksOf(machine), { name: users.newName('data'), diskRef: { name: disk.metadata.name } }],
});

/** A Disk that somebody made for itself, not from a template. */
export const standalone = ({ metadata }: Disk): boolean => metadata.ownerReferences === undefined;

export const attachedTo = (disk: Disk) => (machine: Machine) =>
  disksOf(machine).some((entry) => entry.diskRef?.name === disk.metadata.name);

/** Of another name each time: what an interface has cannot be changed, only the interface replaced. */
export const newInterface = (users: UserClient, subnet: string, address?: string): InterfaceEntry => ({
  name: users.newName('eth'),
  subnetRef: { name: subnet },
  ...(address !== undefined && { address }),
});
