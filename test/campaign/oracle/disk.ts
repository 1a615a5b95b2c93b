import type { Disk } from '../../../src/resources/kinds.ts';
import { diskName } from '../../../src/values/names.ts';
import { bytesOf } from '../generator/quantities.ts';
import type { Sight } from '../ground.ts';
import { conditionOf } from './cluster.ts';
import { differences, type Obstacles, unexplained } from './words.ts';

const SECTOR = 512;

/** Everything in which a Disk and what it says of itself do not agree with its spec. */
export function diskFaults(disk: Disk, sight: Sight): string[] {
  const complete = conditionOf(disk)?.reason === 'Ready';
  const file = sight.picture.disks.find(({ diskUid }) => diskUid === disk.metadata.uid);
  const { imageRef } = disk.spec.source ?? {};
  const digest = imageRef && sight.cluster.find('Image', imageRef.name)?.status?.digest;
  return [
    ...unexplained(disk, complete, diskObstacles(disk, sight)),
    ...claimFaults(disk, sight),
    ...differences('status.capacity', file?.sizeBytes, disk.status?.capacity),
    ...(complete
      ? differences(
          'the file',
          {
            sizeBytes: wantedBytes(disk),
            format: disk.spec.format,
            backing: digest,
            retained: false,
          },
          { ...file, diskUid: undefined },
        )
      : []),
  ];
}

/** A claim is of a Machine that names the disk, or whose guest has it still. */
function claimFaults({ metadata, status }: Disk, { cluster, picture }: Sight): string[] {
  const { claim } = status ?? {};
  if (!claim) return [];
  const machine = cluster.all('Machine').find(({ metadata: { uid } }) => uid === claim.machineUid);
  const isNamed = (machine?.spec.disks ?? []).some(
    (entry) => diskName(claim.machineName, entry) === metadata.name,
  );
  const isOpen = picture.domains.some(({ config, live }) =>
    [config, live].some((hardware) => hardware?.disks.some(({ diskUid }) => diskUid === metadata.uid)),
  );
  return isNamed || isOpen ? [] : [`it is claimed by Machine ${claim.machineName}, which does not use it`];
}

const wantedBytes = ({ spec }: Disk): number => Math.ceil((bytesOf(spec.size) ?? 0) / SECTOR) * SECTOR;

function diskObstacles(disk: Disk, { cluster, picture }: Sight): Obstacles {
  const { spec, status, metadata } = disk;
  const found = new Map<string, string>();
  if (metadata.deletionTimestamp) found.set('InUse', 'a Machine has it');
  // Of qcow2, which holds no more than was written, a file is never that large.
  if (spec.format === 'raw' && wantedBytes(disk) > picture.facts.largestFileBytes)
    found.set('TooLarge', 'its file system takes no file of that size');
  const file = picture.disks.find(({ diskUid }) => diskUid === metadata.uid);
  if (file) {
    if (file.sizeBytes > wantedBytes(disk)) found.set('ShrinkUnsupported', 'the file is larger');
    return found;
  }
  if (status?.hostName === undefined && spec.bindingMode === 'WaitForFirstConsumer') {
    found.set('WaitingForFirstConsumer', 'no Machine with a Host uses it');
    return found;
  }
  const { imageRef } = spec.source ?? {};
  if (!imageRef) return found;
  const image = cluster.find('Image', imageRef.name);
  const cached = image && picture.images.find(({ imageUid }) => imageUid === image.metadata.uid);
  if (!image) found.set('ImageMissing', `there is no Image ${imageRef.name}`);
  else if (!cached) found.set('ImageNotReady', `Image ${imageRef.name} is not on the host`);
  else if (wantedBytes(disk) < cached.virtualSizeBytes) found.set('SmallerThanImage', 'the image is larger');
  return found;
}
