import type { Disk, IPAddress, Machine, Placement } from '../resources/kinds.ts';
import type { Resource } from '../resources/metadata.ts';
import { diskName } from '../values/names.ts';

const inNamespaceOf = ({ metadata: { namespace } }: Resource, name: string): string => `${namespace}/${name}`;

/** What objects of a kind are found by without a look at all of them: names come with their namespace. */
export const lookups = {
  Machine: {
    disk: (machine: Machine): string[] =>
      (machine.spec.disks ?? []).map((entry) =>
        inNamespaceOf(machine, diskName(machine.metadata.name, entry)),
      ),
    subnet: (machine: Machine): string[] =>
      (machine.spec.interfaces ?? []).map(({ subnetRef }) => inNamespaceOf(machine, subnetRef.name)),
    secret: (machine: Machine): string[] => {
      const { secretRef } = machine.spec.userData ?? {};
      return secretRef ? [inNamespaceOf(machine, secretRef.name)] : [];
    },
  },
  Disk: {
    claimantUid: ({ status }: Disk): string[] => (status?.claim ? [status.claim.machineUid] : []),
    image: (disk: Disk): string[] => {
      const { imageRef } = disk.spec.source ?? {};
      return imageRef ? [inNamespaceOf(disk, imageRef.name)] : [];
    },
  },
  IPAddress: {
    machineUid: ({ spec }: IPAddress): string[] => [spec.machineRef.uid],
    subnetUid: ({ spec }: IPAddress): string[] => [spec.subnetRef.uid],
  },
  Placement: {
    hostName: ({ spec }: Placement): string[] => [spec.hostName],
  },
};

type Lookups = typeof lookups;

/** Kinds whose objects can be looked up, and by what. */
export type LookupKind = keyof Lookups;
export type LookupOf<Kind extends LookupKind> = keyof Lookups[Kind] & string;

/** The object of a kind by its name. */
export type Found<Kind extends LookupKind> = {
  Machine: Machine;
  Disk: Disk;
  IPAddress: IPAddress;
  Placement: Placement;
}[Kind];

/** As whoever keeps the objects of a kind uses it. */
export type Lookup = readonly [by: string, valuesOf: (object: Resource) => string[]];

export const lookupsOf = (kind: string): Lookup[] =>
  Object.entries((lookups as Record<string, object>)[kind] ?? {});
