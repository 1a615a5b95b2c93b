/**
 * In a mount namespace made for it: gives the data directory little room, performs one operation, and prints
 * how it failed and what it left in tmp/. Arguments: size in bytes, data directory, import directory, operation.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { StorageError } from '../../../src/host/ports/storage.ts';
import { createFileStorage } from '../../../src/host/storage/index.ts';
import { type Operation, perform } from './storage-process.ts';

const [sizeBytes = '', dataDir = '', imports = '', operation = ''] = process.argv.slice(2);
mkdirSync(dataDir, { recursive: true });
await execa('/usr/bin/mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=711`, 'tmpfs', dataDir]);
const storage = createFileStorage({
  dataDir,
  importDirs: [imports],
  limits: { maxVirtualSizeBytes: 2 ** 36, maxDownloadBytes: 2 ** 26, maxDecompressedBytes: 2 ** 26 },
  allowPrivateAddresses: false,
  logger: { info: () => {}, warn: () => {} },
});
try {
  await perform(storage, JSON.parse(operation) as Operation);
  process.stdout.write('"complete"');
} catch (error) {
  const { reason, retryable } =
    error instanceof StorageError ? error : { reason: String(error), retryable: false };
  process.stdout.write(JSON.stringify({ reason, retryable, left: readdirSync(join(dataDir, 'tmp')) }));
}
await storage.close();
