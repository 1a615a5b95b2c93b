import { chmod, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskSnapshot, DiskSpec } from '../ports/storage.ts';
import {
  look,
  publishDirectory,
  readRecord,
  replaceRecord,
  sync,
  unpublishDirectory,
  withWorkspace,
  writeNew,
} from './durable.ts';
import { errorCode, errorText, failed, refused } from './errors.ts';
import { type ImageFormat, readHead, wholeSectors } from './image-header.ts';
import { dataFileName, isUid, type Layout, markerName, retainedName } from './layout.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { directoryNames, StatCache } from './listing.ts';
import { runTool, tools } from './tools.ts';
import type { StepHook } from './steps.ts';

/** What complete.json says of a Disk. */
export interface DiskMarker {
  sizeBytes: number;
  format: ImageFormat;
  imageDigest?: string;
  createdBy: string;
}

/**
 * Files of Disks. A Disk is made whole (data, marker, both flushed) in a directory under tmp/ and appears as
 * disks/<uid> by one rename. So a crash never leaves data without its marker there; if that is ever found,
 * somebody's hand was in it, and it is refused, never removed.
 */
export class DiskFiles {
  readonly #layout: Layout;
  readonly #step: StepHook;
  readonly #cache = new StatCache<DiskSnapshot | undefined>();

  constructor(layout: Layout, step: StepHook) {
    this.#layout = layout;
    this.#step = step;
  }

  /** Makes the file unless it is complete. The caller holds the Disk's lock and a share of the image's. */
  async create(spec: DiskSpec, backing: { path: string; format: ImageFormat } | undefined): Promise<void> {
    const { diskUid, format } = spec;
    const target = this.#layout.disk(diskUid);
    if (await this.#alreadyComplete(diskUid)) return;
    await withWorkspace(this.#layout.tmp, 'disk', async (workspace) => {
      await this.#step('disk.workspace');
      const data = join(workspace, dataFileName.disk);
      const backingArgs = backing ? ['-u', '-F', backing.format, '-b', backing.path] : [];
      // -u: the size is given, so the image need not be opened by anything but the guest's own QEMU.
      await runTool(tools.qemuImg, [
        'create',
        '-q',
        '-f',
        format,
        ...backingArgs,
        '--',
        data,
        String(wholeSectors(spec.sizeBytes)),
      ]);
      await this.#step('disk.made');
      await chmod(data, 0o600);
      await sync(data);
      const marker: DiskMarker = {
        sizeBytes: spec.sizeBytes,
        format,
        ...(spec.imageDigest !== undefined && { imageDigest: spec.imageDigest }),
        createdBy: 'purlin',
      };
      await writeNew(join(workspace, markerName), `${JSON.stringify(marker)}\n`, 0o644);
      await chmod(workspace, 0o711);
      await this.#step('disk.marked');
      if (!(await publishDirectory(workspace, target)))
        throw refused(
          'DiskIncomplete',
          `${target} appeared while the Disk was being made; it was left untouched`,
        );
      await this.#step('disk.published');
    });
  }

  async #alreadyComplete(diskUid: string): Promise<boolean> {
    const directory = this.#layout.disk(diskUid);
    const there = await look(directory);
    if (!there) return false;
    if (!there.isDirectory())
      throw refused('DiskIncomplete', `${directory} is not a directory; move it away`);
    const [marker, data] = await Promise.all([this.#marker(diskUid), look(this.#layout.diskData(diskUid))]);
    if (marker && data?.isFile()) return true;
    if (marker)
      throw refused(
        'DataLost',
        `the data of this Disk was complete and is gone from ${directory}; restore the file, or delete the Disk to begin anew`,
      );
    if (data)
      throw refused(
        'DiskIncomplete',
        `${directory} holds data without a readable ${markerName}, which Purlin never leaves behind; move it away or restore the marker`,
      );
    return false;
  }

  /**
   * Grows a file that nobody has open. Asking for the present size is done already.
   * @throws StorageError `DiskNotFound`, `ShrinkRefused`, `DiskInUse`, `NoSpace`
   */
  async grow(diskUid: string, sizeBytes: number): Promise<void> {
    const marker = await this.#existing(diskUid);
    const path = this.#layout.diskData(diskUid);
    const present = await this.#virtualSize(path, marker.format);
    if (wholeSectors(sizeBytes) < present)
      throw refused(
        'ShrinkRefused',
        `spec.size ${sizeBytes} is below the present ${present} bytes; a disk only grows`,
      );
    if (wholeSectors(sizeBytes) > present) {
      try {
        await runTool(tools.qemuImg, [
          'resize',
          '-q',
          '-f',
          marker.format,
          '--',
          path,
          String(wholeSectors(sizeBytes)),
        ]);
      } catch (error) {
        if (/lock/i.test(errorText(error)))
          throw failed(
            'DiskInUse',
            'the disk is open in a running machine; it grows through the hypervisor',
            error,
          );
        throw error;
      }
      await sync(path);
      await this.#step('disk.resized');
    }
    if (marker.sizeBytes !== sizeBytes) await this.#mark(diskUid, { ...marker, sizeBytes });
  }

  /** Records the size that the file's own header has now. */
  async refresh(diskUid: string): Promise<void> {
    const marker = await this.#existing(diskUid);
    const sizeBytes = await this.#virtualSize(this.#layout.diskData(diskUid), marker.format);
    this.#cache.forget(diskUid);
    if (wholeSectors(marker.sizeBytes) !== sizeBytes) await this.#mark(diskUid, { ...marker, sizeBytes });
  }

  /**
   * Removes the Disk's directory, whole or not at all.
   * @returns the digest of the image that it stood on
   */
  async remove(diskUid: string): Promise<string | undefined> {
    const marker = await this.#marker(diskUid);
    await unpublishDirectory(this.#layout.disk(diskUid), this.#layout.tmp, () =>
      this.#step('disk.unpublished'),
    );
    this.#cache.forget(diskUid);
    return marker?.imageDigest;
  }

  async retain(diskUid: string): Promise<void> {
    await this.#existing(diskUid);
    await replaceRecord(join(this.#layout.disk(diskUid), retainedName), { retained: true }, this.#layout.tmp);
    this.#cache.forget(diskUid);
  }

  /** All complete Disks. Fails when the directory itself is missing: unknown is not the same as none. */
  async list(): Promise<DiskSnapshot[]> {
    const uids = (await directoryNames(this.#layout.disks)).filter(isUid);
    this.#cache.keepOnly(uids);
    const disks = await Promise.all(uids.map((uid) => this.#snapshot(uid)));
    return disks.filter((disk) => disk !== undefined);
  }

  /**
   * The digests that Disks stand on, a Disk whose data is gone included (it may be restored).
   * @throws StorageError when a Disk's base cannot be told, so that nothing is removed from under it
   */
  async digestsInUse(): Promise<Set<string>> {
    const uids = (await directoryNames(this.#layout.disks)).filter(isUid);
    const digests = new Set<string>();
    for (const uid of uids) {
      const marker = await this.#marker(uid);
      if (!marker && (await look(this.#layout.diskData(uid))))
        throw refused('DiskIncomplete', `Disk ${uid} has data, but no readable ${markerName}`);
      if (marker?.imageDigest !== undefined) digests.add(marker.imageDigest);
    }
    return digests;
  }

  async #marker(diskUid: string): Promise<DiskMarker | undefined> {
    return asDiskMarker(await readRecord(join(this.#layout.disk(diskUid), markerName)));
  }

  async #snapshot(diskUid: string): Promise<DiskSnapshot | undefined> {
    const directory = this.#layout.disk(diskUid);
    const data = this.#layout.diskData(diskUid);
    return this.#cache.get(diskUid, [directory, data, join(directory, markerName)], async () => {
      const marker = await this.#marker(diskUid);
      if (!marker) return undefined;
      if (!(await look(data))?.isFile()) return undefined;
      const headerBytes = await this.#sizeOrRecorded(data, marker);
      return {
        diskUid,
        // QEMU rounds up to sectors; a size that was asked for is shown as it was asked.
        sizeBytes: wholeSectors(marker.sizeBytes) === headerBytes ? marker.sizeBytes : headerBytes,
        format: marker.format,
        ...(marker.imageDigest !== undefined && { imageDigest: marker.imageDigest }),
        retained: (await look(join(directory, retainedName))) !== undefined,
      };
    });
  }

  /** One unreadable header must not hide all other Disks: the recorded size stands in for it. */
  async #sizeOrRecorded(data: string, marker: DiskMarker): Promise<number> {
    try {
      return await this.#virtualSize(data, marker.format);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') throw error;
      return wholeSectors(marker.sizeBytes);
    }
  }

  async #existing(diskUid: string): Promise<DiskMarker> {
    const marker = await this.#marker(diskUid);
    const directory = await look(this.#layout.disk(diskUid));
    const data = await look(this.#layout.diskData(diskUid));
    if (!marker || !directory?.isDirectory() || !data?.isFile())
      throw failed('DiskNotFound', `Disk ${diskUid} has no complete file on this host`);
    return marker;
  }

  async #mark(diskUid: string, marker: DiskMarker): Promise<void> {
    await replaceRecord(join(this.#layout.disk(diskUid), markerName), marker, this.#layout.tmp);
    this.#cache.forget(diskUid);
  }

  async #virtualSize(path: string, format: ImageFormat): Promise<number> {
    if (format === 'raw') return wholeSectors((await lstat(path)).size);
    return readQcow2Header((await readHead(path, 512)).head).virtualSizeBytes;
  }
}

function asDiskMarker(record: Record<string, unknown> | undefined): DiskMarker | undefined {
  if (!record) return undefined;
  const { sizeBytes, format, imageDigest, createdBy } = record;
  if (typeof sizeBytes !== 'number' || (format !== 'qcow2' && format !== 'raw')) return undefined;
  return {
    sizeBytes,
    format,
    ...(typeof imageDigest === 'string' && { imageDigest }),
    createdBy: typeof createdBy === 'string' ? createdBy : 'unknown',
  };
}
