import type { SegmentArguments } from '../../plan/actions.ts';
import type { HostView } from '../../plan/kind.ts';
import { knownHosts } from '../../plan/known-hosts.ts';
import { type HostStep, type Outcome, act, blocked, settled, waiting } from '../../plan/outcome.ts';
import { claimFinalizer, releaseFinalizer, removeFrom } from '../../plan/removal.ts';
import type { HostSnapshot, SegmentSnapshot } from '../../plan/snapshot.ts';
import type { IPAddress, Subnet } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import {
  type Network,
  formatAddress,
  networkAround,
  overlaps,
  parseAddress,
  parseCidr,
} from '../../values/ipv4.ts';
import { dnsLabel } from '../../values/names.ts';
import { reservationsHash, segmentHash } from '../../values/links.ts';

export interface SubnetInput {
  subnet: Subnet;
  hosts: HostView[];
  /** Addresses of this Subnet (by UID), deleting ones included: a tap may still use them. */
  addresses: IPAddress[];
  /** Machines of the namespace that name this Subnet and are not being deleted. */
  machines: string[];
  /** All other Subnets of the installation. */
  others: Subnet[];
}

/** Realised on every host: bridge, DHCP, rules. Blocked when its network is taken, removed when nobody is on it. */
export function planSubnet(input: SubnetInput): Outcome {
  const { subnet, hosts } = input;
  if (deleting(subnet)) return planRemoval(input);
  const finalizer = claimFinalizer(subnet);
  if (finalizer) return finalizer;
  const conflict = findConflict(input);
  if (conflict) return conflict;

  if (knownHosts(hosts, subnet.metadata.uid).length === 0) {
    return waiting('NoHost', 'no host has reported yet; start an agent (purlin up does)', 5_000);
  }
  if (!holdsNetwork(subnet)) {
    return act(
      { on: 'api', action: { name: 'api.holdNetwork' } },
      { reason: 'HoldingNetwork', because: `no other Subnet and no host uses ${subnet.spec.cidr}` },
    );
  }

  const wanted = segmentOf(subnet, input.addresses);
  const { uid } = subnet.metadata;
  for (const host of knownHosts(hosts, uid)) {
    const missing = difference(wanted, host.snapshot.segments[uid]);
    if (!missing) continue;
    const step: HostStep = {
      on: 'host',
      hostName: host.name,
      action: { name: 'subnet.realise', arguments: wanted },
      lock: [uid],
    };
    const because = `host ${host.name}: ${missing.because}`;
    // What has never been there is not missing.
    const first = missing.drift && !wasRealised(subnet);
    return act(step, {
      reason: first ? 'Realising' : missing.reason,
      because,
      drift: missing.drift && !first,
    });
  }
  return settled;
}

/** From before the first step on a host until it is gone. */
const holdsNetwork = (subnet: Subnet): boolean => subnet.status?.networkHeld === true || wasRealised(subnet);

/** Once realised, a Subnet keeps its network, also while its bridge is being repaired. */
export const wasRealised = (subnet: Subnet): boolean => subnet.status?.realised === true;

export const networkOf = (subnet: Subnet): Network | undefined => parseCidr(subnet.spec.cidr);

/** The gateway's address: as given, or the first of the network. */
export const gatewayOf = (subnet: Subnet): string =>
  subnet.spec.gateway ?? formatAddress((networkOf(subnet)?.base ?? 0) + 1);

export function segmentOf(subnet: Subnet, addresses: readonly IPAddress[]): SegmentArguments {
  return {
    cidr: subnet.spec.cidr,
    gateway: gatewayOf(subnet),
    mtu: subnet.spec.mtu,
    egress: subnet.spec.egress,
    dnsServers: subnet.spec.dnsServers ?? [],
    reservations: addresses
      .map(({ spec }) => ({
        macAddress: spec.macAddress,
        address: spec.address,
        hostname: dnsLabel(spec.machineRef.name),
      }))
      .sort((a, b) => (a.address < b.address ? -1 : 1)),
  };
}

interface Difference {
  reason: string;
  because: string;
  /** Something that had been there is gone, as opposed to something new that is wanted. */
  drift: boolean;
}

/** The first thing in which a host's segment differs from the wanted one. */
export function difference(
  wanted: SegmentArguments,
  seen: SegmentSnapshot | undefined,
): Difference | undefined {
  const prefix = parseCidr(wanted.cidr)?.prefix;
  const drift = (reason: string, because: string): Difference => ({ reason, because, drift: true });
  if (!seen || seen.bridge === 'absent') return drift('BridgeMissing', 'the bridge does not exist');
  if (seen.bridge === 'down') return drift('BridgeDown', 'the bridge is down');
  if (seen.specHash !== segmentHash(wanted)) {
    return { reason: 'Configuring', because: 'the network is not configured as the spec says', drift: false };
  }
  if (seen.gatewayCidr !== `${wanted.gateway}/${prefix}`) {
    return drift('GatewayMissing', `the bridge does not carry ${wanted.gateway}/${prefix}`);
  }
  if (seen.mtu !== wanted.mtu) return drift('WrongMTU', `the bridge has MTU ${seen.mtu}, not ${wanted.mtu}`);
  if (seen.rules === 'absent') return drift('RulesMissing', 'the nftables rules are not in force');
  if (wanted.egress !== 'None' && seen.forwarding === 'off') {
    return drift('ForwardingOff', 'IPv4 forwarding (net.ipv4.ip_forward) is switched off');
  }
  if (seen.dnsmasq === 'absent') return drift('DHCPStopped', 'dnsmasq is not running');
  if (seen.reservationsHash !== reservationsHash(wanted.reservations)) {
    return {
      reason: 'UpdatingReservations',
      because: 'the DHCP reservations differ from the addresses held',
      drift: false,
    };
  }
  return undefined;
}

function findConflict({ subnet, hosts, others }: SubnetInput): Outcome | undefined {
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
    const who =
      earlier.metadata.namespace === subnet.metadata.namespace
        ? `Subnet ${earlier.metadata.name}`
        : 'a Subnet of another namespace';
    return blocked(
      'CIDROverlap',
      `spec.cidr ${subnet.spec.cidr} overlaps ${who}; make a new Subnet with another network`,
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
    const left = overlappingBridge(network, host.snapshot, [subnet, ...others]);
    if (left) {
      return waiting(
        'CIDROverlapsHost',
        `spec.cidr ${subnet.spec.cidr} overlaps ${left.gatewayCidr} of a bridge on host ${host.name} whose Subnet ${left.subnetUid} has no object; remove it there, or make a new Subnet with another network`,
        30_000,
      );
    }
  }
  return undefined;
}

/** A bridge of ours without a Subnet: where the API's store was restored from a backup. */
const overlappingBridge = (
  network: Network,
  { segments }: HostSnapshot,
  subnets: readonly Subnet[],
): SegmentSnapshot | undefined =>
  Object.values(segments).find(({ subnetUid, gatewayCidr }) => {
    const theirs = gatewayCidr === undefined ? undefined : networkAround(gatewayCidr);
    return theirs && overlaps(network, theirs) && !subnets.some(({ metadata }) => metadata.uid === subnetUid);
  });

/** A Subnet that holds its network goes before one that does not; otherwise the older one, then the smaller UID. */
function precedes(other: Subnet, subnet: Subnet): boolean {
  if (holdsNetwork(other)) return true;
  const a = other.metadata;
  const b = subnet.metadata;
  if (a.creationTimestamp !== b.creationTimestamp) return a.creationTimestamp < b.creationTimestamp;
  return a.uid < b.uid;
}

function planRemoval({ subnet, hosts, addresses, machines }: SubnetInput): Outcome {
  if (machines.length > 0)
    return waiting('InUse', `in use by ${machines.map((name) => `Machine ${name}`).join(', ')}`);
  if (addresses.length > 0) {
    return waiting(
      'InUse',
      `addresses in use: ${addresses.map(({ spec }) => `${spec.address} (Machine ${spec.machineRef.name})`).join(', ')}`,
    );
  }
  const { uid } = subnet.metadata;
  for (const { name, snapshot } of hosts) {
    if (snapshot === 'unknown') continue;
    if (Object.values(snapshot.ports).some(({ subnetUid }) => subnetUid === uid)) {
      return waiting('InUse', `a tap of a Machine is still on host ${name}`);
    }
  }
  return (
    removeFrom(hosts, uid, {
      action: { name: 'subnet.delete', arguments: {} },
      lock: [uid],
      because: 'the Subnet is being deleted and nothing is on it',
    }) ?? releaseFinalizer('nothing of the Subnet is left on any host')
  );
}
