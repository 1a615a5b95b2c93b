/**
 * Files of one host: Disks, cached Images and seed media, all below the data directory, named from UIDs and
 * digests. A file is complete or it is not there: presence under its final name together with its completion
 * marker is the proof (see design.md, "Presence is not completion").
 */

import type { StorageSnapshot } from '../../plan/snapshot.ts';

export type { DiskSnapshot, ImageSnapshot, StorageSnapshot } from '../../plan/snapshot.ts';

export interface DiskSpec {
  diskUid: string;
  sizeBytes: number;
  format: 'qcow2' | 'raw';
  /** Copy-on-write base: the sha256 digest (`sha256:…`) of an Image complete on this host. */
  imageDigest?: string;
}

export interface ImageSource {
  imageUid: string;
  from: { url: string } | { file: string };
  /** `sha256:<hex>` or `sha512:<hex>` of the file as published (before decompression); mandatory for a URL. */
  checksum?: string;
  format: 'qcow2' | 'raw';
  compression: 'None' | 'Gzip' | 'Xz' | 'Zstd';
}

export interface SeedSpec {
  machineUid: string;
  metaData: string;
  networkConfig: string;
  userData: string;
}

/** A failure that the owner must see; `reason` is a CamelCase word for conditions. */
export class StorageError extends Error {
  readonly reason: string;
  /** False when repeating cannot help until the spec changes (bad checksum, hostile header). */
  readonly retryable: boolean;
  constructor(reason: string, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'StorageError';
    this.reason = reason;
    this.retryable = options.retryable;
  }
}

export interface Storage {
  list(): Promise<StorageSnapshot>;
  /** Makes the file unless it is complete already. @throws StorageError */
  createDisk(spec: DiskSpec): Promise<void>;
  /** Grows a file that nobody has open; a running guest's disk grows through the hypervisor instead. */
  growDisk(diskUid: string, sizeBytes: number): Promise<void>;
  /** Re-reads the virtual size from the file's own header after the hypervisor resized it, and records it. */
  refreshDisk(diskUid: string): Promise<void>;
  deleteDisk(diskUid: string): Promise<void>;
  /** Marks the file as kept; it stays listed with `retained: true` and is never removed by itself. */
  retainDisk(diskUid: string): Promise<void>;
  /** Downloads or copies, verifies, decompresses, checks the header; aborts (and cleans up) on `signal`. */
  importImage(source: ImageSource, signal: AbortSignal): Promise<void>;
  /** Forgets this Image; the cached file goes with its last Image and last overlay. */
  deleteImage(imageUid: string): Promise<void>;
  ensureSeed(spec: SeedSpec): Promise<void>;
  deleteSeed(machineUid: string): Promise<void>;
  /** Absolute paths for the domain XML, made from the UID alone. */
  diskPath(diskUid: string): string;
  /** The read-only base of overlays; others than the guest's QEMU need not and should not write to it. */
  imagePath(digest: string): string;
  seedPath(machineUid: string): string;
  consoleLogPath(machineUid: string): string;
  nvramPath(machineUid: string): string;
  /** Makes/removes the directory of the machine's console log and nvram. */
  ensureMachineDirectory(machineUid: string): Promise<void>;
  deleteMachineDirectory(machineUid: string): Promise<void>;
  /** Calls back (coalesced) when files of ours changed or import progress moved. Returns a stopper. */
  watch(onChange: () => void): () => void;
  close(): Promise<void>;
}

export { seedHash } from '../../values/seed-hash.ts';
