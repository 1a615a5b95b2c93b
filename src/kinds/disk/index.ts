import type { KindDefinition, Reader } from '../../plan/kind.ts';
import { lookups } from '../../plan/lookups.ts';
import type { Disk, Image, Machine } from '../../resources/kinds.ts';
import { keyOf } from '../../resources/metadata.ts';
import { type DiskInput, planDisk } from './plan.ts';
import { diskStatus } from './status.ts';

/** The claiming Machine by UID, not by name: one made later under the same name has no right to the disk. */
function claimantOf(disk: Disk, reader: Reader): DiskInput['claimant'] {
  const claim = disk.status?.claim;
  if (!claim) return undefined;
  const machine = reader.get<Machine>('Machine', disk.metadata.namespace, claim.machineName);
  return machine?.metadata.uid === claim.machineUid ? machine : 'gone';
}

export const disk: KindDefinition<Disk, DiskInput> = {
  kind: 'Disk',
  plural: 'disks',
  // A claim ends when the host has carried out an order of its Machine, which is told under the Machine's UID.
  alsoConcerns: (changedUids, reader) =>
    [...changedUids].flatMap((uid) => reader.find('Disk', 'claimantUid', uid).map(keyOf)),
  watches: [
    {
      kind: 'Image',
      keys: (changed, reader) => reader.find('Disk', 'image', keyOf(changed)).map(keyOf),
    },
    {
      kind: 'Machine',
      reads: ({ metadata: { generation, deletionTimestamp } }) => [generation, deletionTimestamp],
      keys: (changed, reader) => [
        ...lookups.Machine.disk(changed as Machine),
        ...reader.find('Disk', 'claimantUid', changed.metadata.uid).map(keyOf),
      ],
    },
  ],
  gather: (disk, reader) => ({
    disk,
    hosts: reader.hosts(),
    image:
      disk.spec.source?.imageRef &&
      reader.get<Image>('Image', disk.metadata.namespace, disk.spec.source.imageRef.name),
    claimant: claimantOf(disk, reader),
  }),
  plan: planDisk,
  status: diskStatus,
};
