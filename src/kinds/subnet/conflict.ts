import type { KnownHost } from '../../plan/known-hosts.ts';
import { type Outcome, blocked, waiting } from '../../plan/outcome.ts';
import type { HostSnapshot } from '../../plan/snapshot.ts';
import type { Subnet } from '../../resources/kinds.ts';
import { networkAround, overlaps, parseAddress, parseCidr } from '../../values/ipv4.ts';
import { gatewayOf, holdsNetwork, networkOf } from './network.ts';
import type { SubnetInput } from './plan.ts';

/** What keeps a Subnet from getting its network: another Subnet, or what is on a host. */
export function findConflict(input: SubnetInput): Outcome | undefined {
  const { subnet, hosts, others } = input;
  const network = networkOf(subnet);
  if (!network) return blocked('InvalidCIDR', `spec.cidr ${subnet.spec.cidr} is not an IPv4 network`);
  if (holdsNetwork(subnet)) return undefined; // it is never taken down by a later one
  const gateway = parseAddress(gatewayOf(subnet));
  if (gateway === network.base || gateway === network.base + network.size - 1) {
    return blocked(
      'InvalidGateway',
      'spec.gateway is the network or broadcast address; make a new Subnet with one between them',
    );
  }
  const earlier = others.find((other) => {
    const theirs = networkOf(other);
    return theirs !== undefined && overlaps(network, theirs) && precedes(other, subnet);
  });
  if (earlier) {
    return blocked(
      'CIDROverlap',
      `spec.cidr ${subnet.spec.cidr} overlaps ${called(earlier, subnet)}; make a new Subnet with another network`,
    );
  }
  for (const host of hosts) {
    if (host.snapshot === 'unknown') continue;
    const taken = host.snapshot.hostCidrs.find((cidr) => {
      const theirs = parseCidr(cidr);
      return theirs !== undefined && theirs.prefix > 0 && overlaps(network, theirs);
    });
    if (taken) {
      return blocked(
        'CIDROverlapsHost',
        `spec.cidr ${subnet.spec.cidr} overlaps ${taken}, which host ${host.name} uses itself; make a new Subnet with another network`,
      );
    }
    const left = takenByBridge(input, { name: host.name, snapshot: host.snapshot });
    if (left) return left;
  }
  return undefined;
}

/** Another bridge of ours has a part of the network, of a Subnet that is there or of one that is not any more. */
export function takenByBridge(
  { subnet, others }: SubnetInput,
  { name, snapshot }: Pick<KnownHost, 'name' | 'snapshot'>,
): Outcome | undefined {
  const network = networkOf(subnet);
  const bridge = Object.values(snapshot.segments).find(({ subnetUid, gatewayCidr }) => {
    const theirs = gatewayCidr === undefined ? undefined : networkAround(gatewayCidr);
    return network && theirs && subnetUid !== subnet.metadata.uid && overlaps(network, theirs);
  });
  if (!bridge) return undefined;
  const what = `spec.cidr ${subnet.spec.cidr} overlaps ${bridge.gatewayCidr} of a bridge on host ${name}`;
  const owner = others.find(({ metadata }) => metadata.uid === bridge.subnetUid);
  const message = owner
    ? `${what}, which ${called(owner, subnet)} has there; delete one of the two`
    : `${what} whose Subnet ${bridge.subnetUid} has no object; remove it there, or make a new Subnet with another network`;
  return waiting('CIDROverlapsHost', message, 30_000);
}

/**
 * Two hold the network, as a backup that was restored can bring about: the one that a host has goes first, and else the
 * older one.
 */
export function goesAfterAnother({ subnet, hosts, others }: SubnetInput): Outcome | undefined {
  const network = networkOf(subnet);
  const isThere = ({ metadata: { uid } }: Subnet): boolean =>
    hosts.some(({ snapshot }) => snapshot !== 'unknown' && carries(snapshot, uid));
  const first = others.find((other) => {
    const theirs = networkOf(other);
    if (!network || !theirs || !holdsNetwork(other) || !overlaps(network, theirs)) return false;
    return isThere(other) === isThere(subnet) ? isOlder(other, subnet) : isThere(other);
  });
  if (!first) return undefined;
  const message = `spec.cidr ${subnet.spec.cidr} overlaps ${called(first, subnet)}, which holds it too; delete one of the two`;
  return waiting('CIDROverlap', message, 30_000);
}

/** The bridge of a Subnet is there, with its network. */
export const carries = ({ segments }: HostSnapshot, subnetUid: string): boolean =>
  segments[subnetUid]?.gatewayCidr !== undefined;

/** Tenants do not learn of each other. */
const called = ({ metadata }: Subnet, { metadata: { namespace } }: Subnet): string =>
  metadata.namespace === namespace ? `Subnet ${metadata.name}` : 'a Subnet of another namespace';

/** A Subnet that holds its network goes before one that does not; otherwise the older one. */
const precedes = (other: Subnet, subnet: Subnet): boolean => holdsNetwork(other) || isOlder(other, subnet);

/** Of two of the same second the one with the smaller UID is. */
function isOlder({ metadata: other }: Subnet, { metadata }: Subnet): boolean {
  if (other.creationTimestamp !== metadata.creationTimestamp)
    return other.creationTimestamp < metadata.creationTimestamp;
  return other.uid < metadata.uid;
}
