import { lstat, readdir } from 'node:fs/promises';
import { errorCode } from './errors.ts';

/** Names of the real directories below `path`, sorted. */
export async function directoryNames(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Names (without suffix) of the regular files below `path` that end in `suffix`, sorted. */
export async function recordNames(path: string, suffix: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map(({ name }) => name.slice(0, -suffix.length))
    .sort();
}

/**
 * Remembers what was derived from some files for as long as their inodes, sizes and times stay, so that listing
 * an idle host costs a few lstat calls. A value whose files are not all there is undefined.
 */
export class StatCache<T> {
  readonly #entries = new Map<string, { stamp: string; value: T }>();

  async get(key: string, paths: readonly string[], derive: () => Promise<T>): Promise<T | undefined> {
    try {
      const stats = await Promise.all(paths.map((path) => lstat(path, { bigint: true })));
      const stamp = stats
        .map(({ ino, size, mtimeNs, ctimeNs }) => `${ino}:${size}:${mtimeNs}:${ctimeNs}`)
        .join(' ');
      const known = this.#entries.get(key);
      if (known?.stamp === stamp) return known.value;
      const value = await derive();
      this.#entries.set(key, { stamp, value });
      return value;
    } catch (error) {
      // A file went between readdir and here: it is as if it had gone before.
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  keepOnly(keys: readonly string[]): void {
    const wanted = new Set(keys);
    for (const key of this.#entries.keys()) if (!wanted.has(key)) this.#entries.delete(key);
  }
}
