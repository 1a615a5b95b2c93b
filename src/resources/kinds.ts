import type { Condition } from './conditions.ts';
import type { DiskFields } from './generated/disk.ts';
import type { HostFields } from './generated/host.ts';
import type { ImageFields } from './generated/image.ts';
import type { IPAddressFields } from './generated/ipaddress.ts';
import type { MachineFields } from './generated/machine.ts';
import type { PlacementFields } from './generated/placement.ts';
import type { SubnetFields } from './generated/subnet.ts';
import type { ObjectMeta } from './metadata.ts';

interface Typed<Kind extends string, Fields> {
  apiVersion: string;
  kind: Kind;
  metadata: ObjectMeta;
  spec: Fields extends { spec: infer Spec } ? Spec : never;
  status?: Omit<Fields extends { status?: infer Status } ? NonNullable<Status> : never, 'conditions'> & {
    conditions?: Condition[];
  };
}

export type Machine = Typed<'Machine', MachineFields>;
export type Disk = Typed<'Disk', DiskFields>;
export type Subnet = Typed<'Subnet', SubnetFields>;
export type Image = Typed<'Image', ImageFields>;
export type Host = Typed<'Host', HostFields>;
export type IPAddress = Typed<'IPAddress', IPAddressFields>;
export type Placement = Typed<'Placement', PlacementFields>;

/** core/v1 Secret, as far as user-data needs it: base64 values. */
export interface Secret {
  apiVersion: string;
  kind: 'Secret';
  metadata: ObjectMeta;
  data?: Record<string, string>;
}
