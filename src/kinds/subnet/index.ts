import type { KindDefinition } from '../../plan/kind.ts';
import type { IPAddress, Machine, Subnet } from '../../resources/kinds.ts';
import { deleting, keyOf } from '../../resources/metadata.ts';
import { wasRealised } from './network.ts';
import { type SubnetInput, planSubnet } from './plan.ts';
import { subnetStatus } from './status.ts';

export const subnet: KindDefinition<Subnet, SubnetInput> = {
  kind: 'Subnet',
  plural: 'subnets',
  watches: [
    {
      kind: 'IPAddress',
      keys: (changed) => [`${changed.metadata.namespace}/${(changed as IPAddress).spec.subnetRef.name}`],
    },
    {
      kind: 'Machine',
      keys: (changed) =>
        ((changed as Machine).spec.interfaces ?? []).map(
          ({ subnetRef }) => `${changed.metadata.namespace}/${subnetRef.name}`,
        ),
    },
    // One Subnet gone or realised decides whether an overlapping one may be.
    {
      kind: 'Subnet',
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
    addresses: reader
      .list<IPAddress>('IPAddress', subnet.metadata.namespace)
      .filter(({ spec }) => spec.subnetRef.uid === subnet.metadata.uid),
    machines: reader
      .list<Machine>('Machine', subnet.metadata.namespace)
      .filter((machine) => !deleting(machine))
      .filter(({ spec }) => spec.interfaces?.some(({ subnetRef }) => subnetRef.name === subnet.metadata.name))
      .map(({ metadata }) => metadata.name)
      .sort(),
    others: reader.list<Subnet>('Subnet').filter(({ metadata }) => metadata.uid !== subnet.metadata.uid),
  }),
  plan: planSubnet,
  status: subnetStatus,
};
