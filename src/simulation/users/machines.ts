import { RESTART_ANNOTATION } from '../../kinds/machine/input.ts';
import type { Disk, Host, Machine, Subnet } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { diskBytes } from '../../values/quantity.ts';
import { diskName } from '../../values/names.ts';
import { IMAGE, SUBNET, type UserClient } from './client.ts';
import type { Deed } from './deed.ts';

type DiskEntry = NonNullable<Machine['spec']['disks']>[number];
type InterfaceEntry = NonNullable<Machine['spec']['interfaces']>[number];

const making = [
  'disk.create',
  'machine.define',
  'machine.start',
  'api.createChild',
  'api.claimDisk',
] as const;
const removing = ['machine.powerOff', 'machine.requestShutdown', 'machine.delete', 'disk.delete'] as const;

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

const rootDisk = (spec: object = {}) => ({
  name: 'root',
  template: { spec: { size: '256Mi', source: { imageRef: { name: IMAGE } }, ...spec } },
});

const blankDisk = (name: string, spec: object = {}) => ({
  name,
  template: { spec: { size: '32Mi', ...spec } },
});

const larger = (size: string | number): string => `${diskBytes(size) / 2 ** 20 + 256}Mi`;

const edit = (users: UserClient, machine: Machine, spec: object): string =>
  users.patch('machines', machine, { spec });

const some = (users: UserClient, which: (machine: Machine) => boolean = () => true): Machine =>
  users.some<Machine>('machines', (machine) => !deleting(machine) && which(machine));

const disksOf = ({ spec }: Machine): DiskEntry[] => spec.disks ?? [];
const interfacesOf = ({ spec }: Machine): InterfaceEntry[] => spec.interfaces ?? [];

const withoutDisk = (machine: Machine, name: string): { disks: DiskEntry[] } => ({
  disks: disksOf(machine).filter((entry) => diskName(machine.metadata.name, entry) !== name),
});

const withDisk = (users: UserClient, machine: Machine, disk: Disk): { disks: object[] } => ({
  disks: [...disksOf(machine), { name: users.newName('data'), diskRef: { name: disk.metadata.name } }],
});

/** A Disk that somebody made for itself, not from a template. */
const standalone = ({ metadata }: Disk): boolean => metadata.ownerReferences === undefined;

const attachedTo = (disk: Disk) => (machine: Machine) =>
  disksOf(machine).some((entry) => entry.diskRef?.name === disk.metadata.name);

/** Of another name each time: what an interface has cannot be changed, only the interface replaced. */
const newInterface = (users: UserClient, subnet: string, address?: string): InterfaceEntry => ({
  name: users.newName('eth'),
  subnetRef: { name: subnet },
  ...(address !== undefined && { address }),
});

/** A Disk that nobody uses is given to a Machine. */
function plugIn(users: UserClient): string {
  const free = (disk: Disk): boolean =>
    standalone(disk) && !deleting(disk) && !users.all<Machine>('machines').some(attachedTo(disk));
  const disk = users.some<Disk>('disks', free);
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
  { leadsTo: ['machine.reconfigure', 'api.claimDisk', 'disk.create'], does: plugIn },
  {
    // Made to be plugged in.
    leadsTo: ['machine.reconfigure', 'api.claimDisk', 'disk.create'],
    does: (users) => {
      users.soon(plugIn);
      return users.create('disks', users.newName('d'), { spec: { size: '32Mi' } });
    },
  },
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
    showsAfter: ['device held', 'effect hangs'],
    does: moveDisk,
  },
];

/** What cannot work as it stands; what the object says of itself leads out of it. */
export const machineMistakes: readonly Deed[] = [
  {
    leadsTo: [],
    does: (users) => createMachine(users, users.newName('m'), { memory: '1Ti' }),
  },
  {
    leadsTo: [],
    does: (users) => createMachine(users, users.newName('m'), { cpus: 1_000 }),
  },
  {
    leadsTo: [],
    does: (users) =>
      createMachine(users, users.newName('m'), {
        placement: { hostSelector: { matchLabels: { zone: 'nowhere' } } },
      }),
  },
  {
    leadsTo: ['api.claimDisk', 'disk.create'],
    does: (users) => {
      const machine = some(users);
      const missing = { name: users.newName('data'), diskRef: { name: users.newName('missing') } };
      return edit(users, machine, { disks: [...disksOf(machine), missing] });
    },
  },
  {
    leadsTo: ['api.bindDisk'],
    does: (users) => {
      const name = users.newName('m');
      users.create('disks', `${name}-root`, { spec: { size: '256Mi' } });
      return createMachine(users, name);
    },
  },
  {
    // Two want the same disk, and neither lets it go.
    leadsTo: ['api.claimDisk'],
    does: (users) => {
      const disk = users.some<Disk>('disks', (each) => standalone(each) && !deleting(each));
      const machine = some(users, (each) => !attachedTo(disk)(each));
      return edit(users, machine, withDisk(users, machine, disk));
    },
  },
  {
    leadsTo: [],
    does: (users) => createMachine(users, users.newName('m'), { disks: [rootDisk({ size: '64Mi' })] }),
  },
  {
    leadsTo: [],
    does: (users) =>
      createMachine(users, users.newName('m'), {
        userData: {
          secretRef: users.random.pick([
            { name: 'absent', key: 'first' },
            { name: 'user-data', key: 'none' },
            { name: 'user-data', key: 'long' },
          ]),
        },
      }),
  },
  {
    leadsTo: [],
    does: (users) => {
      const address = users.random.pick(['10.99.0.9', '10.20.0.0', '10.20.0.1', '10.20.0.255', '10.20.0.2']);
      return edit(users, some(users), { interfaces: [newInterface(users, SUBNET, address)] });
    },
  },
  {
    leadsTo: [],
    does: (users) => edit(users, some(users), { interfaces: [newInterface(users, users.newName('absent'))] }),
  },
  {
    // What an interface has, it has for life.
    leadsTo: [],
    does: (users) => {
      const machine = some(users, (each) => interfacesOf(each).length > 0);
      const interfaces = interfacesOf(machine).map((each) => ({ ...each, address: '10.20.0.77' }));
      return edit(users, machine, { interfaces });
    },
  },
  {
    // Taken out and put in again under the same name, but made of something else.
    leadsTo: [],
    does: (users) => {
      const machine = some(users, (each) => disksOf(each).some(({ template }) => template));
      const changed = users.random.pick(disksOf(machine).filter(({ template }) => template));
      const disks = disksOf(machine).map((entry) => {
        if (entry !== changed || !entry.template) return entry;
        const { spec } = entry.template;
        return {
          ...entry,
          template: { spec: { ...spec, ...(spec.source ? { source: null } : { format: 'raw' }) } },
        };
      });
      return edit(users, machine, { disks });
    },
  },
  {
    // Beside the gateway there is room for one.
    leadsTo: [],
    does: (users) => {
      const machine = some(users);
      const subnet = users.newName('small');
      users.create('subnets', subnet, { spec: { cidr: '10.21.0.0/30' } });
      const interfaces = [newInterface(users, subnet), newInterface(users, subnet)];
      return edit(users, machine, { interfaces });
    },
  },
];
