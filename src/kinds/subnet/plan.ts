import type { HostView } from '../../plan/kind.ts';
import { knownHosts } from '../../plan/known-hosts.ts';
import { type HostStep, type Outcome, act, settled, waiting } from '../../plan/outcome.ts';
import { claimFinalizer, releaseFinalizer, removeFrom } from '../../plan/removal.ts';
import type { IPAddress, Subnet } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { carries, findConflict, goesAfterAnother, takenByBridge } from './conflict.ts';
import { holdsNetwork, wasRealised } from './network.ts';
import { compareSegment, segmentOf } from './segment.ts';

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

/** A host where the network is another's waits, and keeps no other host waiting. */
function planSegments(input: SubnetInput): Outcome | undefined {
  const { subnet, hosts, addresses } = input;
  const wanted = segmentOf(subnet, addresses);
  const compare = compareSegment(wanted);
  const { uid } = subnet.metadata;
  let held: Outcome | undefined;
  for (const host of knownHosts(hosts, uid)) {
    const missing = compare(host.snapshot.segments[uid]);
    if (!missing) continue;
    const isThere = carries(host.snapshot, uid);
    const taken = isThere ? undefined : (takenByBridge(input, host) ?? goesAfterAnother(input));
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
