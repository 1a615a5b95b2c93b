import type { Image } from '../../../src/resources/kinds.ts';
import type { Sight } from '../ground.ts';
import { conditionOf } from './cluster.ts';
import { differences, unexplained } from './words.ts';

/** What storage may say of an image that is not what its spec says, or cannot be had. */
const troubles = [
  'AddressDenied',
  'BackingFileRefused',
  'ChecksumMismatch',
  'DecompressionFailed',
  'DownloadFailed',
  'FileNotAllowed',
  'FileNotFound',
  'InvalidUrl',
  'NotAnImage',
];

/** Everything in which an Image and what it says of itself do not agree with its spec. */
export function imageFaults(image: Image, { picture }: Sight): string[] {
  const { spec, status, metadata } = image;
  const complete = conditionOf(image)?.reason === 'Ready';
  const cached = picture.images.find(({ imageUid }) => imageUid === metadata.uid);
  const good =
    spec.source.file?.endsWith('/demo.qcow2') === true &&
    spec.format === 'qcow2' &&
    spec.compression === 'None' &&
    !/:0+$/.test(spec.checksum ?? '');
  const obstacles = new Map(
    good || complete ? [] : troubles.map((reason) => [reason, 'the image is not what its spec says']),
  );
  if (metadata.deletionTimestamp) obstacles.set('InUse', 'a Disk stands on it');
  return [
    ...unexplained(image, complete, obstacles),
    ...(complete
      ? differences(
          'the cached image',
          { format: spec.format, virtualSizeBytes: status?.virtualSizeBytes },
          cached && { format: cached.format, virtualSizeBytes: cached.virtualSizeBytes },
        )
      : []),
  ];
}
