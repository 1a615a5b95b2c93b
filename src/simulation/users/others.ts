import type { Disk, Host, Image, Subnet } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { diskBytes, MEBIBYTE } from '../../values/quantity.ts';
import { imageChecksum } from '../image.ts';
import { IMAGE, IMAGE_FILE, IMAGE_URL, LATE_IMAGE_FILE, SUBNET, type UserClient } from './client.ts';
import type { Deed } from './deed.ts';

const createDisk = (users: UserClient, spec: object): string =>
  users.create('disks', users.newName('d'), { spec: { size: '32Mi', ...spec } });

const createSubnet = (users: UserClient, spec: { cidr: string; [field: string]: unknown }): string => {
  users.networks.add(spec.cidr);
  return users.create('subnets', users.newName('net'), { spec });
};

/** The network of a Subnet that is gone, wherever it may still be; anything where there is none. */
const formerCidr = (users: UserClient): string => {
  const present = users.all<Subnet>('subnets').map(({ spec }) => spec.cidr);
  const former = [...users.networks].filter((cidr) => !present.includes(cidr));
  return former.length > 0 ? users.random.pick(former) : freeCidr(users);
};

/** A network of its own for each. */
const freeCidr = (users: UserClient): string => `10.20.${users.newName('').slice(1)}.0/24`;

const otherSubnet = (users: UserClient): Subnet =>
  users.some<Subnet>('subnets', ({ metadata }) => metadata.name !== SUBNET);

const ownDisk = (users: UserClient): Disk =>
  users.some<Disk>('disks', (disk) => !deleting(disk) && disk.metadata.ownerReferences === undefined);

function makeAndDeleteDisk(users: UserClient, reclaimPolicy: 'Delete' | 'Retain'): string {
  const name = users.newName('d');
  users.soon(() =>
    users.delete(
      'disks',
      users.some<Disk>('disks', ({ metadata }) => metadata.name === name),
    ),
  );
  return users.create('disks', name, { spec: { size: '32Mi', bindingMode: 'Immediate', reclaimPolicy } });
}

const grow = (users: UserClient, which: (disk: Disk) => boolean): string => {
  const disk = users.some<Disk>('disks', (each) => !deleting(each) && which(each));
  const bytes = diskBytes(disk.spec.size) + 256 * MEBIBYTE;
  return users.patch('disks', disk, { spec: { size: `${bytes / MEBIBYTE}Mi` } });
};

const growing = ({ spec, status }: Disk): boolean =>
  status?.capacity !== undefined && status.capacity < diskBytes(spec.size);

/** What somebody does to Disks, Subnets, Images, Secrets and Hosts. */
export const otherDeeds: readonly Deed[] = [
  {
    leadsTo: ['api.bindDisk', 'disk.create'],
    does: (users) =>
      createDisk(users, {
        bindingMode: users.random.pick(['Immediate', 'Immediate', 'WaitForFirstConsumer']),
        reclaimPolicy: users.random.pick(['Delete', 'Retain']),
        format: users.random.pick(['qcow2', 'raw']),
      }),
  },
  { leadsTo: ['disk.grow'], does: (users) => grow(users, () => true) },
  {
    // Once more before it is as large as it was to be.
    leadsTo: ['disk.grow'],
    showsAfter: ['effect comes late'],
    does: (users) => grow(users, growing),
  },
  { leadsTo: ['disk.delete'], does: (users) => users.delete('disks', ownDisk(users)) },
  { leadsTo: ['disk.delete', 'api.bindDisk'], does: (users) => makeAndDeleteDisk(users, 'Delete') },
  { leadsTo: ['disk.retain', 'api.bindDisk'], does: (users) => makeAndDeleteDisk(users, 'Retain') },
  {
    leadsTo: [],
    does: (users) =>
      users.patch(
        'disks',
        users.some<Disk>('disks', (disk) => !deleting(disk)),
        {
          spec: { reclaimPolicy: users.random.pick(['Delete', 'Retain']) },
        },
      ),
  },
  {
    leadsTo: ['subnet.realise', 'api.holdNetwork'],
    does: (users) => createSubnet(users, { cidr: freeCidr(users) }),
  },
  {
    leadsTo: ['subnet.realise', 'api.holdNetwork'],
    showsAfter: ['store restored older'],
    does: (users) => createSubnet(users, { cidr: formerCidr(users) }),
  },
  {
    leadsTo: ['subnet.realise'],
    does: (users) =>
      users.patch('subnets', users.some('subnets'), {
        spec: {
          egress: users.random.pick(['NAT', 'Routed', 'None']),
          mtu: users.random.pick([1_450, 1_450, 1_400]),
        },
      }),
  },
  {
    leadsTo: ['subnet.delete', 'api.holdNetwork'],
    does: (users) => {
      users.soon(() => users.delete('subnets', otherSubnet(users)));
      return createSubnet(users, { cidr: freeCidr(users) });
    },
  },
  {
    leadsTo: ['subnet.delete'],
    does: (users) => users.delete('subnets', otherSubnet(users)),
  },
  {
    leadsTo: ['image.import'],
    does: (users) => users.create('images', users.newName('i'), { spec: { source: { file: IMAGE_FILE } } }),
  },
  {
    leadsTo: ['image.import', 'image.delete'],
    does: (users) => {
      const name = users.newName('i');
      users.soon(() =>
        users.delete(
          'images',
          users.some<Image>('images', ({ metadata }) => metadata.name === name),
        ),
      );
      const spec = users.random.pick([
        { source: { file: IMAGE_FILE } },
        { source: { url: IMAGE_URL }, checksum: imageChecksum },
      ]);
      return users.create('images', name, { spec });
    },
  },
  {
    leadsTo: ['image.delete'],
    does: (users) =>
      users.delete(
        'images',
        users.some<Image>('images', ({ metadata }) => metadata.name !== IMAGE),
      ),
  },
  {
    leadsTo: ['machine.reconfigure'],
    does: (users) => {
      const text = Buffer.from(`#cloud-config ${users.random.below(1_000)}`).toString('base64');
      return users.patch('secrets', users.some('secrets'), { data: { first: text } });
    },
  },
  {
    leadsTo: ['disk.create'],
    does: (users) => {
      const { name } = users.some<Image>('images', ({ metadata }) => metadata.name !== IMAGE).metadata;
      return createDisk(users, { size: '256Mi', bindingMode: 'Immediate', source: { imageRef: { name } } });
    },
  },
  { leadsTo: ['api.deleteChild'], does: (users) => users.delete('ipaddresses', users.some('ipaddresses')) },
  { leadsTo: [], does: (users) => users.delete('secrets', users.some('secrets')) },
  {
    leadsTo: [],
    does: (users) =>
      users.patch('hosts', users.some('hosts'), { spec: { unschedulable: users.random.chance(0.5) } }),
  },
];

/** What cannot work as it stands; what the object says of itself leads out of it. */
export const otherMistakes: readonly Deed[] = [
  {
    leadsTo: [],
    does: (users) => createDisk(users, { source: { imageRef: { name: users.newName('absent') } } }),
  },
  {
    leadsTo: [],
    does: (users) => createDisk(users, { bindingMode: 'Immediate', source: { imageRef: { name: IMAGE } } }),
  },
  {
    leadsTo: ['image.import'],
    does: (users) =>
      users.create('images', users.newName('i'), { spec: { source: { file: LATE_IMAGE_FILE } } }),
  },
  {
    leadsTo: [],
    does: (users) =>
      createSubnet(users, {
        cidr: users.random.pick(['10.20.0.128/25', '10.99.0.0/25', 'nonsense']),
      }),
  },
  {
    // Tenants do not see each other, and cannot know.
    leadsTo: [],
    does: (users) =>
      users.create('subnets', users.newName('net'), { spec: { cidr: '10.20.0.0/25' } }, 'other'),
  },
  { leadsTo: [], does: (users) => createSubnet(users, { cidr: '10.22.0.0/24', gateway: '10.22.0.0' }) },
];

/** Hosts that nobody keeps Machines away from. */
export const openHost = (users: UserClient, host: Host): string =>
  users.patch('hosts', host, { metadata: { labels: { zone: 'nowhere' } }, spec: { unschedulable: false } });
