import type { KnownHost } from '../../plan/known-hosts.ts';
import { type Outcome, blocked, firstOf, settled, waiting } from '../../plan/outcome.ts';
import { awaitsDisks } from '../../plan/redirected.ts';
import { claimFinalizer, releaseFinalizer, removeFrom } from '../../plan/removal.ts';
import type { DomainSnapshot } from '../../plan/snapshot.ts';
import type { Machine } from '../../resources/kinds.ts';
import { readyReason } from '../../resources/conditions.ts';
import { deleting } from '../../resources/metadata.ts';
import { awaitingRestart, changeableLive, editedByHand } from './changes.ts';
import { adoptedBeforeRemoval } from './adopt.ts';
import { abandonedAddressesReleased, waitsForAddress } from './addresses.ts';
import { linkSetDown, planConnections, planSparePorts } from './connections.ts';
import { definitionOf, interfacesOf } from './definition.ts';
import { MachineOnHost } from './on-host.ts';
import { type MachineInput, RESTART_ANNOTATION, boundHost } from './input.ts';
import { beforeDefinition } from './prepare.ts';

/** Bound, provided with disks and addresses, defined, and in the power state that `runStrategy` asks for. */
export function planMachine(input: MachineInput): Outcome {
  const { machine } = input;
  if (deleting(machine)) return firstOf(adoptedBeforeRemoval, input) ?? planRemoval(input);
  const finalizer = claimFinalizer(machine);
  if (finalizer) return finalizer;

  const gone = hostIsGone(input);
  if (gone) return gone;

  const known = knownHost(input);
  const domain = known?.snapshot.domains[machine.metadata.uid];
  const pending = firstOf(beforeDefinition, input);
  if (pending) return keepHalted(input, known, domain) ?? pending;
  if (!known)
    return waiting('HostUnknown', `a complete snapshot of host ${input.placement?.spec.hostName}`, 5_000);

  const host = new MachineOnHost(input, known);
  const { userData } = input;
  // A guest that has been defined does not need its user data again.
  if ('problem' in userData && !domain?.definitionHash) return waiting('UserDataMissing', userData.problem);
  if (!domain?.persistent) return planDefinition(input, host, domain);
  const outcome = planRedefinition(input, host, domain) ?? planPower(input, host, domain);
  return outcome.type === 'settled' ? (stillWanting(input) ?? settled) : outcome;
}

function hostIsGone(input: MachineInput): Outcome | undefined {
  if (!input.placement || boundHost(input)) return undefined;
  return blocked(
    'HostGone',
    `host ${input.placement.spec.hostName}, to which the Machine is bound, has no Host any more: start its agent again, or delete the Machine`,
  );
}

/** What the spec asks for and the guest, which is as it can be now, does not have. */
function stillWanting(input: MachineInput): Outcome | undefined {
  const address = waitsForAddress(input);
  if (address || !('problem' in input.userData)) return address;
  return waiting(
    'UserDataMissing',
    `${input.userData.problem}; until then the guest stays as it was defined`,
  );
}

function knownHost(input: MachineInput): KnownHost | undefined {
  const host = boundHost(input);
  return host && host.snapshot !== 'unknown' ? (host as KnownHost) : undefined;
}

/** A stop that was asked for does not wait for anything that a start would need. */
function keepHalted(
  input: MachineInput,
  known: KnownHost | undefined,
  domain: DomainSnapshot | undefined,
): Outcome | undefined {
  if (input.machine.spec.runStrategy !== 'Halted' || !known || !domain || domain.power === 'shutoff')
    return undefined;
  return shutDown(input, new MachineOnHost(input, known), domain, 'runStrategy is Halted');
}

/** Definition and seed, which are not there or not there any more. */
function planDefinition(
  input: MachineInput,
  host: MachineOnHost,
  domain: DomainSnapshot | undefined,
): Outcome {
  const drift = domain !== undefined || wasDefined(input.machine);
  const held = domain && whileDisksAreAway(input, host, domain);
  if (held) return held;
  return host.step(
    { name: 'machine.define', arguments: definitionOf(input) },
    drift
      ? {
          reason: 'DomainMissing',
          because: `the domain is not defined on host ${host.name} any more`,
          drift,
        }
      : { reason: 'Defining', because: `host ${host.name} does not have the domain` },
  );
}

/** Definition and seed as the spec says now. */
function planRedefinition(
  input: MachineInput,
  host: MachineOnHost,
  domain: DomainSnapshot,
): Outcome | undefined {
  if ('problem' in input.userData) return undefined;
  const wanted = definitionOf(input);
  const asDefined = domain.definitionHash === wanted.definitionHash;
  const edited = asDefined ? editedByHand(domain, wanted) : [];
  if (asDefined && edited.length === 0) return undefined;
  const held = whileDisksAreAway(input, host, domain);
  if (held) return held;
  const name = domain.power === 'shutoff' ? 'machine.define' : 'machine.reconfigure';
  return host.step(
    { name, arguments: wanted },
    asDefined
      ? {
          reason: 'DefinitionEdited',
          because: `the domain's definition was edited by hand and does not have ${edited.join(', ')} as it should`,
          drift: true,
        }
      : { reason: 'Reconfiguring', because: 'the domain is not defined as the spec says' },
  );
}

/** What goes on although the definition has to stay as it is, since it would bring back old files of disks. */
function whileDisksAreAway(
  input: MachineInput,
  host: MachineOnHost,
  domain: DomainSnapshot,
): Outcome | undefined {
  const held = awaitsDisks(domain);
  if (!held || domain.power === 'shutoff') return held;
  if (input.machine.spec.runStrategy === 'Halted')
    return shutDown(input, host, domain, 'runStrategy is Halted');
  return planRun(input, host, domain) ?? planConnections(input, host) ?? held;
}

/** Phases that are only reached with a defined domain. */
const wasDefined = ({ status }: Machine): boolean =>
  ['Starting', 'Running', 'Stopping', 'Stopped'].includes(status?.phase ?? '');

/** The power state, connections and restarts of a defined domain. */
function planPower(input: MachineInput, host: MachineOnHost, domain: DomainSnapshot): Outcome {
  const { runStrategy } = input.machine.spec;
  const spare = planSparePorts(input, host, domain) ?? abandonedAddressesReleased(input, host.snapshot);
  if (spare) return spare;
  if (runStrategy === 'Halted') {
    return domain.power === 'shutoff' ? settled : shutDown(input, host, domain, 'runStrategy is Halted');
  }
  // A guest that is off gets all its interfaces before it starts.
  if (domain.power === 'shutoff') return waitsForAddress(input) ?? planStart(input, host, domain);
  const restart = planRestart(input, host, domain);
  if (restart) return restart;
  const due = planRun(input, host, domain) ?? planLiveChanges(input, host, domain);
  if (due) return due;
  const waitsForRestart = restartWaits(input, domain);
  const broken = planConnections(input, host, waitsForRestart ? 'but unplugged' : 'all');
  return broken ?? waitsForRestart ?? linkSetDown(input, domain) ?? settled;
}

/** A guest that is to run on: neither paused nor asked to shut down. */
function planRun(input: MachineInput, host: MachineOnHost, domain: DomainSnapshot): Outcome | undefined {
  const { runStrategy } = input.machine.spec;
  if (domain.power === 'paused' && runStrategy !== 'Manual') {
    return start(input, host, {
      reason: 'GuestPaused',
      because: `the guest was found paused; runStrategy is ${runStrategy}`,
      drift: true,
    });
  }
  if (domain.shutdown !== undefined && runStrategy !== 'Manual') {
    return host.step(
      { name: 'machine.withdrawShutdown', arguments: {} },
      { reason: 'ShutdownWithdrawn', because: `the guest shall run on; runStrategy is ${runStrategy}` },
    );
  }
  return undefined;
}

/** What an earlier attempt to change the running guest did not get to. */
function planLiveChanges(
  input: MachineInput,
  host: MachineOnHost,
  domain: DomainSnapshot,
): Outcome | undefined {
  if ('problem' in input.userData) return undefined;
  const wanted = definitionOf(input);
  const fields = changeableLive(domain, wanted);
  if (fields.length === 0) return undefined;
  const held = whileDisksAreAway(input, host, domain);
  if (held) return held;
  return host.step(
    { name: 'machine.reconfigure', arguments: wanted },
    { reason: 'Reconfiguring', because: `the running guest does not have ${fields.join(', ')} as it should` },
  );
}

const start = (
  input: MachineInput,
  host: MachineOnHost,
  why: { reason: string; because: string; drift?: boolean },
): Outcome => host.step({ name: 'machine.start', arguments: { interfaces: interfacesOf(input) } }, why);

function planStart(input: MachineInput, host: MachineOnHost, domain: DomainSnapshot): Outcome {
  const { machine } = input;
  const { runStrategy } = machine.spec;
  if (runStrategy === 'Manual') return settled;
  // The request went with the run that it was made to; that it had been made shows in the phase.
  const restarting = ['Stopping', 'Starting'].includes(machine.status?.phase ?? '');
  if (runStrategy === 'RerunOnFailure' && domain.stopCause === 'guest' && !restarting) return settled;
  const wasRunning = machine.status?.phase === 'Running' || readyReason(machine) === 'GuestStopped';
  return start(
    input,
    host,
    wasRunning
      ? {
          reason: 'GuestStopped',
          because: `the guest was found shut off (${domain.stopCause ?? 'unknown'}); runStrategy is ${runStrategy}`,
          drift: true,
        }
      : { reason: 'Starting', because: `runStrategy is ${runStrategy}` },
  );
}

/** The annotation has a value that the present run does not satisfy. */
function restartAsked({ machine }: MachineInput, { restartToken }: DomainSnapshot): string | undefined {
  const asked = machine.metadata.annotations?.[RESTART_ANNOTATION] ?? '';
  return asked !== '' && restartToken !== undefined && restartToken !== asked ? asked : undefined;
}

/** A running guest that must be restarted: that was asked for, or the policy says so. */
function planRestart(input: MachineInput, host: MachineOnHost, domain: DomainSnapshot): Outcome | undefined {
  if ('problem' in input.userData) return undefined;
  const asked = restartAsked(input, domain);
  if (asked !== undefined)
    return shutDown(input, host, domain, `annotation ${RESTART_ANNOTATION} is ${JSON.stringify(asked)}`);
  if (input.machine.spec.updatePolicy !== 'Restart') return undefined;
  const fields = awaitingRestart(domain, definitionOf(input));
  if (fields.length === 0) return undefined;
  return shutDown(input, host, domain, `updatePolicy is Restart and ${fields.join(', ')} changed`);
}

/** Until then the guest goes on as it is, and what is mended without a restart is mended. */
function restartWaits(input: MachineInput, domain: DomainSnapshot): Outcome | undefined {
  if (!('problem' in input.userData) || restartAsked(input, domain) === undefined) return undefined;
  return waiting('UserDataMissing', `${input.userData.problem}; until then the guest is not restarted`);
}

/** Asks the guest first; powers it off when its grace period is over. */
function shutDown(
  { machine }: MachineInput,
  host: MachineOnHost,
  domain: DomainSnapshot,
  because: string,
): Outcome {
  const graceMs = machine.spec.terminationGracePeriodSeconds * 1000;
  if (graceMs > 0 && domain.power === 'running') {
    if (domain.shutdown?.graceMs !== graceMs) {
      return host.step(
        { name: 'machine.requestShutdown', arguments: { graceMs } },
        { reason: 'ShuttingDown', because },
      );
    }
    if (!domain.shutdown.overdue) return waiting('ShuttingDown', `the guest is shutting down: ${because}`);
  }
  return host.step(
    { name: 'machine.powerOff', arguments: {} },
    { reason: 'PoweringOff', because: `${whyNotGently(domain, graceMs)}${because}` },
  );
}

function whyNotGently(domain: DomainSnapshot, graceMs: number): string {
  if (graceMs === 0) return '';
  return domain.power === 'paused'
    ? 'a paused guest cannot shut itself down; '
    : 'the guest did not shut down in time; ';
}

function planRemoval(input: MachineInput): Outcome {
  const { machine, placement, hosts } = input;
  const { uid } = machine.metadata;
  const hostNames = new Set(
    [placement?.spec.hostName, machine.status?.hostName].filter((name) => name !== undefined),
  );
  const affected = hosts.filter(
    ({ name, snapshot }) =>
      hostNames.has(name) ||
      (snapshot !== 'unknown' && (snapshot.domains[uid] ?? snapshot.seeds[uid]) !== undefined),
  );
  for (const host of affected) {
    const domain = host.snapshot === 'unknown' ? undefined : host.snapshot.domains[uid];
    if (!domain || domain.power === 'shutoff') continue;
    return shutDown(
      input,
      new MachineOnHost(input, host as KnownHost),
      domain,
      'the Machine is being deleted',
    );
  }
  // On a host that has no Host any more nothing is left either.
  return (
    removeFrom(affected, uid, {
      action: {
        name: 'machine.delete',
        arguments: { interfaceNames: (machine.spec.interfaces ?? []).map(({ name }) => name) },
      },
      lock: [uid],
      because: 'the Machine is being deleted and its guest is shut off',
    }) ?? releaseFinalizer('nothing of the Machine is left on any host')
  );
}
