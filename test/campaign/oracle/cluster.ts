import type { Condition } from '../../../src/resources/conditions.ts';
import type {
  Disk,
  Host,
  Image,
  IPAddress,
  Machine,
  Placement,
  Secret,
  Subnet,
} from '../../../src/resources/kinds.ts';
import type { Resource } from '../../../src/resources/metadata.ts';

export interface Kinds {
  Machine: Machine;
  Disk: Disk;
  Subnet: Subnet;
  Image: Image;
  Host: Host;
  IPAddress: IPAddress;
  Placement: Placement;
  Secret: Secret;
}

export type Kind = keyof Kinds;

/** All objects of the API at one moment. */
export class Cluster {
  readonly objects: readonly Resource[];

  constructor(objects: readonly Resource[]) {
    this.objects = objects;
  }

  all<Name extends Kind>(kind: Name): Kinds[Name][] {
    return this.objects.filter((object) => object.kind === kind) as unknown as Kinds[Name][];
  }

  find<Name extends Kind>(kind: Name, name: string): Kinds[Name] | undefined {
    return this.all(kind).find(({ metadata }) => metadata.name === name);
  }

  byUid(uid: string): Resource | undefined {
    return this.objects.find(({ metadata }) => metadata.uid === uid);
  }
}

/** Machines that have a Host. */
export function boundMachines(cluster: Cluster): Machine[] {
  const bound = new Set(cluster.all('Placement').map(({ spec }) => spec.machineRef.uid));
  return cluster.all('Machine').filter(({ metadata }) => bound.has(metadata.uid));
}

export const conditionOf = (object: object, type = 'Ready'): Condition | undefined =>
  (object as { status?: { conditions?: Condition[] } }).status?.conditions?.find(
    (each) => each.type === type,
  );

export const nameOf = ({ kind, metadata }: Resource): string => `${kind} ${metadata.name}`;
