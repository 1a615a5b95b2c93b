/** What a Subnet wants on every host, and in what a host differs from it. */
import type { SegmentArguments } from '../../plan/actions.ts';
import type { SegmentSnapshot } from '../../plan/snapshot.ts';
import type { IPAddress, Subnet } from '../../resources/kinds.ts';
import { parseCidr } from '../../values/ipv4.ts';
import { reservationsHash, segmentHash } from '../../values/links.ts';
import { dnsLabel } from '../../values/names.ts';
import { gatewayOf } from './network.ts';

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

export interface Difference {
  reason: string;
  because: string;
  /** Something that had been there is gone, as opposed to something new that is wanted. */
  drift: boolean;
}

type Compare = (seen: SegmentSnapshot | undefined) => Difference | undefined;

/** Tells the first thing in which a host's segment differs from the wanted one, but for its reservations. */
export function compareShape(wanted: SegmentArguments): Compare {
  const specHash = segmentHash(wanted);
  return (seen) => differenceInShape(wanted, specHash, seen);
}

/** Tells the first thing in which a host's segment differs from the wanted one. */
export function compareSegment(wanted: SegmentArguments): Compare {
  const shapeOf = compareShape(wanted);
  const reservations = reservationsHash(wanted.reservations);
  return (seen) => {
    const missing = shapeOf(seen);
    if (missing || seen?.reservationsHash === reservations) return missing;
    return {
      reason: 'UpdatingReservations',
      because: 'the DHCP reservations differ from the addresses held',
      drift: false,
    };
  };
}

function differenceInShape(
  wanted: SegmentArguments,
  specHash: string,
  seen: SegmentSnapshot | undefined,
): Difference | undefined {
  const prefix = parseCidr(wanted.cidr)?.prefix;
  const drift = (reason: string, because: string): Difference => ({ reason, because, drift: true });
  if (!seen || seen.bridge === 'absent') return drift('BridgeMissing', 'the bridge does not exist');
  if (seen.bridge === 'down') return drift('BridgeDown', 'the bridge is down');
  if (seen.specHash !== specHash) {
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
  return undefined;
}
