import type { Failure, WantedStatus } from '../../plan/kind.ts';
import type { Outcome } from '../../plan/outcome.ts';
import { readyCondition } from '../../plan/ready.ts';
import { deleting } from '../../resources/metadata.ts';
import { usableAddresses } from '../../values/ipv4.ts';
import { carries, takenByBridge } from './conflict.ts';
import { gatewayOf, networkOf, wasRealised } from './network.ts';
import type { SubnetInput } from './plan.ts';
import { compareShape, segmentOf } from './segment.ts';

export function subnetStatus(
  input: SubnetInput,
  outcome: Outcome,
  failure: Failure | undefined,
): WantedStatus {
  const { subnet, addresses } = input;
  const network = networkOf(subnet);
  const serving = !deleting(subnet) && realised(input);
  return {
    conditions: [readyCondition(outcome, failure, serving)],
    fields: {
      phase: phase(input, outcome, failure, serving),
      realised: serving || wasRealised(subnet) ? true : undefined,
      gateway: network && gatewayOf(subnet),
      addressesUsed: addresses.length,
      addressesTotal: network && usableAddresses(network),
    },
  };
}

/**
 * Bridge, rules and DHCP are in place on every host that can be seen, but for those where another bridge has the
 * network, which is no reason to stop serving the others; a reservation may still be on its way.
 */
function realised(input: SubnetInput): boolean {
  const { subnet, addresses, hosts } = input;
  const { uid } = subnet.metadata;
  const compare = compareShape(segmentOf(subnet, addresses));
  const served = hosts.flatMap(({ name, snapshot }) => {
    if (snapshot === 'unknown') return [];
    return carries(snapshot, uid) || !takenByBridge(input, { name, snapshot }) ? [snapshot] : [];
  });
  return served.length > 0 && served.every(({ segments }) => compare(segments[uid]) === undefined);
}

function phase(
  { subnet }: SubnetInput,
  outcome: Outcome,
  failure: Failure | undefined,
  serving: boolean,
): string {
  if (deleting(subnet)) return 'Terminating';
  if (serving) return 'Ready';
  if (failure || outcome.type === 'blocked') return 'Failed';
  return outcome.type === 'act' && outcome.step.on === 'host' ? 'Provisioning' : 'Pending';
}
