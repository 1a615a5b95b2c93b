import type { HostView, KindDefinition } from '../../plan/kind.ts';
import { type Outcome, settled, waiting } from '../../plan/outcome.ts';
import { readyCondition } from '../../plan/ready.ts';
import { FINALIZER, releaseFinalizer } from '../../plan/removal.ts';
import type { HostSnapshot } from '../../plan/snapshot.ts';
import { earlierOrderUnderway } from '../../plan/underway.ts';
import type { IPAddress, Machine } from '../../resources/kinds.ts';
import { deleting, hasFinalizer, keyOf } from '../../resources/metadata.ts';
import { tapName } from '../../values/links.ts';

export interface IPAddressInput {
  address: IPAddress;
  hosts: HostView[];
  /** The holder still exists, is not being deleted and still has the interface. */
  held: boolean;
  /** The Machine that the address was made for, while it exists. */
  machine: Machine | undefined;
}

/** An address is free again only when no host has the tap that used it, and none can make it any more. */
export function planIPAddress({ address, hosts, held, machine }: IPAddressInput): Outcome {
  if (!deleting(address) || !hasFinalizer(address, FINALIZER)) return settled;
  const { machineRef, interface: interfaceName } = address.spec;
  if (held) return waiting('InUse', `held by interface ${interfaceName} of Machine ${machineRef.name}`);
  const tap = tapName(machineRef.uid, interfaceName);
  for (const { name, snapshot } of hosts) {
    if (snapshot === 'unknown') return waiting('HostUnknown', `a complete snapshot of host ${name}`, 5_000);
    if (snapshot.ports[tap])
      return waiting('InUse', `the tap of Machine ${machineRef.name} is still on host ${name}`);
    if (machine?.status?.hostName === name && orderOnItsWay(machine, snapshot))
      return waiting(
        'InUse',
        `host ${name} has not carried out the change of Machine ${machineRef.name} yet`,
      );
  }
  return releaseFinalizer('no tap uses the address any more');
}

/**
 * An order that was planned while the Machine had the interface may make the tap. On a host that has nothing of the
 * Machine, and has never answered for it, it could only be the definition, which makes none.
 */
function orderOnItsWay({ metadata }: Machine, snapshot: HostSnapshot): boolean {
  const { uid } = metadata;
  const untouched = snapshot.results[uid] === undefined && snapshot.domains[uid] === undefined;
  return !untouched && earlierOrderUnderway(metadata, snapshot);
}

export const ipaddress: KindDefinition<IPAddress, IPAddressInput> = {
  kind: 'IPAddress',
  plural: 'ipaddresses',
  alsoConcerns: (changedUids, reader) =>
    [...changedUids]
      .flatMap((uid) => reader.find('IPAddress', 'machineUid', uid))
      .filter(deleting)
      .map(keyOf),
  watches: [
    {
      kind: 'Machine',
      reads: (machine) => {
        const { metadata, status } = machine as Machine;
        return [metadata.generation, metadata.deletionTimestamp, status?.hostName];
      },
      keys: ({ metadata }, reader) => reader.find('IPAddress', 'machineUid', metadata.uid).map(keyOf),
    },
  ],
  gather: (address, reader) => {
    const { machineRef, interface: interfaceName } = address.spec;
    const named = reader.get<Machine>('Machine', address.metadata.namespace, machineRef.name);
    const machine = named?.metadata.uid === machineRef.uid ? named : undefined;
    return {
      address,
      hosts: reader.hosts(),
      machine,
      held:
        machine !== undefined &&
        !deleting(machine) &&
        (machine.spec.interfaces?.some(({ name }) => name === interfaceName) ?? false),
    };
  },
  plan: planIPAddress,
  status: (_input, outcome, failure) => ({
    conditions: [readyCondition(outcome, failure, outcome.type === 'settled')],
    fields: {},
  }),
};
