import { StorageError } from '../ports/storage.ts';

/** A failure that only a change of the spec (or of the host's configuration) can cure. */
export const refused = (reason: string, message: string, cause?: unknown): StorageError =>
  new StorageError(reason, message, { retryable: false, cause });

/** A failure that repeating later may cure. */
export const failed = (reason: string, message: string, cause?: unknown): StorageError =>
  new StorageError(reason, message, { retryable: true, cause });

/** The errno name of a system error (`ENOENT`), or undefined. Looks at the shape: errors cross realms in tests. */
export function errorCode(error: unknown): string | undefined {
  return isObject(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Text of an unknown failure, for the tail of a message. */
export const errorText = (error: unknown): string =>
  isObject(error) && 'message' in error ? String(error.message) : String(error);

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** True when the failure says that the file system (or its quota) is full, in errno or in a tool's words. */
export function saysNoSpace(error: unknown): boolean {
  const code = errorCode(error);
  return (
    code === 'ENOSPC' ||
    code === 'EDQUOT' ||
    /No space left on device|Disk quota exceeded/.test(errorText(error))
  );
}

/**
 * Gives every failure the owner's vocabulary: a StorageError stays, a full disk becomes `NoSpace`, the rest
 * becomes `StorageFailed`; `doing` says what was attempted.
 */
export function asStorageError(error: unknown, doing: string): StorageError {
  if (error instanceof StorageError) return error;
  if (saysNoSpace(error))
    return failed(
      'NoSpace',
      `${doing}: the data directory's file system is full; free space on the host`,
      error,
    );
  return failed('StorageFailed', `${doing}: ${errorText(error)}`, error);
}

/** Runs `work`, translating what it throws by `asStorageError`. */
export async function describing<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asStorageError(error, doing);
  }
}
