import type { Failure, WantedStatus } from '../../plan/kind.ts';
import type { Outcome } from '../../plan/outcome.ts';
import { readyCondition } from '../../plan/ready.ts';
import type { DomainSnapshot, HostSnapshot } from '../../plan/snapshot.ts';
import { type WantedCondition, conditionTrue } from '../../resources/conditions.ts';
import { deleting } from '../../resources/metadata.ts';
import { tapName } from '../../values/links.ts';
import { awaitingRestart, isUnplugged } from './changes.ts';
import { isConnected } from './connections.ts';
import { definitionOf } from './definition.ts';
import { type MachineInput, boundHost } from './input.ts';

export function machineStatus(
  input: MachineInput,
  outcome: Outcome,
  failure: Failure | undefined,
): WantedStatus {
  const { machine, placement, disks, interfaces } = input;
  const host = boundHost(input);
  const snapshot = host && host.snapshot !== 'unknown' ? host.snapshot : undefined;
  const domain = snapshot?.domains[machine.metadata.uid];
  const running = domain !== undefined && runs(domain, outcome) && !isCutOff(input, domain, snapshot?.ports);
  const restart = restartFields(input, domain);
  return {
    conditions: [
      ready(input, outcome, failure, { domain, running }),
      scheduled(input, outcome),
      allOf('DisksReady', 'DisksNotReady', disks, ({ diskName, disk }) =>
        disk && conditionTrue(disk, 'Ready') ? undefined : `Disk ${diskName}`,
      ),
      allOf('NetworkReady', 'SubnetsNotReady', interfaces, ({ entry, subnet, held }) =>
        held && subnet && conditionTrue(subnet, 'Ready') ? undefined : `interface ${entry.name}`,
      ),
      ...(restart.length > 0
        ? [
            {
              type: 'RestartRequired',
              status: 'True',
              reason: 'FieldsChanged',
              message: `${restart.join(', ')} take effect at the next start; set the annotation purlin.dev/restart to a new value, or spec.updatePolicy to Restart`,
            } as const,
          ]
        : []),
    ],
    fields: {
      phase: phase(input, outcome, failure, domain),
      // Also where its Placement was lost and the API refuses another: that host may run the guest, and must be asked
      // before another one is.
      hostName: placement?.spec.hostName ?? host?.name ?? machine.status?.hostName,
      addresses: interfaces.flatMap(({ entry, held }) =>
        held ? [{ interface: entry.name, address: held.spec.address, macAddress: held.spec.macAddress }] : [],
      ),
      restartRequired: restart.length > 0 ? restart : undefined,
    },
  };
}

function ready(
  { machine }: MachineInput,
  outcome: Outcome,
  failure: Failure | undefined,
  { domain, running }: { domain: DomainSnapshot | undefined; running: boolean },
): WantedCondition {
  if (outcome.type === 'settled' && domain?.power === 'shutoff') {
    return {
      type: 'Ready',
      status: 'False',
      reason: 'Stopped',
      message: `the guest is shut off; runStrategy is ${machine.spec.runStrategy}`,
    };
  }
  return readyCondition(outcome, failure, running && !deleting(machine));
}

/** Of what the guest sends on one of its interfaces nothing arrives. */
function isCutOff(input: MachineInput, { live }: DomainSnapshot, ports: HostSnapshot['ports'] = {}): boolean {
  // A card that the guest is to give up may have lost its tap already.
  const wanted = new Set(
    input.interfaces.map(({ entry }) => tapName(input.machine.metadata.uid, entry.name)),
  );
  return (live?.interfaces ?? []).some(
    (card) =>
      card.link === 'down' || isUnplugged(card) || (wanted.has(card.tap) && !isConnected(ports[card.tap])),
  );
}

const runs = (domain: DomainSnapshot, outcome: Outcome): boolean =>
  domain.power === 'running' && !stopping(domain, outcome);

/** Asked to shut down, and still meant to: a guest that did not obey before the wish was taken back goes on. */
const stopping = (domain: DomainSnapshot, outcome: Outcome): boolean =>
  domain.shutdown !== undefined && outcome.type !== 'settled' && !withdrawing(outcome);

const withdrawing = (outcome: Outcome): boolean =>
  outcome.type === 'act' &&
  outcome.step.on === 'host' &&
  outcome.step.action.name === 'machine.withdrawShutdown';

function scheduled({ placement }: MachineInput, outcome: Outcome): WantedCondition {
  if (placement) {
    return {
      type: 'Scheduled',
      status: 'True',
      reason: 'Bound',
      message: `bound to host ${placement.spec.hostName}`,
    };
  }
  const message = outcome.type === 'waiting' ? outcome.on : 'no host is chosen yet';
  return {
    type: 'Scheduled',
    status: 'False',
    reason: outcome.type === 'waiting' ? outcome.reason : 'Pending',
    message,
  };
}

/** A condition over a list: true when nothing of it is missing. */
function allOf<Item>(
  type: string,
  reason: string,
  items: readonly Item[],
  missing: (item: Item) => string | undefined,
): WantedCondition {
  const names = items.flatMap((item) => missing(item) ?? []);
  return names.length === 0
    ? { type, status: 'True', reason: 'Ready', message: 'all are ready' }
    : { type, status: 'False', reason, message: `not ready: ${names.join(', ')}` };
}

function restartFields(input: MachineInput, domain: DomainSnapshot | undefined): string[] {
  if (!domain || domain.power === 'shutoff' || 'problem' in input.userData) return [];
  const wanted = definitionOf(input);
  // Before the definition is applied it is not known what libvirt takes live.
  return domain.definitionHash === wanted.definitionHash ? awaitingRestart(domain, wanted) : [];
}

function phase(
  { machine, placement }: MachineInput,
  outcome: Outcome,
  failure: Failure | undefined,
  domain: DomainSnapshot | undefined,
): string {
  if (deleting(machine)) return 'Terminating';
  if (domain && domain.power !== 'shutoff') return stopping(domain, outcome) ? 'Stopping' : 'Running';
  if ((failure && !failure.retryable) || outcome.type === 'blocked') return 'Failed';
  if (outcome.type === 'act' && outcome.step.on === 'host') {
    return outcome.step.action.name === 'machine.start' || outcome.drift ? 'Starting' : 'Provisioning';
  }
  if (domain) return 'Stopped';
  return placement ? 'Provisioning' : 'Pending';
}
