/**
 * A reader of qcow2 headers, after QEMU's docs/interop/qcow2.txt. It runs before any QEMU tool sees a file that
 * came from outside, so it believes nothing: every field is bounded and every offset must lie within the file.
 */
import { refused } from './errors.ts';

/** Bytes from a file's start that suffice for the header and its extensions (the largest cluster is 2 MiB). */
export const headerWindowBytes = 2 * 1024 * 1024;

const magic = 0x514649fb;
const v2HeaderBytes = 72;
const v3HeaderBytes = 104;
const largestL1Bytes = 32 * 1024 * 1024;
const largestRefcountTableBytes = 8 * 1024 * 1024;
const largestSnapshotCount = 65_536;

const incompatible = { dirty: 1n, corrupt: 2n, dataFile: 4n, compressionType: 8n, extendedL2: 16n } as const;
const knownIncompatible = Object.values(incompatible).reduce((bits, bit) => bits | bit, 0n);
const rawExternalData = 2n;

const extension = { end: 0, fullDiskEncryption: 0x0537be77, dataFileName: 0x44415441 } as const;

export interface Qcow2Header {
  version: 2 | 3;
  virtualSizeBytes: number;
  clusterBytes: number;
  hasBackingFile: boolean;
}

/** True when the bytes start like a qcow or qcow2 file of any version. */
export const looksLikeQcow = (head: Buffer): boolean => head.length >= 4 && head.readUInt32BE(0) === magic;

/**
 * The fields that matter of a file that we made ourselves and that only QEMU wrote since.
 * @throws StorageError `NotAnImage`
 */
export function readQcow2Header(head: Buffer): Qcow2Header {
  if (!looksLikeQcow(head) || head.length < v2HeaderBytes)
    throw refused('NotAnImage', 'the content does not start with a qcow2 header');
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3)
    throw refused(
      'UnsupportedFeature',
      `qcow2 version ${version} is not supported; convert it to version 2 or 3`,
    );
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21)
    throw refused('NotAnImage', `the qcow2 header has cluster_bits ${clusterBits}, outside 9 to 21`);
  const size = head.readBigUInt64BE(24);
  return {
    version,
    virtualSizeBytes: size > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(size),
    clusterBytes: 2 ** clusterBits,
    hasBackingFile: head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0,
  };
}

/**
 * Checks a qcow2 file from outside: self-contained, no feature unknown to us, tables within the file.
 * @param head the file's first `headerWindowBytes` bytes, or all of a shorter file
 * @throws StorageError `NotAnImage`, `BackingFileRefused`, `DataFileRefused`, `UnsupportedFeature`
 */
export function checkQcow2(head: Buffer, fileSizeBytes: number): Qcow2Header {
  const header = readQcow2Header(head);
  if (header.hasBackingFile)
    throw refused(
      'BackingFileRefused',
      'the image refers to a backing file, which would read another file of the host; flatten it with qemu-img convert',
    );
  if (head.readUInt32BE(32) !== 0)
    throw refused('UnsupportedFeature', 'the image is encrypted; publish it decrypted');
  const headerBytes = header.version === 2 ? v2HeaderBytes : checkVersion3Fields(head, header);
  checkExtensions(head, headerBytes, Math.min(header.clusterBytes, fileSizeBytes));
  checkTables(head, header, fileSizeBytes);
  return header;
}

/** @returns the header's length in bytes */
function checkVersion3Fields(head: Buffer, header: Qcow2Header): number {
  if (head.length < v3HeaderBytes) throw truncated();
  const features = head.readBigUInt64BE(72);
  if (features & incompatible.dataFile) throw dataFileRefused();
  if (features & ~knownIncompatible)
    throw refused(
      'UnsupportedFeature',
      `the image needs unknown qcow2 features (incompatible bits 0x${features.toString(16)}); convert it with qemu-img convert -O qcow2`,
    );
  if (features & (incompatible.dirty | incompatible.corrupt))
    throw refused(
      'UnsupportedFeature',
      'the image is marked dirty or corrupt; repair it with qemu-img check -r all',
    );
  if (head.readBigUInt64BE(88) & rawExternalData) throw dataFileRefused();
  if (head.readUInt32BE(96) > 6) throw malformed('refcount_order above 6');
  const headerBytes = head.readUInt32BE(100);
  if (headerBytes < v3HeaderBytes || headerBytes % 8 !== 0 || headerBytes > header.clusterBytes)
    throw malformed(`header_length ${headerBytes}`);
  if (headerBytes > head.length) throw truncated();
  const compressionType = headerBytes > v3HeaderBytes ? head.readUInt8(104) : 0;
  const compressionSaid = (features & incompatible.compressionType) !== 0n;
  if (compressionType > 1 || compressionSaid !== (compressionType !== 0))
    throw malformed(`compression type ${compressionType}`);
  if (features & incompatible.extendedL2 && header.clusterBytes < 16_384)
    throw malformed('extended L2 entries with clusters below 16 KiB');
  return headerBytes;
}

/** Walks the list of header extensions; it ends within the first cluster. */
function checkExtensions(head: Buffer, start: number, limit: number): void {
  let offset = start;
  while (offset + 8 <= limit) {
    if (offset + 8 > head.length) throw truncated();
    const type = head.readUInt32BE(offset);
    const bytes = head.readUInt32BE(offset + 4);
    if (type === extension.end) return;
    if (type === extension.dataFileName) throw dataFileRefused();
    if (type === extension.fullDiskEncryption)
      throw refused('UnsupportedFeature', 'the image is encrypted; publish it decrypted');
    if (bytes > limit - offset - 8) throw malformed('a header extension that leaves the first cluster');
    offset += 8 + Math.ceil(bytes / 8) * 8;
  }
}

function checkTables(head: Buffer, header: Qcow2Header, fileSizeBytes: number): void {
  const { clusterBytes } = header;
  const within = (name: string, offset: bigint, bytes: number) => {
    if (offset % BigInt(clusterBytes) !== 0n) throw malformed(`${name} not aligned to a cluster`);
    if (offset === 0n && bytes > 0) throw malformed(`${name} over the header`);
    if (offset + BigInt(bytes) > BigInt(fileSizeBytes)) throw malformed(`${name} beyond the end of the file`);
  };

  const l1Entries = head.readUInt32BE(36);
  const l2EntryBytes = header.version === 3 && head.readBigUInt64BE(72) & incompatible.extendedL2 ? 16 : 8;
  const bytesPerL1Entry = clusterBytes * (clusterBytes / l2EntryBytes);
  if (l1Entries * 8 > largestL1Bytes) throw malformed('an L1 table above 32 MiB');
  if (l1Entries < Math.ceil(header.virtualSizeBytes / bytesPerL1Entry))
    throw malformed('an L1 table too small for the virtual size');
  within('L1 table', head.readBigUInt64BE(40), l1Entries * 8);

  const refcountClusters = head.readUInt32BE(56);
  if (refcountClusters === 0) throw malformed('no refcount table');
  if (refcountClusters * clusterBytes > largestRefcountTableBytes)
    throw malformed('a refcount table above 8 MiB');
  within('refcount table', head.readBigUInt64BE(48), refcountClusters * clusterBytes);

  const snapshots = head.readUInt32BE(60);
  if (snapshots > largestSnapshotCount) throw malformed(`${snapshots} snapshots`);
  // Each entry of the snapshot table takes at least 40 bytes.
  if (snapshots > 0) within('snapshot table', head.readBigUInt64BE(64), snapshots * 40);
}

const malformed = (what: string) => refused('NotAnImage', `the qcow2 header is malformed: ${what}`);
const truncated = () => malformed('the file ends within it');
const dataFileRefused = () =>
  refused(
    'DataFileRefused',
    'the image keeps its data in an external file, which would read another file of the host; convert it with qemu-img convert -O qcow2',
  );
