import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';

export interface InstanceLock {
  release(): void;
}

/** What SQLite says when another holds the lock. */
const BUSY = 5;
/** Two that take it step by step at the same moment hinder each other: then one of them is a little slower. */
const TRIES = 8;
const LONGEST_PAUSE_MS = 60;
/** Opening a file a second time and closing it again would drop the first lock of this process. */
const held = new Set<string>();

/**
 * A lock that at most one process holds, and that ends with it however it ends: the kernel keeps it. The file stays,
 * for others may be about to lock it. Undefined when another holds it.
 */
export async function takeLock(file: string): Promise<InstanceLock | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (attempt > 0) await delay(Math.random() * LONGEST_PAUSE_MS);
    const lock = tryLock(file);
    if (lock) return lock;
  }
  return undefined;
}

function tryLock(file: string): InstanceLock | undefined {
  if (held.has(file)) return undefined;
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
  held.add(file);
  return {
    release: () => {
      held.delete(file);
      if (db.isOpen) db.close();
    },
  };
}
