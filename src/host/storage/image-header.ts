import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { refused } from './errors.ts';
import { checkQcow2, headerWindowBytes } from './qcow2-header.ts';

export type ImageFormat = 'qcow2' | 'raw';

/** QEMU works in sectors: a virtual size is a multiple of this. */
export const sectorBytes = 512;

export const wholeSectors = (bytes: number): number => Math.ceil(bytes / sectorBytes) * sectorBytes;

/**
 * Checks the beginning of an image that came from outside.
 * @param head the first `headerWindowBytes` bytes, or all of a shorter file
 * @returns the virtual size in bytes
 * @throws StorageError naming `spec.format` or the image's own fault, never retryable
 */
export function checkImage(
  format: ImageFormat,
  head: Buffer,
  fileSizeBytes: number,
  limits: { maxVirtualSizeBytes: number },
): number {
  const recognised = recognise(head);
  const virtualSizeBytes = checkers[format](head, fileSizeBytes, recognised);
  if (virtualSizeBytes === 0) throw refused('NotAnImage', 'the image is empty (spec.source)');
  if (virtualSizeBytes > limits.maxVirtualSizeBytes)
    throw refused(
      'TooLarge',
      `the image's virtual size of ${virtualSizeBytes} bytes is above this host's limit of ${limits.maxVirtualSizeBytes}`,
    );
  return virtualSizeBytes;
}

const checkers: Record<ImageFormat, (head: Buffer, fileSizeBytes: number, recognised: Recognised) => number> =
  {
    qcow2: (head, fileSizeBytes, recognised) => {
      if (recognised?.name !== 'qcow2') throw mismatch('qcow2', recognised);
      return checkQcow2(head, fileSizeBytes).virtualSizeBytes;
    },
    raw: (_head, fileSizeBytes, recognised) => {
      if (recognised) throw mismatch('raw', recognised);
      return wholeSectors(fileSizeBytes);
    },
  };

function mismatch(format: ImageFormat, recognised: Recognised) {
  if (!recognised)
    return refused(
      'NotAnImage',
      `spec.format is ${format}, but the content has no ${format} header; did you mean raw?`,
    );
  const remedy =
    recognised.kind === 'compression'
      ? `set spec.compression: ${recognised.name}`
      : recognised.name === 'qcow2'
        ? 'set spec.format: qcow2'
        : `convert it with qemu-img convert -O ${format}`;
  return refused('NotAnImage', `spec.format is ${format}, but the content is ${recognised.name}; ${remedy}`);
}

type Recognised = { kind: 'format' | 'compression'; name: string } | undefined;

/**
 * Formats that QEMU's probing knows, and compressed streams. A "raw" image with such a beginning is refused: a
 * tool that probed it would parse a header which the image's author chose. ISO 9660 is not in the list; it
 * is ordinary data to QEMU, and its first 32 KiB are searched for these signatures like any other.
 */
const signatures: { kind: 'format' | 'compression'; name: string; at: number; bytes: Buffer }[] = [
  { kind: 'format', name: 'qcow2', at: 0, bytes: Buffer.from([0x51, 0x46, 0x49, 0xfb]) },
  { kind: 'format', name: 'QED', at: 0, bytes: Buffer.from('QED\0') },
  { kind: 'format', name: 'VMDK', at: 0, bytes: Buffer.from('KDMV') },
  { kind: 'format', name: 'VMDK', at: 0, bytes: Buffer.from('COWD') },
  { kind: 'format', name: 'VHDX', at: 0, bytes: Buffer.from('vhdxfile') },
  { kind: 'format', name: 'VHD', at: 0, bytes: Buffer.from('conectix') },
  { kind: 'format', name: 'VDI', at: 0x40, bytes: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) },
  { kind: 'format', name: 'Parallels', at: 0, bytes: Buffer.from('WithoutFreeSpace') },
  { kind: 'format', name: 'Parallels', at: 0, bytes: Buffer.from('WithouFreSpacExt') },
  { kind: 'format', name: 'Bochs', at: 0, bytes: Buffer.from('Bochs Virtual HD Image') },
  { kind: 'format', name: 'cloop', at: 0, bytes: Buffer.from('#!/bin/sh\n#V2.0 Format\n') },
  { kind: 'format', name: 'LUKS', at: 0, bytes: Buffer.from([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]) },
  { kind: 'compression', name: 'Gzip', at: 0, bytes: Buffer.from([0x1f, 0x8b, 0x08]) },
  { kind: 'compression', name: 'Xz', at: 0, bytes: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) },
  { kind: 'compression', name: 'Zstd', at: 0, bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
];

/** A VMDK descriptor is text: comments and blank lines, then a line that says what it is. */
const vmdkDescriptor = /^(?:#[^\n]*\n|[ \t\r]*\n)*[ \t]*(?:# Disk DescriptorFile|version=[0-9])/i;

function recognise(head: Buffer): Recognised {
  const found = signatures.find(({ at, bytes }) => head.subarray(at, at + bytes.length).equals(bytes));
  if (found) return found;
  if (vmdkDescriptor.test(head.subarray(0, 4096).toString('latin1'))) return { kind: 'format', name: 'VMDK' };
  return undefined;
}

/** Reads the beginning of a regular file, following no symlink. */
export async function readHead(
  path: string,
  bytes = headerWindowBytes,
): Promise<{ head: Buffer; fileSizeBytes: number }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw refused('NotAnImage', `${path} is not a regular file`);
    const head = Buffer.alloc(Math.min(bytes, stat.size));
    let filled = 0;
    while (filled < head.length) {
      const { bytesRead } = await handle.read(head, filled, head.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return { head: head.subarray(0, filled), fileSizeBytes: stat.size };
  } finally {
    await handle.close();
  }
}
