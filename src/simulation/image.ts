/** A qcow2 image of version 3 with nothing in it: 128 MiB in clusters of 4 KiB (QEMU's docs/interop/qcow2.txt). */
export function emptyImage(): Buffer {
  const cluster = 4_096;
  const image = Buffer.alloc(4 * cluster);
  image.writeUInt32BE(0x51_46_49_fb, 0); // "QFI\xfb"
  image.writeUInt32BE(3, 4);
  image.writeUInt32BE(Math.log2(cluster), 20);
  image.writeBigUInt64BE(128n * 2n ** 20n, 24); // virtual size
  image.writeUInt32BE(64, 36); // L1 entries, for 2 MiB each
  image.writeBigUInt64BE(BigInt(cluster), 40); // L1 table
  image.writeBigUInt64BE(BigInt(2 * cluster), 48); // refcount table
  image.writeUInt32BE(1, 56);
  image.writeUInt32BE(4, 96); // refcount order
  image.writeUInt32BE(104, 100); // header length
  return image;
}
