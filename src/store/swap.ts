/**
 * The last step of a restore, which a crash may cut short anywhere. A copy that is ready is named
 * `FILE.restored-STAMP`; from then on it is the store, and whoever opens the file first puts it in its place.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { moveDatabase, syncDirectoryOf } from './files.ts';

/** Where the store that a restore has replaced is kept. */
export const replacedName = (file: string, stamp: string): string => `${file}.replaced-${stamp}`;

/**
 * From now on the copy is the store, whatever happens.
 * @param stamp names the replaced store; a name that was never given before
 */
export function decideRestore(copy: string, file: string, stamp: string): void {
  renameSync(copy, `${file}.restored-${stamp}`);
  syncDirectoryOf(file);
}

/** Does what is left of a restore; nothing when there was none. */
export function finishRestore(file: string): void {
  const directory = dirname(file);
  if (!existsSync(directory)) return;
  const prefix = `${basename(file)}.restored-`;
  const decided = readdirSync(directory).find((name) => name.startsWith(prefix));
  if (decided === undefined) return;
  // The log of the old store must never meet the new one: SQLite would take it for its own.
  moveDatabase(file, replacedName(file, decided.slice(prefix.length)));
  syncDirectoryOf(file);
  renameSync(join(directory, decided), file);
  syncDirectoryOf(file);
}
