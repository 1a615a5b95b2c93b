import type { KindDefinition, Reader } from '../../plan/kind.ts';
import type { Disk, Image, Machine } from '../../resources/kinds.ts';
import { keyOf } from '../../resources/metadata.ts';
import { diskName } from '../../values/names.ts';
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
  // A domain that lets go of a disk says so under its Machine's UID.
  alsoConcerns: (changedUids, reader) =>
    reader
      .list<Disk>('Disk')
      .filter(({ status }) => status?.claim && changedUids.has(status.claim.machineUid))
      .map(keyOf),
  watches: [
    {
      kind: 'Image',
      keys: (changed, reader) =>
        reader
          .list<Disk>('Disk', changed.metadata.namespace)
          .filter((disk) => disk.spec.source?.imageRef?.name === changed.metadata.name)
          .map((disk) => `${disk.metadata.namespace}/${disk.metadata.name}`),
    },
    {
      kind: 'Machine',
      keys: (changed, reader) => {
        const { namespace, name, uid } = changed.metadata;
        const named = ((changed as Machine).spec.disks ?? []).map((entry) => diskName(name, entry));
        const claimed = reader
          .list<Disk>('Disk', namespace)
          .filter((disk) => disk.status?.claim?.machineUid === uid)
          .map((disk) => disk.metadata.name);
        return [...new Set([...named, ...claimed])].map((each) => `${namespace}/${each}`);
      },
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
