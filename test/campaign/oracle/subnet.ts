import type { Subnet } from '../../../src/resources/kinds.ts';
import type { Sight } from '../ground.ts';
import { type Cluster, conditionOf } from './cluster.ts';
import { differences, type Obstacles, unexplained } from './words.ts';

/** Everything in which a Subnet and what it says of itself do not agree with its spec. */
export function subnetFaults(subnet: Subnet, { cluster, picture }: Sight): string[] {
  const complete = conditionOf(subnet)?.reason === 'Ready';
  const segment = picture.segments.find(({ subnetUid }) => subnetUid === subnet.metadata.uid);
  const { spec } = subnet;
  const reservations = cluster
    .all('IPAddress')
    .filter(({ spec: { subnetRef } }) => subnetRef.uid === subnet.metadata.uid)
    .map(({ spec: { macAddress, address, machineRef } }) => `${macAddress} ${address} ${machineRef.name}`);
  return [
    ...unexplained(subnet, complete, subnetObstacles(subnet, cluster)),
    ...(complete
      ? differences(
          'the segment',
          {
            gatewayCidr: `${gatewayOf(subnet)}/${spec.cidr.split('/')[1]}`,
            mtu: spec.mtu,
            masquerades: spec.egress === 'NAT',
            leaves: spec.egress !== 'None',
            // Without egress nobody is asked.
            resolvers: spec.egress === 'None' ? segment?.resolvers : (spec.dnsServers ?? []),
            reservations: reservations.sort(),
          },
          segment && {
            ...segment,
            subnetUid: undefined,
            reservations: segment.reservations
              .map(({ macAddress, address, hostname }) => `${macAddress} ${address} ${hostname}`)
              .sort(),
          },
        )
      : []),
    ...(complete
      ? differences('status.addressesUsed', reservations.length, subnet.status?.addressesUsed)
      : []),
  ];
}

const number = (text: string): number => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);

function rangeOf(cidr: string): { first: number; last: number } {
  const [base = '', prefix] = cidr.split('/');
  return { first: number(base), last: number(base) + 2 ** (32 - Number(prefix)) - 1 };
}

const gatewayOf = ({ spec }: Subnet): string => {
  if (spec.gateway !== undefined) return spec.gateway;
  const first = rangeOf(spec.cidr).first + 1;
  return [24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join('.');
};

/** Destinations that every host has for itself. */
const hostNetworks = ['127.0.0.0/8', '169.254.0.0/16'];

function subnetObstacles(subnet: Subnet, cluster: Cluster): Obstacles {
  const mine = rangeOf(subnet.spec.cidr);
  const meets = (cidr: string): boolean => {
    const theirs = rangeOf(cidr);
    return theirs.first <= mine.last && mine.first <= theirs.last;
  };
  const found = new Map<string, string>();
  const others = cluster.all('Subnet').filter(({ metadata }) => metadata.uid !== subnet.metadata.uid);
  const holder = others.find(({ spec, status }) => meets(spec.cidr) && status?.networkHeld);
  if (holder) found.set('CIDROverlap', `Subnet ${holder.metadata.name} has a part of ${subnet.spec.cidr}`);
  if (hostNetworks.some(meets)) found.set('CIDROverlapsHost', 'the host uses it itself');
  const gateway = number(gatewayOf(subnet));
  if (gateway === mine.first || gateway === mine.last)
    found.set('InvalidGateway', 'the gateway is the network or broadcast address');
  if (subnet.metadata.deletionTimestamp) found.set('InUse', 'a Machine is on it');
  return found;
}
