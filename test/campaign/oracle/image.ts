import type { Image } from '../../../src/resources/kinds.ts';
import type { Sight } from '../ground.ts';
import { type Cluster, conditionOf } from './cluster.ts';
import type { SeenImage } from './picture.ts';
import type { Content, SourceFile, Sources } from './sources.ts';
import { differences, unexplained } from './words.ts';

/** Everything in which an Image and what it says of itself do not agree with its spec and its source. */
export function imageFaults(image: Image, { picture, cluster, sources }: Sight): string[] {
  const { spec, metadata } = image;
  const complete = conditionOf(image)?.reason === 'Ready';
  const cached = picture.images.find(({ imageUid }) => imageUid === metadata.uid);
  const refusal = refusalOf(spec, sources);
  const obstacles = new Map(refusal ? [refusal] : []);
  if (metadata.deletionTimestamp) obstacles.set('InUse', 'a Disk stands on it');
  return [
    ...unexplained(image, complete, obstacles),
    ...(refusal && cached ? [`it is cached, although ${refusal[1]}`] : []),
    ...(complete ? contentFaults(spec, sources, cached) : []),
    ...(complete ? statusFaults(image, sources, cluster) : []),
  ];
}

const sourceOf = ({ source }: Image['spec'], { files }: Sources): SourceFile | undefined =>
  files.get(source.file ?? '');

const contentFaults = (spec: Image['spec'], sources: Sources, cached: SeenImage | undefined): string[] =>
  differences(
    'the cached image',
    { format: spec.format, virtualSizeBytes: sourceOf(spec, sources)?.virtualSizeBytes },
    cached && { format: cached.format, virtualSizeBytes: cached.virtualSizeBytes },
  );

/** An uncompressed file is its own content. */
function statusFaults({ spec, status }: Image, sources: Sources, cluster: Cluster): string[] {
  const source = sourceOf(spec, sources);
  const { digest, virtualSizeBytes, hosts } = status ?? {};
  return differences(
    'status',
    {
      digest: source?.checksums[0],
      virtualSizeBytes: source?.virtualSizeBytes,
      hosts: cluster.all('Host').map(({ metadata }) => metadata.name),
    },
    { digest, virtualSizeBytes, hosts },
  );
}

type Refusal = readonly [reason: string, why: string];

/**
 * Why a spec never leads to a cached image: the first thing that is wrong on the way from the source to the disk. What
 * the content is counts only when it is the content that the spec asks for.
 */
function refusalOf(
  { source: { url, file = '' }, checksum, format, compression }: Image['spec'],
  { files, importDir, ofUrls, outside, unpacks }: Sources,
): Refusal | undefined {
  if (url !== undefined) return [ofUrls, 'nothing can be had from its address'];
  const found = files.get(file);
  if (!found)
    return file.startsWith(`${importDir}/`)
      ? ['FileNotFound', 'there is no such file']
      : [outside, 'its file is none of those that may be imported'];
  if (compression !== 'None' && unpacks === 'for real')
    return ['DecompressionFailed', `its file is not ${compression}`];
  if (checksum !== undefined && !found.checksums.includes(checksum))
    return ['ChecksumMismatch', 'its file has another checksum'];
  const reason = refusedAs[format ?? 'qcow2'][found.content];
  return reason === undefined ? undefined : [reason, `its file is ${found.content}, its format ${format}`];
}

/** A file with the header of a disk is never taken for raw: whoever probes it would believe the header. */
const refusedAs: Readonly<
  Record<NonNullable<Image['spec']['format']>, Readonly<Record<Content, string | undefined>>>
> = {
  qcow2: { qcow2: undefined, 'qcow2 on a backing file': 'BackingFileRefused', text: 'NotAnImage' },
  raw: { qcow2: 'NotAnImage', 'qcow2 on a backing file': 'NotAnImage', text: undefined },
};
