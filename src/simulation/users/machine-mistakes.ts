import type { Disk } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { SUBNET } from './client.ts';
import type { Deed } from './deed.ts';
import {
  attachedTo,
  createMachine,
  disksOf,
  edit,
  interfacesOf,
  newInterface,
  rootDisk,
  some,
  standalone,
  withDisk,
} from './machines.ts';

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
