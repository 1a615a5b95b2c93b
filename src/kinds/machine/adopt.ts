import { type Check, type Outcome, act } from '../../plan/outcome.ts';
import { FINALIZER } from '../../plan/removal.ts';
import type { Machine } from '../../resources/kinds.ts';
import { API_VERSION, ownerReference } from '../../resources/metadata.ts';
import { placementName } from '../../values/names.ts';
import { addressChild } from './addresses.ts';
import { createChild } from './child.ts';
import { type MachineInput, boundHost, hostWithSeed } from './input.ts';

/**
 * What hosts have of a Machine and the store does not say: it was restored from a backup, or somebody removed the object.
 * It is written down before anything else is decided, so that nothing depends on the host being seen then.
 */
export const adopted: Check<MachineInput>[] = [boundAgain, addressesRecorded];

/** The same for one that is being deleted, which needs no Placement where its status says as much. */
export const adoptedBeforeRemoval: Check<MachineInput>[] = [
  (input) => (input.machine.status?.hostName === undefined ? boundAgain(input) : undefined),
  addressesRecorded,
];

/** Where the Placement was lost: that host has the domain, or may have it yet, by an order that is on its way. */
function boundAgain(input: MachineInput): Outcome | undefined {
  const { machine, placement } = input;
  const former = (boundHost(input) ?? hostWithSeed(input))?.name ?? machine.status?.hostName;
  if (placement || former === undefined) return undefined;
  return bind(machine, former, { because: `the Machine was bound to host ${former} before`, adopts: true });
}

function addressesRecorded({ machine, unrecorded }: MachineInput): Outcome | undefined {
  const [port] = unrecorded;
  if (!port) return undefined;
  const { interfaceName, hostName, subnet, address, macAddress } = port;
  return act(createChild(addressChild(machine, subnet, { interface: interfaceName, address, macAddress })), {
    reason: 'AllocatingAddress',
    because: `interface ${interfaceName} has ${address} on host ${hostName} already`,
    adopts: true,
  });
}

/** Binds the Machine to a host, for life. */
export function bind(
  machine: Machine,
  hostName: string,
  why: { because: string; adopts?: boolean },
): Outcome {
  const { name, namespace, uid } = machine.metadata;
  return act(
    createChild({
      apiVersion: API_VERSION,
      kind: 'Placement',
      metadata: {
        name: placementName(uid),
        namespace,
        finalizers: [FINALIZER],
        ownerReferences: [ownerReference(machine)],
      },
      spec: { machineRef: { name, uid }, hostName },
    }),
    { reason: 'Scheduled', ...why },
  );
}
