import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file that only its owner may read, whole or not at all. */
export function writePrivateFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, path);
}

/** A UUID made at the first call and kept in the file for ever after. */
export function persistedUuid(path: string): string {
  if (!existsSync(path)) writePrivateFile(path, `${randomUUID()}\n`);
  return readFileSync(path, 'utf8').trim();
}
