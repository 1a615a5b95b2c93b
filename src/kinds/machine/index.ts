import { type KindDefinition, existence } from '../../plan/kind.ts';
import { conditionTrue, readyMessage } from '../../resources/conditions.ts';
import type { Disk, IPAddress, Machine, Placement, Subnet } from '../../resources/kinds.ts';
import { keyOf } from '../../resources/metadata.ts';
import { gatherMachine } from './gather.ts';
import type { MachineInput } from './input.ts';
import { planMachine } from './plan.ts';
import { machineStatus } from './status.ts';

/** It waits for an address, or will ask for one soon. */
const lacksAddress = ({ spec: { interfaces = [] }, status }: Machine): boolean =>
  (status?.addresses?.length ?? 0) < interfaces.length;

const claimantOf = ({ metadata, status }: Disk): string[] =>
  status?.claim ? [`${metadata.namespace}/${status.claim.machineName}`] : [];

export const machine: KindDefinition<Machine, MachineInput> = {
  kind: 'Machine',
  plural: 'machines',
  // Another guest may have got one of its disks.
  alsoConcerns: (changedUids, reader) =>
    [...changedUids].flatMap((uid) => {
      const disk = reader.keyOfUid('Disk', uid);
      return disk === undefined ? [] : reader.find('Machine', 'disk', disk).map(keyOf);
    }),
  watches: [
    {
      // Its claimant may not name it any more: a claim can arrive after the spec has changed.
      kind: 'Disk',
      keys: (changed, reader) => [
        ...reader.find('Machine', 'disk', keyOf(changed)).map(keyOf),
        ...claimantOf(changed as Disk),
      ],
    },
    {
      kind: 'Subnet',
      reads: (changed) => {
        const subnet = changed as Subnet;
        const { metadata, spec, status } = subnet;
        const ready = [conditionTrue(subnet, 'Ready'), readyMessage(subnet)];
        return [metadata.deletionTimestamp, spec, status?.gateway, ready];
      },
      keys: (changed, reader) => reader.find('Machine', 'subnet', keyOf(changed)).map(keyOf),
    },
    {
      kind: 'Secret',
      keys: (changed, reader) => reader.find('Machine', 'secret', keyOf(changed)).map(keyOf),
    },
    {
      kind: 'IPAddress',
      reads: ({ metadata, spec }) => [metadata.deletionTimestamp, spec],
      keys: (changed) => [`${changed.metadata.namespace}/${(changed as IPAddress).spec.machineRef.name}`],
    },
    // An address given back may be what another Machine of the Subnet waits for.
    {
      kind: 'IPAddress',
      reads: existence,
      keys: (changed, reader) =>
        reader
          .find(
            'Machine',
            'subnet',
            `${changed.metadata.namespace}/${(changed as IPAddress).spec.subnetRef.name}`,
          )
          .filter(lacksAddress)
          .map(keyOf),
    },
    {
      kind: 'Placement',
      reads: ({ spec }) => spec,
      keys: (changed) => [`${changed.metadata.namespace}/${(changed as Placement).spec.machineRef.name}`],
    },
    // A cordon lifted, a label set: whoever has no host yet looks again.
    {
      kind: 'Host',
      keys: (_changed, reader) =>
        reader
          .list<Machine>('Machine')
          .filter(({ status }) => !status?.hostName)
          .map(keyOf),
    },
  ],
  gather: gatherMachine,
  plan: planMachine,
  status: machineStatus,
};
