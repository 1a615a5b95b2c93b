/**
 * In a mount namespace made for it: opens a data directory of which one directory is a file system of its own, and
 * prints how it was refused and what is left in tmp/. Arguments: data directory, import directory, what is mounted.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { StorageError } from '../../../src/host/ports/storage.ts';
import { createFileStorage } from '../../../src/host/storage/index.ts';
import { fileOptions } from './file-world.ts';

const [dataDir = '', imports = '', mounted = ''] = process.argv.slice(2);
mkdirSync(join(dataDir, mounted), { recursive: true, mode: 0o711 });
await execa('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'mode=711', 'tmpfs', join(dataDir, mounted)]);
let outcome: object = { reason: 'none' };
try {
  await createFileStorage(fileOptions(dataDir, imports)).close();
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
  outcome = { reason: error.reason, retryable: error.retryable, message: error.message };
}
process.stdout.write(JSON.stringify({ ...outcome, left: readdirSync(join(dataDir, 'tmp')) }));
