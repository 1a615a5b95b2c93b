import { createHash } from 'node:crypto';

/** A qcow2 image of version 3 with nothing in it, in clusters of 4 KiB (QEMU's docs/interop/qcow2.txt). */
function emptyImage(virtualSizeBytes: number): Buffer {
  const cluster = 4_096;
  const image = Buffer.alloc(4 * cluster);
  image.writeUInt32BE(0x51_46_49_fb, 0); // "QFI\xfb"
  image.writeUInt32BE(3, 4);
  image.writeUInt32BE(Math.log2(cluster), 20);
  image.writeBigUInt64BE(BigInt(virtualSizeBytes), 24);
  image.writeUInt32BE(64, 36); // L1 entries, for 2 MiB each
  image.writeBigUInt64BE(BigInt(cluster), 40); // L1 table
  image.writeBigUInt64BE(BigInt(2 * cluster), 48); // refcount table
  image.writeUInt32BE(1, 56);
  image.writeUInt32BE(4, 96); // refcount order
  image.writeUInt32BE(104, 100); // header length
  return image;
}

/** What is imported in simulated worlds: 128 MiB, and a size that no unit divides. */
export const image = emptyImage(128 * 2 ** 20);
export const oddImage = emptyImage(100 * 2 ** 20 + 512);

/** Of the first. */
export const imageChecksum = `sha256:${createHash('sha256').update(image).digest('hex')}`;
