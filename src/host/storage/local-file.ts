import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, normalize, sep } from 'node:path';
import { errorCode, failed, refused } from './errors.ts';

/**
 * Opens a file from which an Image may be imported: a regular file whose real place, after every symlink, is
 * within one of the allowed directories. The place is read from the open descriptor itself, so nothing can be
 * swapped between the check and the reading.
 * @throws StorageError `FileNotAllowed`, `FileNotFound`
 */
export async function openLocalFile(file: string, importDirs: readonly string[]): Promise<FileHandle> {
  if (!isAbsolute(file) || file.includes('\0')) throw notAllowed(file, importDirs);
  const allowed = (await Promise.all(importDirs.map(realDirectory))).filter(
    (directory) => directory !== undefined,
  );
  const isAllowed = (path: string) => allowed.some((directory) => path.startsWith(directory + sep));

  const real = await resolved(file);
  // What lies elsewhere is refused alike whether it exists or not, so that nothing can be learned of it.
  if (real === undefined && importDirs.some((directory) => normalize(file).startsWith(directory + sep)))
    throw notFound(file);
  if (real === undefined || !isAllowed(real)) throw notAllowed(file, importDirs);

  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error) => {
      throw errorCode(error) === 'ENOENT' ? notFound(file) : notAllowed(file, importDirs);
    },
  );
  try {
    if (!(await handle.stat()).isFile())
      throw refused('FileNotAllowed', `spec.source.file: ${file} is not a regular file`);
    if (!isAllowed(await readlink(`/proc/self/fd/${handle.fd}`))) throw notAllowed(file, importDirs);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Resolves every symlink; undefined when there is no such file. */
async function resolved(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG')
      return undefined;
    throw error;
  }
}

const realDirectory = async (directory: string): Promise<string | undefined> =>
  (await resolved(directory))?.replace(/\/+$/, '');

const notAllowed = (file: string, importDirs: readonly string[]) =>
  refused(
    'FileNotAllowed',
    `spec.source.file: ${file} is not below a directory that this host imports from (${importDirs.join(', ') || 'none is configured'})`,
  );

const notFound = (file: string) =>
  failed('FileNotFound', `spec.source.file: ${file} does not exist on the host`);
