/**
 * The few moves by which files become durable. Everything is made under tmp/ and published by one rename, so a
 * crash at any point leaves either nothing under the final name or all of it.
 */
import { constants } from 'node:fs';
import { lstat, mkdtemp, open, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from './errors.ts';

/** Flushes a file's or directory's content to the disk. Follows no symlink. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Runs `work` with a fresh private directory (0700) below tmp/ that is gone afterwards, published or not. */
export async function withWorkspace<T>(
  tmp: string,
  label: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmp, `${label}-`));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Publishes a finished directory under its final name. rename(2) of a directory replaces an *empty* directory
 * at most: with anything in the way it fails and nothing is touched, so data is never overwritten.
 * @returns false when something is there already.
 */
export async function publishDirectory(from: string, to: string): Promise<boolean> {
  await sync(from);
  try {
    await rename(from, to);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return false;
    throw error;
  }
  await sync(dirname(to));
  return true;
}

/**
 * Removes a directory so that a crash leaves it whole or gone: one rename into tmp/, then the slow part.
 * @param unpublished called in between
 */
export async function unpublishDirectory(
  path: string,
  tmp: string,
  unpublished: () => void | Promise<void>,
): Promise<void> {
  await withWorkspace(tmp, 'removed', async (directory) => {
    try {
      await rename(path, join(directory, basename(path)));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    await sync(dirname(path));
    await unpublished();
  });
}

/** Writes a new file and flushes it; fails if the name is taken. */
export async function writeNew(path: string, content: string | Buffer, mode: number): Promise<void> {
  await writeFile(path, content, { mode, flag: 'wx', flush: true });
}

/** Replaces a small record as a whole: write aside, flush, rename, flush the directory. */
export async function replaceRecord(path: string, record: unknown, tmp: string): Promise<void> {
  await withWorkspace(tmp, 'record', async (directory) => {
    const aside = join(directory, basename(path));
    await writeNew(aside, `${JSON.stringify(record)}\n`, 0o644);
    await rename(aside, path);
    await sync(dirname(path));
  });
}

/** Removes one file if it is there, durably. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  await sync(dirname(path));
}

/** The JSON object in a regular file, or undefined when there is none or it is not JSON. Follows no symlink. */
export async function readRecord(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const text = await readFile(path, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW });
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR' || error instanceof SyntaxError)
      return undefined;
    throw error;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What stands under a path, without following a symlink; undefined when nothing does. */
export async function look(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
