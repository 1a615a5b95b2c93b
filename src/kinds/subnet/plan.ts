import type { SegmentArguments } from '../../plan/actions.ts';
import type { HostView } from '../../plan/kind.ts';
import { knownHosts } from '../../plan/known-hosts.ts';
import { type HostStep, type Outcome, act, settled, waiting } from '../../plan/outcome.ts';
import { claimFinalizer, releaseFinalizer, removeFrom } from '../../plan/removal.ts';
import type { SegmentSnapshot } from '../../plan/snapshot.ts';
import type { IPAddress, Subnet } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { parseCidr } from '../../values/ipv4.ts';
import { dnsLabel } from '../../values/names.ts';
import { reservationsHash, segmentHash } from '../../values/links.ts';
import { findConflict, takenByBridge } from './conflict.ts';
import { gatewayOf, holdsNetwork, wasRealised } from './network.ts';

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
  const adopted = holdAgain(input);
  if (adopted) return adopted;
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

  return planSegments(input) ?? settled;
}

/** A host where another bridge has the network waits, and keeps no other host waiting. */
function planSegments(input: SubnetInput): Outcome | undefined {
  const { subnet, hosts, addresses } = input;
  const wanted = segmentOf(subnet, addresses);
  const { uid } = subnet.metadata;
  let held: Outcome | undefined;
  for (const host of knownHosts(hosts, uid)) {
    const missing = difference(wanted, host.snapshot.segments[uid]);
    if (!missing) continue;
    const taken = takenByBridge(input, host);
    if (taken) {
      held ??= taken;
      continue;
    }
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
  return held;
}

/** A host has the network already, although the store does not say so: the store was restored from a backup. */
function holdAgain({ subnet, hosts }: SubnetInput): Outcome | undefined {
  if (holdsNetwork(subnet)) return undefined;
  const { uid } = subnet.metadata;
  const host = knownHosts(hosts, uid).find(({ snapshot }) => snapshot.segments[uid] !== undefined);
  return (
    host &&
    act(
      { on: 'api', action: { name: 'api.holdNetwork' } },
      { reason: 'HoldingNetwork', because: `host ${host.name} has the network already`, adopts: true },
    )
  );
}

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
