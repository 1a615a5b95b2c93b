/** Fields of a qcow2 header that a test may set; everything else is as QEMU writes an empty version 3 image. */
export interface Qcow2Fields {
  version?: number;
  backingFileOffset?: bigint;
  backingFileSize?: number;
  clusterBits?: number;
  sizeBytes?: bigint;
  cryptMethod?: number;
  l1Entries?: number;
  l1Offset?: bigint;
  refcountTableOffset?: bigint;
  refcountTableClusters?: number;
  snapshots?: number;
  snapshotsOffset?: bigint;
  incompatible?: bigint;
  autoclear?: bigint;
  refcountOrder?: number;
  headerBytes?: number;
  compressionType?: number;
  extensions?: { type: number; data: Buffer; claimedBytes?: number }[];
}

/** An empty but valid qcow2 image of four clusters: header, refcount table, refcount block, L1 table. */
export function qcow2(fields: Qcow2Fields = {}): Buffer {
  const cluster = 65_536;
  const file = Buffer.alloc(4 * cluster);
  file.writeUInt32BE(0x514649fb, 0);
  file.writeUInt32BE(fields.version ?? 3, 4);
  file.writeBigUInt64BE(fields.backingFileOffset ?? 0n, 8);
  file.writeUInt32BE(fields.backingFileSize ?? 0, 16);
  file.writeUInt32BE(fields.clusterBits ?? 16, 20);
  file.writeBigUInt64BE(fields.sizeBytes ?? 1_048_576n, 24);
  file.writeUInt32BE(fields.cryptMethod ?? 0, 32);
  file.writeUInt32BE(fields.l1Entries ?? 1, 36);
  file.writeBigUInt64BE(fields.l1Offset ?? BigInt(3 * cluster), 40);
  file.writeBigUInt64BE(fields.refcountTableOffset ?? BigInt(cluster), 48);
  file.writeUInt32BE(fields.refcountTableClusters ?? 1, 56);
  file.writeUInt32BE(fields.snapshots ?? 0, 60);
  file.writeBigUInt64BE(fields.snapshotsOffset ?? 0n, 64);
  file.writeBigUInt64BE(fields.incompatible ?? 0n, 72);
  file.writeBigUInt64BE(fields.autoclear ?? 0n, 88);
  file.writeUInt32BE(fields.refcountOrder ?? 4, 96);
  const headerBytes = fields.headerBytes ?? 112;
  file.writeUInt32BE(headerBytes, 100);
  file.writeUInt8(fields.compressionType ?? 0, 104);
  let offset = fields.version === 2 ? 72 : 112;
  for (const { type, data, claimedBytes } of fields.extensions ?? []) {
    file.writeUInt32BE(type, offset);
    file.writeUInt32BE(claimedBytes ?? data.length, offset + 4);
    data.copy(file, offset + 8);
    offset += 8 + Math.ceil(data.length / 8) * 8;
  }
  // The refcount table points at one block, which counts the four clusters in use.
  file.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let index = 0; index < 4; index += 1) file.writeUInt16BE(1, 2 * cluster + 2 * index);
  return file;
}
