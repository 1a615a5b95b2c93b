import { readFileSync } from 'node:fs';
import { chmod, mkdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  DiskSnapshot,
  DiskSpec,
  ImageSource,
  SeedSpec,
  Storage,
  StorageSnapshot,
} from '../ports/storage.ts';
import { addressPolicy } from './address-policy.ts';
import { coalesced, watchDirectories } from './directory-watch.ts';
import { DiskFiles } from './disks.ts';
import { look } from './durable.ts';
import { describing, failed, refused } from './errors.ts';
import { blobLock, ImageFiles } from './images.ts';
import { wholeSectors } from './image-header.ts';
import type { ImportLimits } from './import-image.ts';
import { digestHex, type Layout, openLayout } from './layout.ts';
import { Locks } from './locks.ts';
import { SeedFiles } from './seed-iso.ts';
import type { StepHook } from './steps.ts';

export interface FileStorageOptions {
  /** Absolute path; made if missing. */
  dataDir: string;
  /** Directories from which `spec.source.file` may be imported. */
  importDirs: readonly string[];
  limits: ImportLimits;
  /** Whether images may come from private networks: all of them, none, or the given CIDRs. */
  allowPrivateAddresses: boolean | readonly string[];
  /** PEM file of authorities trusted for https besides the usual ones. */
  caFile?: string;
  /** A download that brings nothing for this long is given up. Default 30 s. */
  downloadIdleTimeoutMs?: number;
  logger: StorageLogger;
  onStep?: StepHook;
}

/** The part of pino's logger that storage uses. */
export interface StorageLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** How soon changes of files, and progress of imports, are told. */
const changeDelayMs = 100;
const progressDelayMs = 500;

/**
 * Storage in the files of a data directory. Opening it makes missing directories and reaps leftovers of an
 * earlier process: files below tmp/, and cached images that neither an Image nor a Disk uses. One process at a
 * time may have it open.
 * @throws StorageError `DataDirectoryUnsafe`, `InvalidConfiguration`
 */
export const createFileStorage = (options: FileStorageOptions): Storage => new FileStorage(options);

class FileStorage implements Storage {
  readonly #layout: Layout;
  readonly #locks = new Locks();
  readonly #disks: DiskFiles;
  readonly #images: ImageFiles;
  readonly #seeds: SeedFiles;
  readonly #logger: StorageLogger;
  readonly #listeners = new Set<{ changed: () => void; progressed: () => void }>();
  readonly #stoppers = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: FileStorageOptions) {
    const step: StepHook = options.onStep ?? (() => {});
    this.#layout = openLayout(options.dataDir);
    this.#logger = options.logger;
    this.#disks = new DiskFiles(this.#layout, step);
    this.#seeds = new SeedFiles(this.#layout, step);
    const importing = {
      importDirs: options.importDirs,
      limits: options.limits,
      allows: addressPolicy(options.allowPrivateAddresses),
      extraCa: options.caFile === undefined ? undefined : readFileSync(options.caFile, 'utf8'),
      idleTimeoutMs: options.downloadIdleTimeoutMs ?? 30_000,
    };
    this.#images = new ImageFiles(this.#layout, importing, this.#locks, step);
    // A process that died between removing the last user of an image and the image itself left it to us.
    this.#track(this.#removeUnusedBlobs());
  }

  list(): Promise<StorageSnapshot> {
    return describing('listing the files of this host', async () => {
      const disks = await this.#disks.list();
      const [images, seeds, space] = await Promise.all([
        this.#images.list(overlaysByDigest(disks)),
        this.#seeds.list(),
        statfs(this.#layout.root),
      ]);
      return {
        disks,
        images,
        seeds,
        freeBytes: space.bavail * space.bsize,
        totalBytes: space.blocks * space.bsize,
      };
    });
  }

  createDisk(spec: DiskSpec): Promise<void> {
    return this.#change(`disk/${spec.diskUid}`, `making Disk ${spec.diskUid}`, async () => {
      checkSize(spec.sizeBytes);
      const { imageDigest } = spec;
      if (imageDigest === undefined) return this.#disks.create(spec, undefined);
      digestHex(imageDigest);
      if (spec.format !== 'qcow2')
        throw refused(
          'FormatUnsupported',
          `spec.format: a Disk from an Image is a copy-on-write overlay; use qcow2`,
        );
      return this.#locks.shared(blobLock(imageDigest), async () => {
        const blob = await this.#images.blob(imageDigest);
        if (!blob) throw failed('ImageNotFound', `the Image ${imageDigest} is not complete on this host`);
        if (wholeSectors(spec.sizeBytes) < blob.virtualSizeBytes)
          throw refused(
            'SmallerThanImage',
            `spec.size ${spec.sizeBytes} is below the Image's ${blob.virtualSizeBytes} bytes; make it at least as large`,
          );
        await this.#disks.create(spec, blob);
      });
    });
  }

  growDisk(diskUid: string, sizeBytes: number): Promise<void> {
    return this.#change(`disk/${diskUid}`, `growing Disk ${diskUid}`, async () => {
      checkSize(sizeBytes);
      await this.#disks.grow(diskUid, sizeBytes);
    });
  }

  refreshDisk(diskUid: string): Promise<void> {
    return this.#change(`disk/${diskUid}`, `reading Disk ${diskUid}`, () => this.#disks.refresh(diskUid));
  }

  async deleteDisk(diskUid: string): Promise<void> {
    const base = await this.#change(`disk/${diskUid}`, `removing Disk ${diskUid}`, () =>
      this.#disks.remove(diskUid),
    );
    if (base !== undefined) await this.#removeUnusedBlobs();
  }

  retainDisk(diskUid: string): Promise<void> {
    return this.#change(`disk/${diskUid}`, `retaining Disk ${diskUid}`, () => this.#disks.retain(diskUid));
  }

  async importImage(source: ImageSource, signal: AbortSignal): Promise<void> {
    const { imageUid } = source;
    await this.#change(`image/${imageUid}`, `importing Image ${imageUid}`, async () => {
      const stop = AbortSignal.any([signal, this.#closing.signal]);
      await this.#images.import(source, stop, () => {
        for (const { progressed } of this.#listeners) progressed();
      });
    });
    this.#logger.info({ imageUid }, 'Image complete');
    await this.#removeUnusedBlobs();
  }

  async deleteImage(imageUid: string): Promise<void> {
    this.#images.stopImport(imageUid);
    await this.#change(`image/${imageUid}`, `removing Image ${imageUid}`, () =>
      this.#images.remove(imageUid),
    );
    await this.#removeUnusedBlobs();
  }

  ensureSeed(spec: SeedSpec): Promise<void> {
    return this.#change(`seed/${spec.machineUid}`, `making the seed of Machine ${spec.machineUid}`, () =>
      this.#seeds.ensure(spec),
    );
  }

  deleteSeed(machineUid: string): Promise<void> {
    return this.#change(`seed/${machineUid}`, `removing the seed of Machine ${machineUid}`, () =>
      this.#seeds.remove(machineUid),
    );
  }

  diskPath(diskUid: string): string {
    return this.#layout.diskData(diskUid);
  }
  imagePath(digest: string): string {
    return this.#layout.blobData(digest);
  }
  seedPath(machineUid: string): string {
    return this.#layout.seedIso(machineUid);
  }
  consoleLogPath(machineUid: string): string {
    return join(this.#layout.machine(machineUid), 'console.log');
  }
  nvramPath(machineUid: string): string {
    return join(this.#layout.machine(machineUid), 'nvram');
  }

  ensureMachineDirectory(machineUid: string): Promise<void> {
    return this.#change(
      `machine/${machineUid}`,
      `making the directory of Machine ${machineUid}`,
      async () => {
        const path = this.#layout.machine(machineUid);
        if (!(await look(path))) await mkdir(path);
        if (!(await look(path))?.isDirectory())
          throw refused('DataDirectoryUnsafe', `${path} is not a directory`);
        await chmod(path, 0o711); // mkdir's own mode is cut by the umask.
      },
    );
  }

  deleteMachineDirectory(machineUid: string): Promise<void> {
    return this.#change(`machine/${machineUid}`, `removing the directory of Machine ${machineUid}`, () =>
      rm(this.#layout.machine(machineUid), { recursive: true, force: true }),
    );
  }

  watch(onChange: () => void): () => void {
    const changes = coalesced(onChange, changeDelayMs);
    const progress = coalesced(onChange, progressDelayMs);
    const listener = { changed: changes.signal, progressed: progress.signal };
    this.#listeners.add(listener);
    const { root, disks, blobs, refs, seeds } = this.#layout;
    const stopWatching = watchDirectories([disks, blobs, refs, seeds], [root, dirname(refs)], changes.signal);
    const stop = () => {
      stopWatching();
      changes.stop();
      progress.stop();
      this.#listeners.delete(listener);
      this.#stoppers.delete(stop);
    };
    this.#stoppers.add(stop);
    return stop;
  }

  /** Stops watches and imports, and waits for operations under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const stop of this.#stoppers) stop();
    await Promise.all(this.#running);
  }

  /** Every change runs under its object's lock, reports failures in the owner's words, and is told to watchers. */
  async #change<T>(lock: string, doing: string, work: () => Promise<T>): Promise<T> {
    const running = this.#locks.exclusive(lock, () => describing(doing, work));
    this.#track(running);
    try {
      return await running;
    } finally {
      for (const { changed } of this.#listeners) changed();
    }
  }

  /** Lets `close` wait for an operation; its failure is its caller's. */
  #track(operation: Promise<unknown>): void {
    const done = operation.then(
      () => {},
      () => {},
    );
    this.#running.add(done);
    void done.then(() => this.#running.delete(done));
  }

  async #removeUnusedBlobs(): Promise<void> {
    try {
      await this.#images.removeUnused(() => this.#disks.digestsInUse());
    } catch (error) {
      // The deletion itself is done; the cache is swept again at the next one.
      this.#logger.warn({ err: error }, 'Unused images could not be removed');
    }
  }
}

function checkSize(sizeBytes: number): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0)
    throw refused('InvalidSize', `spec.size must be a positive whole number of bytes, not ${sizeBytes}`);
}

function overlaysByDigest(disks: readonly DiskSnapshot[]): Map<string, string[]> {
  const overlays = new Map<string, string[]>();
  for (const { diskUid, imageDigest } of disks) {
    if (imageDigest !== undefined) overlays.set(imageDigest, [...(overlays.get(imageDigest) ?? []), diskUid]);
  }
  return overlays;
}
