import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

export interface InstanceLock {
  release(): void;
}

/** What SQLite says when another holds the lock. */
const BUSY = 5;

/**
 * A lock that at most one process holds, and that ends with it however it ends: the kernel keeps it. The file stays,
 * for others may be about to lock it. Undefined when another holds it.
 */
export function takeLock(file: string): InstanceLock | undefined {
  // A file that others can read is one that they can lock.
  closeSync(openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode === BUSY) return undefined;
    throw error;
  }
  return { release: () => db.close() };
}
