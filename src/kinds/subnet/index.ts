import type { KindDefinition } from '../../plan/kind.ts';
import { lookups } from '../../plan/lookups.ts';
import type { IPAddress, Machine, Subnet } from '../../resources/kinds.ts';
import { deleting, keyOf } from '../../resources/metadata.ts';
import { holdsNetwork, wasRealised } from './network.ts';
import { type SubnetInput, planSubnet } from './plan.ts';
import { subnetStatus } from './status.ts';

export const subnet: KindDefinition<Subnet, SubnetInput> = {
  kind: 'Subnet',
  plural: 'subnets',
  watches: [
    {
      kind: 'IPAddress',
      reads: ({ spec }) => spec,
      keys: (changed) => [`${changed.metadata.namespace}/${(changed as IPAddress).spec.subnetRef.name}`],
    },
    {
      kind: 'Machine',
      reads: (machine) => [deleting(machine), (machine as Machine).spec.interfaces],
      keys: (changed) => lookups.Machine.subnet(changed as Machine),
    },
    // One Subnet gone or realised decides whether an overlapping one may be.
    {
      kind: 'Subnet',
      reads: (subnet) => [(subnet as Subnet).spec.cidr, holdsNetwork(subnet as Subnet)],
      keys: (_changed, reader) =>
        reader
          .list<Subnet>('Subnet')
          .filter((subnet) => !wasRealised(subnet))
          .map(keyOf),
    },
  ],
  gather: (subnet, reader) => ({
    subnet,
    hosts: reader.hosts(),
    addresses: reader.find('IPAddress', 'subnetUid', subnet.metadata.uid),
    machines: reader
      .find('Machine', 'subnet', keyOf(subnet))
      .filter((machine) => !deleting(machine))
      .map(({ metadata }) => metadata.name)
      .sort(),
    others: reader.list<Subnet>('Subnet').filter(({ metadata }) => metadata.uid !== subnet.metadata.uid),
  }),
  plan: planSubnet,
  status: subnetStatus,
};
