import type { KindDefinition, Reader } from '../../plan/kind.ts';
import type { IPAddress, Machine, Placement } from '../../resources/kinds.ts';
import { keyOf } from '../../resources/metadata.ts';
import { diskName } from '../../values/names.ts';
import { gatherMachine } from './gather.ts';
import type { MachineInput } from './input.ts';
import { planMachine } from './plan.ts';
import { machineStatus } from './status.ts';

const machinesWhere = (
  reader: Reader,
  namespace: string | undefined,
  matches: (machine: Machine) => boolean,
): string[] => reader.list<Machine>('Machine', namespace).filter(matches).map(keyOf);

const namesDisk = (machine: Machine, name: string): boolean =>
  (machine.spec.disks ?? []).some((entry) => diskName(machine.metadata.name, entry) === name);

const namesSubnet = (machine: Machine, name: string): boolean =>
  (machine.spec.interfaces ?? []).some(({ subnetRef }) => subnetRef.name === name);

const lacksAddress = ({ spec: { interfaces = [] }, status }: Machine): boolean =>
  (status?.addresses?.length ?? 0) < interfaces.length;

export const machine: KindDefinition<Machine, MachineInput> = {
  kind: 'Machine',
  plural: 'machines',
  watches: [
    {
      kind: 'Disk',
      keys: ({ metadata }, reader) =>
        machinesWhere(reader, metadata.namespace, (each) => namesDisk(each, metadata.name)),
    },
    {
      kind: 'Subnet',
      keys: ({ metadata }, reader) =>
        machinesWhere(reader, metadata.namespace, (each) => namesSubnet(each, metadata.name)),
    },
    {
      kind: 'Secret',
      keys: ({ metadata }, reader) =>
        machinesWhere(
          reader,
          metadata.namespace,
          ({ spec }) => spec.userData?.secretRef?.name === metadata.name,
        ),
    },
    {
      kind: 'IPAddress',
      keys: (changed, reader) => {
        const { spec, metadata } = changed as IPAddress;
        // An address given back may be what another Machine of the Subnet waits for.
        return [
          `${metadata.namespace}/${spec.machineRef.name}`,
          ...machinesWhere(
            reader,
            metadata.namespace,
            (each) => namesSubnet(each, spec.subnetRef.name) && lacksAddress(each),
          ),
        ];
      },
    },
    {
      kind: 'Placement',
      keys: (changed) => [`${changed.metadata.namespace}/${(changed as Placement).spec.machineRef.name}`],
    },
    // A cordon lifted, a label set: whoever has no host yet looks again.
    {
      kind: 'Host',
      keys: (_changed, reader) => machinesWhere(reader, undefined, ({ status }) => !status?.hostName),
    },
  ],
  gather: gatherMachine,
  plan: planMachine,
  status: machineStatus,
};
