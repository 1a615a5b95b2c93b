import { RESTART_ANNOTATION } from '../../kinds/machine/input.ts';
import type { Disk, Host, Machine, Subnet } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { diskBytes, MEBIBYTE } from '../../values/quantity.ts';
import { SUBNET, type UserClient } from './client.ts';
import type { Deed } from './deed.ts';
import {
  attachedTo,
  blankDisk,
  createMachine,
  disksOf,
  edit,
  interfacesOf,
  newInterface,
  rootDisk,
  some,
  standalone,
  withDisk,
  withoutDisk,
} from './machines.ts';

const making = ['disk.create', 'machine.define', 'machine.start', 'api.createChild'] as const;
const removing = ['machine.powerOff', 'machine.requestShutdown', 'machine.delete', 'disk.delete'] as const;

const larger = (size: string | number): string => `${diskBytes(size) / MEBIBYTE + 256}Mi`;

/** A Disk that no Machine has, as far as the store knows. */
function freeDisk(users: UserClient): Disk {
  const free = (disk: Disk): boolean =>
    standalone(disk) && !deleting(disk) && !users.all<Machine>('machines').some(attachedTo(disk));
  return users.some<Disk>('disks', free);
}

/** A Disk that nobody uses is given to a Machine. */
function plugIn(users: UserClient): string {
  const disk = freeDisk(users);
  const machine = some(users);
  return edit(users, machine, withDisk(users, machine, disk));
}

/** Taken from one and given to a new one at once: the second must wait until the first has let it go. */
function moveDisk(users: UserClient): string {
  const disk = users.some<Disk>('disks', (each) => standalone(each) && each.status?.claim !== undefined);
  const from = some(users, attachedTo(disk));
  edit(users, from, withoutDisk(from, disk.metadata.name));
  const name = users.newName('m');
  createMachine(users, name, { disks: [{ name: 'data', diskRef: { name: disk.metadata.name } }] });
  return `moves disks/${disk.metadata.name} from machines/${from.metadata.name} to machines/${name}, which is new`;
}

/** Which Disk a Machine uses is changed again before it has it. */
function thinkBetter(users: UserClient): string {
  const disk = users.some<Disk>('disks', (each) => standalone(each) && each.status?.claim === undefined);
  const machine = some(users, attachedTo(disk));
  return edit(users, machine, withoutDisk(machine, disk.metadata.name));
}

/** It is placed where the Disk is, which a guest that the store does not know of may have open. */
function useInNewMachine(users: UserClient): string {
  const data = { name: 'data', diskRef: { name: freeDisk(users).metadata.name } };
  return createMachine(users, users.newName('m'), { disks: [data] });
}

/** What somebody does to Machines whose spec makes sense. */
export const machineDeeds: readonly Deed[] = [
  { leadsTo: making, does: (users) => createMachine(users, users.newName('m')) },
  { leadsTo: making, does: (users) => createMachine(users, users.newName('m')) },
  {
    leadsTo: making,
    does: (users) =>
      createMachine(users, users.newName('m'), {
        runStrategy: users.random.pick(['Always', 'RerunOnFailure', 'Manual']),
        disks: [rootDisk({ reclaimPolicy: users.random.pick(['Delete', 'Retain']) }), blankDisk('data')],
      }),
  },
  {
    leadsTo: making,
    does: (users) =>
      createMachine(users, users.newName('m'), {
        userData: { secretRef: { name: 'user-data', key: users.random.pick(['first', 'second']) } },
      }),
  },
  {
    leadsTo: making,
    does: (users) =>
      createMachine(users, users.newName('m'), {
        hostname: 'guest',
        sshAuthorizedKeys: ['ssh-ed25519 AAAA'],
        disks: [blankDisk('data'), { ...rootDisk(), boot: true }],
      }),
  },
  {
    leadsTo: making,
    does: (users) => createMachine(users, users.newName('m'), { disks: null, interfaces: null }),
  },
  {
    // A Disk of its own, which outlives it.
    leadsTo: making,
    preparesFor: ['device held'],
    does: (users) => {
      const disk = users.newName('d');
      users.create('disks', disk, {
        spec: { size: '32Mi', reclaimPolicy: users.random.pick(['Delete', 'Retain']) },
      });
      users.soon(() => moveDisk(users));
      const disks = [rootDisk(), { name: 'data', diskRef: { name: disk } }];
      return createMachine(users, users.newName('m'), { disks });
    },
  },
  {
    leadsTo: removing,
    does: (users) => users.delete('machines', some(users)),
  },
  {
    leadsTo: removing,
    does: (users) => users.delete('machines', some(users)),
  },
  {
    // Made and given up at once.
    leadsTo: removing,
    does: (users) => {
      const name = users.newName('m');
      users.soon(() =>
        users.delete(
          'machines',
          some(users, ({ metadata }) => metadata.name === name),
        ),
      );
      return createMachine(users, name);
    },
  },
  {
    leadsTo: ['machine.reconfigure'],
    does: (users) => edit(users, some(users), { cpus: 1 + users.random.below(4) }),
  },
  {
    leadsTo: ['machine.reconfigure', 'machine.powerOff'],
    does: (users) => edit(users, some(users), { memory: `${64 * (1 + users.random.below(4))}Mi` }),
  },
  {
    leadsTo: ['api.growChild', 'disk.grow'],
    does: (users) => {
      const machine = some(users, (each) => disksOf(each).some(({ template }) => template));
      const disks = disksOf(machine).map((entry) =>
        entry.template
          ? {
              ...entry,
              template: { spec: { ...entry.template.spec, size: larger(entry.template.spec.size) } },
            }
          : entry,
      );
      return edit(users, machine, { disks });
    },
  },
  {
    leadsTo: [],
    does: (users) =>
      edit(users, some(users), {
        terminationGracePeriodSeconds: users.random.pick([0, 5, 30]),
        updatePolicy: users.random.pick(['OnRestart', 'Restart']),
      }),
  },
  {
    leadsTo: ['machine.requestShutdown', 'machine.powerOff'],
    does: (users) => edit(users, some(users), { runStrategy: 'Halted' }),
  },
  {
    // Asked to stop, and then not: what does not shut down in time runs on.
    leadsTo: ['machine.withdrawShutdown', 'machine.requestShutdown', 'machine.start'],
    does: (users) => {
      const { name } = some(users).metadata;
      users.soon(() =>
        edit(
          users,
          some(users, ({ metadata }) => metadata.name === name),
          { runStrategy: users.random.pick(['Always', 'RerunOnFailure']) },
        ),
      );
      return edit(
        users,
        some(users, ({ metadata }) => metadata.name === name),
        { runStrategy: 'Halted', terminationGracePeriodSeconds: 30 },
      );
    },
  },
  {
    leadsTo: ['machine.start'],
    does: (users) =>
      edit(users, some(users), { runStrategy: users.random.pick(['Always', 'RerunOnFailure', 'Manual']) }),
  },
  {
    leadsTo: ['machine.requestShutdown', 'machine.powerOff', 'machine.start'],
    does: (users) =>
      users.patch('machines', some(users), {
        metadata: { annotations: { [RESTART_ANNOTATION]: String(users.random.below(1_000_000)) } },
      }),
  },
  {
    leadsTo: ['machine.reconfigure', 'machine.connect', 'subnet.realise', 'api.deleteChild'],
    does: (users) => {
      const subnet = users.some<Subnet>('subnets', (each) => !deleting(each)).metadata.name;
      return edit(users, some(users), { interfaces: [newInterface(users, subnet)] });
    },
  },
  {
    leadsTo: ['machine.reconfigure', 'subnet.realise'],
    preparesFor: ['tap deleted', 'link set down'],
    does: (users) => {
      const machine = some(users);
      return edit(users, machine, { interfaces: [...interfacesOf(machine), newInterface(users, SUBNET)] });
    },
  },
  {
    leadsTo: ['machine.connect', 'api.deleteChild'],
    does: (users) => {
      const machine = some(users);
      return edit(users, machine, { interfaces: interfacesOf(machine).slice(0, -1) });
    },
  },
  {
    leadsTo: ['machine.connect', 'api.deleteChild'],
    does: (users) => edit(users, some(users), { interfaces: null }),
  },
  {
    leadsTo: ['machine.reconfigure', 'subnet.realise'],
    does: (users) => {
      const address = `10.20.0.${100 + users.random.below(100)}`;
      return edit(users, some(users), { interfaces: [newInterface(users, SUBNET, address)] });
    },
  },
  {
    // One that somebody has, most likely, or had before the store was restored.
    leadsTo: [],
    showsAfter: ['store restored older', 'effect hangs'],
    does: (users) => {
      const address = `10.20.0.${2 + users.random.below(4)}`;
      return createMachine(users, users.newName('m'), {
        interfaces: [newInterface(users, SUBNET, address)],
      });
    },
  },
  { leadsTo: ['machine.reconfigure', 'api.claimDisk', 'disk.create'], does: plugIn },
  {
    // Made to be plugged in.
    leadsTo: ['machine.reconfigure', 'api.claimDisk', 'disk.create'],
    does: (users) => {
      users.soon(plugIn);
      return users.create('disks', users.newName('d'), { spec: { size: '32Mi' } });
    },
  },
  { leadsTo: ['machine.reconfigure', 'api.claimDisk'], showsAfter: ['request late'], does: thinkBetter },
  {
    leadsTo: ['machine.reconfigure', 'api.claimDisk'],
    does: (users) => {
      const disk = users.some<Disk>('disks', standalone);
      const machine = some(users, attachedTo(disk));
      return edit(users, machine, withoutDisk(machine, disk.metadata.name));
    },
  },
  {
    // Nothing more is placed there; what is there stays.
    leadsTo: [],
    does: (users) => {
      const { hostName } = some(users).status ?? {};
      const host = users.some<Host>('hosts', ({ metadata }) => metadata.name === hostName);
      return users.patch('hosts', host, { spec: { unschedulable: true } });
    },
  },
  {
    leadsTo: ['machine.reconfigure', 'api.claimDisk'],
    showsAfter: ['device held', 'effect hangs', 'request late'],
    does: moveDisk,
  },
];

/** What nobody does but to see whether a fault was coped with. */
export const machineTrials: readonly Deed[] = [
  { leadsTo: [], showsAfter: ['device held', 'store restored older'], does: useInNewMachine },
];
