import { createHash } from 'node:crypto';
import { contentHash } from '../../values/hash.ts';
import { seedHash } from '../../values/seed-hash.ts';
import type {
  DiskSnapshot,
  DiskSpec,
  ImageSnapshot,
  ImageSource,
  SeedSpec,
  Storage,
  StorageSnapshot,
} from '../ports/storage.ts';
import { failed, refused } from './errors.ts';
import { checkImage, type ImageFormat, wholeSectors } from './image-header.ts';
import { headerWindowBytes } from './qcow2-header.ts';
import { checksumOf, type ImportLimits } from './import-image.ts';
import { checkedUid, digestHex } from './layout.ts';

/** The operations that a fault can be put before or after. */
export type StorageOperation = {
  [Name in keyof Storage]: Storage[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof Storage];

interface Fault {
  operation: StorageOperation;
  error: Error;
  /** `after`: the effect happens and its reply is lost. */
  when: 'before' | 'after';
}

interface SimulatedBlob {
  format: ImageFormat;
  virtualSizeBytes: number;
  fileSizeBytes: number;
}

/**
 * Storage in memory, for planners and executors under simulation. It keeps the same contract as the real one
 * (test/contract/storage), takes no time, and fails when told to.
 */
export class SimulatedStorage implements Storage {
  readonly #disks = new Map<string, DiskSnapshot>();
  /** Disks whose data was removed behind our back. */
  readonly #lost = new Set<string>();
  readonly #blobs = new Map<string, SimulatedBlob>();
  readonly #refs = new Map<string, { digest: string; source: string }>();
  readonly #imports = new Map<string, { format: ImageFormat; progressPercent?: number }>();
  readonly #seeds = new Map<string, SeedSpec>();
  readonly #machines = new Set<string>();
  readonly #published = new Map<string, { bytes: Buffer; content: Buffer }>();
  readonly #watchers = new Set<() => void>();
  readonly #faults: Fault[] = [];
  readonly #limits: ImportLimits;
  readonly #totalBytes: number;
  /** What an import waits for, where time passes. */
  whileImporting: () => Promise<void> = () => Promise.resolve();

  constructor(options: { limits?: Partial<ImportLimits>; totalBytes?: number } = {}) {
    this.#totalBytes = options.totalBytes ?? 2 ** 40;
    this.#limits = {
      maxVirtualSizeBytes: 2 ** 42,
      maxDownloadBytes: 2 ** 36,
      maxDecompressedBytes: 2 ** 38,
      ...options.limits,
    };
  }

  /** Makes an image available to imports under a URL or file name; `content` is what it decompresses to. */
  publish(location: string, bytes: Buffer, content = bytes): void {
    this.#published.set(location, { bytes, content });
  }

  /** The next call of `operation` fails: before its effect, or after it as when a reply is lost. */
  failNext(operation: StorageOperation, error: Error, when: 'before' | 'after' = 'before'): void {
    this.#faults.push({ operation, error, when });
  }

  /** A Disk's file is removed by hand; its marker stays. */
  loseDisk(diskUid: string): void {
    this.#lost.add(diskUid);
    this.#changed();
  }

  /** A cached image is removed by hand, under whatever stands on it. */
  loseImage(digest: string): void {
    this.#blobs.delete(digest);
    this.#changed();
  }

  /** The hypervisor resized a Disk that a guest has open. */
  resizeBehind(diskUid: string, sizeBytes: number): void {
    const disk = this.#disks.get(diskUid);
    if (disk) disk.sizeBytes = wholeSectors(sizeBytes);
  }

  /** Every Disk whose data is there, for whoever watches over a simulated world. */
  get disksPresent(): readonly Readonly<DiskSnapshot>[] {
    return this.#presentDisks();
  }

  get diskUids(): string[] {
    return this.#presentDisks().map(({ diskUid }) => diskUid);
  }

  /** Images that are imported, for whoever watches over a simulated world. */
  get importedUids(): string[] {
    return [...this.#refs.keys()];
  }

  list(): Promise<StorageSnapshot> {
    return this.#perform('list', () => ({
      disks: sortedBy(
        this.#presentDisks().map((disk) => ({ ...disk })),
        ({ diskUid }) => diskUid,
      ),
      images: sortedBy(this.#listedImages(), ({ imageUid }) => imageUid),
      seeds: sortedBy(
        this.seeds.map((seed) => ({ machineUid: seed.machineUid, hash: seedHash(seed) })),
        ({ machineUid }) => machineUid,
      ),
      freeBytes: this.#totalBytes,
      totalBytes: this.#totalBytes,
    }));
  }

  createDisk(spec: DiskSpec): Promise<void> {
    return this.#perform('createDisk', () => {
      const { diskUid, sizeBytes, format, imageDigest } = spec;
      checkedUid(diskUid);
      checkSize(sizeBytes);
      if (imageDigest !== undefined) this.#checkBacking(spec, imageDigest);
      if (this.#disks.has(diskUid) && !this.#lost.has(diskUid)) return;
      if (this.#lost.has(diskUid))
        throw refused('DataLost', `the data of Disk ${diskUid} was complete and is gone`);
      this.#disks.set(diskUid, {
        diskUid,
        sizeBytes,
        format,
        ...(imageDigest !== undefined && { imageDigest }),
        retained: false,
      });
    });
  }

  #checkBacking({ format, sizeBytes }: DiskSpec, imageDigest: string): void {
    digestHex(imageDigest);
    if (format !== 'qcow2') throw refused('FormatUnsupported', 'spec.format: a Disk from an Image is qcow2');
    const blob = this.#blobs.get(imageDigest);
    if (!blob) throw failed('ImageNotFound', `the Image ${imageDigest} is not complete on this host`);
    if (wholeSectors(sizeBytes) < blob.virtualSizeBytes)
      throw refused(
        'SmallerThanImage',
        `spec.size ${sizeBytes} is below the Image's ${blob.virtualSizeBytes} bytes`,
      );
  }

  growDisk(diskUid: string, sizeBytes: number): Promise<void> {
    return this.#perform('growDisk', () => {
      checkSize(sizeBytes);
      const disk = this.#existing(diskUid);
      if (wholeSectors(sizeBytes) < wholeSectors(disk.sizeBytes))
        throw refused('ShrinkRefused', `spec.size ${sizeBytes} is below the present ${disk.sizeBytes} bytes`);
      disk.sizeBytes = sizeBytes;
    });
  }

  refreshDisk(diskUid: string): Promise<void> {
    return this.#perform('refreshDisk', () => {
      this.#existing(diskUid);
    });
  }

  deleteDisk(diskUid: string): Promise<void> {
    return this.#perform('deleteDisk', () => {
      this.#disks.delete(checkedUid(diskUid));
      this.#lost.delete(diskUid);
      this.#removeUnusedBlobs();
    });
  }

  retainDisk(diskUid: string): Promise<void> {
    return this.#perform('retainDisk', () => {
      this.#existing(diskUid).retained = true;
    });
  }

  async importImage(source: ImageSource, signal: AbortSignal): Promise<void> {
    const { imageUid, from, format } = source;
    const begin = this.#perform('importImage', () => {
      checkedUid(imageUid);
      checksumOf(source);
      this.#imports.set(imageUid, { format });
    });
    try {
      await begin;
      if (signal.aborted) throw failed('Aborted', 'the import was stopped', signal.reason);
      await this.whileImporting();
      this.#found(from);
      this.#imports.set(imageUid, { format, progressPercent: 50 });
      this.#changed();
      await this.whileImporting();
      const digest = this.#import(source, from);
      this.#refs.set(imageUid, { digest, source: contentHash({ ...source, imageUid: undefined }) });
      this.#removeUnusedBlobs();
    } finally {
      this.#imports.delete(imageUid);
      this.#changed();
    }
  }

  #found(from: ImageSource['from']): { bytes: Buffer; content: Buffer } {
    const found = this.#published.get('url' in from ? from.url : from.file);
    if (found) return found;
    throw 'url' in from
      ? failed('DownloadFailed', `spec.source.url: ${from.url} answered HTTP status 404`)
      : failed('FileNotFound', 'spec.source.file: the file does not exist on the host');
  }

  /** @returns the digest of the content, now cached */
  #import(source: ImageSource, from: ImageSource['from']): string {
    const found = this.#found(from);
    const expected = checksumOf(source);
    if (expected && createHash(expected.algorithm).update(found.bytes).digest('hex') !== expected.hex)
      throw refused('ChecksumMismatch', 'spec.checksum: the content has another checksum');
    const { content } = found;
    const virtualSizeBytes = checkImage(
      source.format,
      content.subarray(0, headerWindowBytes),
      content.length,
      this.#limits,
    );
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    this.#blobs.set(digest, { format: source.format, virtualSizeBytes, fileSizeBytes: content.length });
    return digest;
  }

  deleteImage(imageUid: string): Promise<void> {
    return this.#perform('deleteImage', () => {
      this.#refs.delete(checkedUid(imageUid));
      this.#removeUnusedBlobs();
    });
  }

  ensureSeed(spec: SeedSpec): Promise<void> {
    return this.#perform('ensureSeed', () => {
      this.#seeds.set(checkedUid(spec.machineUid), { ...spec });
    });
  }

  deleteSeed(machineUid: string): Promise<void> {
    return this.#perform('deleteSeed', () => {
      this.#seeds.delete(checkedUid(machineUid));
    });
  }

  ensureMachineDirectory(machineUid: string): Promise<void> {
    return this.#perform('ensureMachineDirectory', () => {
      this.#machines.add(checkedUid(machineUid));
    });
  }

  deleteMachineDirectory(machineUid: string): Promise<void> {
    return this.#perform('deleteMachineDirectory', () => {
      this.#machines.delete(checkedUid(machineUid));
    });
  }

  /** Every seed with its texts, for whoever watches over a simulated world. */
  get seeds(): SeedSpec[] {
    return [...this.#seeds.values()];
  }

  /** Machines that have a directory, for invariants of the simulation. */
  machineDirectories(): string[] {
    return [...this.#machines].sort();
  }

  /** Digests of the cached images, for invariants of the simulation. */
  cachedDigests(): string[] {
    return [...this.#blobs.keys()].sort();
  }

  diskPath(diskUid: string): string {
    return `/simulated/disks/${checkedUid(diskUid)}/disk.img`;
  }
  imagePath(digest: string): string {
    return `/simulated/images/blobs/${digestHex(digest)}/image.img`;
  }
  seedPath(machineUid: string): string {
    return `/simulated/seeds/${checkedUid(machineUid)}.iso`;
  }
  consoleLogPath(machineUid: string): string {
    return `/simulated/machines/${checkedUid(machineUid)}/console.log`;
  }
  nvramPath(machineUid: string): string {
    return `/simulated/machines/${checkedUid(machineUid)}/nvram`;
  }

  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => {
      this.#watchers.delete(onChange);
    };
  }

  close(): Promise<void> {
    this.#watchers.clear();
    return Promise.resolve();
  }

  /** One operation: an injected fault, the effect, and word to the watchers. */
  async #perform<T>(operation: StorageOperation, effect: () => T): Promise<T> {
    const index = this.#faults.findIndex((fault) => fault.operation === operation);
    const fault = index === -1 ? undefined : this.#faults.splice(index, 1)[0];
    if (fault?.when === 'before') throw fault.error;
    const result = effect();
    if (operation !== 'list') this.#changed();
    if (fault) throw fault.error;
    return result;
  }

  #changed(): void {
    for (const onChange of this.#watchers) onChange();
  }

  #presentDisks(): DiskSnapshot[] {
    return [...this.#disks.values()].filter(({ diskUid }) => !this.#lost.has(diskUid));
  }

  #existing(diskUid: string): DiskSnapshot {
    const disk = this.#disks.get(checkedUid(diskUid));
    if (!disk || this.#lost.has(diskUid))
      throw failed('DiskNotFound', `Disk ${diskUid} has no complete file on this host`);
    return disk;
  }

  #overlaysOf(digest: string): string[] {
    return this.#presentDisks()
      .filter(({ imageDigest }) => imageDigest === digest)
      .map(({ diskUid }) => diskUid)
      .sort();
  }

  #listedImages(): ImageSnapshot[] {
    const importing = [...this.#imports].map(
      ([imageUid, progress]): ImageSnapshot => ({
        imageUid,
        state: 'importing',
        ...progress,
        overlays: [],
      }),
    );
    const complete = [...this.#refs].flatMap(([imageUid, { digest }]): ImageSnapshot[] => {
      const blob = this.#blobs.get(digest);
      if (!blob || this.#imports.has(imageUid)) return [];
      return [{ imageUid, state: 'complete', digest, ...blob, overlays: this.#overlaysOf(digest) }];
    });
    return [...importing, ...complete];
  }

  #removeUnusedBlobs(): void {
    const referenced = new Set([...this.#refs.values()].map(({ digest }) => digest));
    const inUse = new Set([...this.#disks.values()].map(({ imageDigest }) => imageDigest));
    for (const digest of this.#blobs.keys()) {
      if (!referenced.has(digest) && !inUse.has(digest)) this.#blobs.delete(digest);
    }
  }
}

function checkSize(sizeBytes: number): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0)
    throw refused('InvalidSize', `spec.size must be a positive whole number of bytes, not ${sizeBytes}`);
}

const sortedBy = <T>(values: T[], key: (value: T) => string): T[] =>
  values.sort((a, b) => (key(a) < key(b) ? -1 : 1));
