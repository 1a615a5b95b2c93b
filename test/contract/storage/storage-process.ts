/**
 * A process that performs one storage operation and dies by SIGKILL at a named step. Arguments: the data
 * directory, the import directory, the operation as JSON, and the step (or nothing, to run to the end). It
 * prints each step's name as it is reached.
 */
import { createFileStorage } from '../../../src/host/storage/index.ts';
import type { DiskSpec, ImageSource, SeedSpec, Storage } from '../../../src/host/ports/storage.ts';

export type Operation =
  | { createDisk: DiskSpec }
  | { growDisk: { diskUid: string; sizeBytes: number } }
  | { importImage: ImageSource }
  | { ensureSeed: SeedSpec }
  | { deleteDisk: string }
  | { deleteImage: string };

export function perform(storage: Storage, operation: Operation): Promise<void> {
  if ('createDisk' in operation) return storage.createDisk(operation.createDisk);
  if ('growDisk' in operation)
    return storage.growDisk(operation.growDisk.diskUid, operation.growDisk.sizeBytes);
  if ('ensureSeed' in operation) return storage.ensureSeed(operation.ensureSeed);
  if ('deleteDisk' in operation) return storage.deleteDisk(operation.deleteDisk);
  if ('deleteImage' in operation) return storage.deleteImage(operation.deleteImage);
  return storage.importImage(operation.importImage, new AbortController().signal);
}

if (import.meta.main) {
  const [dataDir = '', imports = '', operation = '', fatalStep] = process.argv.slice(2);
  const storage = createFileStorage({
    dataDir,
    importDirs: [imports],
    limits: { maxVirtualSizeBytes: 2 ** 36, maxDownloadBytes: 2 ** 26, maxDecompressedBytes: 2 ** 26 },
    allowPrivateAddresses: false,
    logger: { info: () => {}, warn: () => {} },
    onStep: async (name) => {
      process.stdout.write(`${name}\n`);
      if (name !== fatalStep) return;
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    },
  });
  try {
    await perform(storage, JSON.parse(operation) as Operation);
  } catch (error) {
    process.stdout.write(`${JSON.stringify(error)}\n`);
    process.exitCode = 1;
  }
  await storage.close();
}
