import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, NetworkError } from './errors.ts';

/**
 * Replaces a file as a whole. Not synced to disk: after a power cut everything that these files describe is gone
 * too, and is made again.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const aside = `${path}.new`;
  await writeFile(aside, text, { mode: 0o644 });
  await chmod(aside, 0o644);
  await rename(aside, path);
}

/** The text of a file; undefined when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A record of ours; undefined when there is none or it is damaged, which then counts as not realised. */
export async function readRecord<Value>(path: string): Promise<Value | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}

/** Removes a file, and what an interrupted replacement of it left. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.new`, { force: true });
}

export const removeTree = (path: string): Promise<void> => rm(path, { force: true, recursive: true });

/** Names in a directory; none when it does not exist. */
export async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Makes directories that an unprivileged dnsmasq can read again later. `dataDir` itself gets the right to pass
 * through (not to list).
 * @throws NetworkError `DataDirUnreadable` naming a parent that nobody else may pass through.
 */
export async function makeReadable(dataDir: string, directories: readonly string[]): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  await chmod(dataDir, (await stat(dataDir)).mode | 0o011);
  for (const directory of directories) {
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o755);
  }
  for (let path = dirname(dataDir); path !== '/'; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0)
      throw new NetworkError(
        'DataDirUnreadable',
        `dnsmasq runs unprivileged and cannot pass through ${path}; chmod o+x it or choose another data directory`,
        { retryable: false },
      );
  }
}
