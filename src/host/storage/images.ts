import { chmod, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { contentHash } from '../../values/hash.ts';
import type { ImageSnapshot, ImageSource } from '../ports/storage.ts';
import {
  look,
  publishDirectory,
  readRecord,
  removeFile,
  replaceRecord,
  sync,
  unpublishDirectory,
  withWorkspace,
  writeNew,
} from './durable.ts';
import { failed, refused } from './errors.ts';
import type { ImageFormat } from './image-header.ts';
import { checksumOf, type ImportedContent, type ImportOptions, importContent } from './import-image.ts';
import { dataFileName, isUid, type Layout, markerName } from './layout.ts';
import { directoryNames, recordNames, StatCache } from './listing.ts';
import type { Locks } from './locks.ts';
import type { StepHook } from './steps.ts';

/** What complete.json says of a cached image. */
export interface BlobMarker {
  digest: string;
  format: ImageFormat;
  virtualSizeBytes: number;
  fileSizeBytes: number;
}

/** What images/refs/<imageUid>.json says: this Image is complete, and is that content. */
interface Ref {
  digest: string;
  format: ImageFormat;
  /** Hash of the source as it was asked for; another source under the same UID is imported anew. */
  source: string;
}

/** Progress of an import under way. */
interface Import {
  format: ImageFormat;
  receivedBytes: number;
  totalBytes: number | undefined;
  stop: AbortController;
}

/** The lock under which a blob is used (shared) or removed (exclusive). */
export const blobLock = (digest: string): string => `blob/${digest}`;

/**
 * The cache of images by content. The blob is published first and the Image's reference after it, so a
 * reference never points at less than a complete file; a blob without any user is removed.
 */
export class ImageFiles {
  readonly #layout: Layout;
  readonly #options: ImportOptions;
  readonly #locks: Locks;
  readonly #step: StepHook;
  readonly #imports = new Map<string, Import>();
  readonly #refs = new StatCache<Ref | undefined>();
  readonly #blobs = new StatCache<BlobMarker | undefined>();

  constructor(layout: Layout, options: ImportOptions, locks: Locks, step: StepHook) {
    this.#layout = layout;
    this.#options = options;
    this.#locks = locks;
    this.#step = step;
  }

  /** Imports unless this very source is complete. The caller holds the Image's lock. */
  async import(source: ImageSource, signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { imageUid } = source;
    const refPath = this.#layout.ref(imageUid);
    checksumOf(source);
    const sourceHash = contentHash({ ...source, imageUid: undefined });
    const present = await this.#ref(imageUid);
    if (present?.source === sourceHash && (await this.blob(present.digest))) return;

    const running: Import = {
      format: source.format,
      receivedBytes: 0,
      totalBytes: undefined,
      stop: new AbortController(),
    };
    const stopped = AbortSignal.any([signal, running.stop.signal]);
    this.#imports.set(imageUid, running);
    try {
      stopped.throwIfAborted();
      await withWorkspace(this.#layout.tmp, 'image', async (workspace) => {
        await this.#step('image.workspace');
        const directory = join(workspace, 'blob');
        await mkdir(directory);
        const imported = await importContent(
          source,
          join(directory, dataFileName.image),
          this.#options,
          (receivedBytes, totalBytes) => {
            running.receivedBytes = receivedBytes;
            running.totalBytes = totalBytes;
            onProgress();
          },
          stopped,
        );
        await this.#step('image.made');
        await this.#locks.shared(blobLock(imported.digest), async () => {
          await this.#publish(directory, source.format, imported);
          const ref: Ref = { digest: imported.digest, format: source.format, source: sourceHash };
          await replaceRecord(refPath, ref, this.#layout.tmp);
        });
        await this.#step('image.referenced');
      });
    } catch (error) {
      throw stopped.aborted ? failed('Aborted', 'the import was stopped', stopped.reason) : error;
    } finally {
      this.#imports.delete(imageUid);
    }
  }

  /** Ends an import under way; its own call reports that it was stopped. */
  stopImport(imageUid: string): void {
    this.#imports.get(imageUid)?.stop.abort();
  }

  async #publish(directory: string, format: ImageFormat, imported: ImportedContent): Promise<void> {
    const { digest } = imported;
    const target = this.#layout.blob(digest);
    if (await this.blob(digest)) return;
    const marker: BlobMarker = { format, ...imported };
    await writeNew(join(directory, markerName), `${JSON.stringify(marker)}\n`, 0o644);
    await chmod(directory, 0o711);
    await this.#step('image.marked');
    if (await publishDirectory(directory, target)) return this.#step('image.published');
    if (await this.blob(digest)) return;
    if (!(await look(target))?.isDirectory())
      throw refused('ImageIncomplete', `${target} is not a directory; move it away`);
    // Something is there that is not a complete blob. Overlays may have it open: put the proved content at the
    // same path, piece by piece, each by an atomic rename; the marker comes last.
    for (const name of [dataFileName.image, markerName])
      await rename(join(directory, name), join(target, name));
    await sync(target);
  }

  /** The complete blob of a digest, or undefined. */
  async blob(digest: string): Promise<(BlobMarker & { path: string }) | undefined> {
    const directory = this.#layout.blob(digest);
    const path = this.#layout.blobData(digest);
    const markerPath = join(directory, markerName);
    const marker = await this.#blobs.get(digest, [directory, path, markerPath], async () => {
      if (!(await look(directory))?.isDirectory()) return undefined;
      const found = asBlobMarker(await readRecord(markerPath));
      const stat = await look(path);
      return found?.digest === digest && stat?.isFile() && stat.size === found.fileSizeBytes
        ? found
        : undefined;
    });
    return marker && { ...marker, path };
  }

  /** Forgets the Image; its blob goes too once no other Image and no overlay uses it. */
  async remove(imageUid: string): Promise<void> {
    await removeFile(this.#layout.ref(imageUid));
    this.#refs.forget(imageUid);
    await this.#step('image.forgotten');
  }

  /**
   * Removes blobs that nobody uses. `digestsInUse` is asked under the blob's lock.
   * @param digestsInUse the digests that Disks stand on
   */
  async removeUnused(digestsInUse: () => Promise<ReadonlySet<string>>): Promise<void> {
    for (const name of await directoryNames(this.#layout.blobs)) {
      const digest = `sha256:${name}`;
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      await this.#locks.exclusive(blobLock(digest), async () => {
        if ((await digestsInUse()).has(digest)) return;
        if ((await this.#allRefs()).some(({ ref }) => ref.digest === digest)) return;
        await unpublishDirectory(this.#layout.blob(digest), this.#layout.tmp, () =>
          this.#step('image.unpublished'),
        );
        this.#blobs.forget(digest);
      });
    }
  }

  async list(overlays: ReadonlyMap<string, string[]>): Promise<ImageSnapshot[]> {
    const images = new Map<string, ImageSnapshot>();
    for (const [imageUid, { format, receivedBytes, totalBytes }] of this.#imports) {
      const progressPercent = totalBytes
        ? Math.min(100, Math.floor((receivedBytes / totalBytes) * 100))
        : undefined;
      images.set(imageUid, {
        imageUid,
        state: 'importing',
        format,
        ...(progressPercent !== undefined && { progressPercent }),
        overlays: [],
      });
    }
    for (const { imageUid, ref } of await this.#allRefs()) {
      const blob = await this.blob(ref.digest);
      if (!blob || images.has(imageUid)) continue;
      const { digest, format, virtualSizeBytes, fileSizeBytes } = blob;
      const users = overlays.get(digest) ?? [];
      images.set(imageUid, {
        imageUid,
        state: 'complete',
        digest,
        format,
        virtualSizeBytes,
        fileSizeBytes,
        overlays: users,
      });
    }
    return [...images.values()].sort((a, b) => (a.imageUid < b.imageUid ? -1 : 1));
  }

  async #allRefs(): Promise<{ imageUid: string; ref: Ref }[]> {
    const uids = (await recordNames(this.#layout.refs, '.json')).filter(isUid);
    this.#refs.keepOnly(uids);
    const refs = await Promise.all(
      uids.map(async (imageUid) => ({ imageUid, ref: await this.#ref(imageUid) })),
    );
    return refs.flatMap(({ imageUid, ref }) => (ref ? [{ imageUid, ref }] : []));
  }

  #ref(imageUid: string): Promise<Ref | undefined> {
    const path = this.#layout.ref(imageUid);
    return this.#refs.get(imageUid, [path], async () => asRef(await readRecord(path)));
  }
}

function asRef(record: Record<string, unknown> | undefined): Ref | undefined {
  if (!record || typeof record['digest'] !== 'string' || typeof record['source'] !== 'string')
    return undefined;
  const { digest, source, format } = record;
  if ((format !== 'qcow2' && format !== 'raw') || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  return { digest, format, source };
}

function asBlobMarker(record: Record<string, unknown> | undefined): BlobMarker | undefined {
  if (!record) return undefined;
  const { digest, format, virtualSizeBytes, fileSizeBytes } = record;
  if (typeof digest !== 'string' || typeof virtualSizeBytes !== 'number' || typeof fileSizeBytes !== 'number')
    return undefined;
  return format === 'qcow2' || format === 'raw'
    ? { digest, format, virtualSizeBytes, fileSizeBytes }
    : undefined;
}
