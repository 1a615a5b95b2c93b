/** The vocabulary of the store. Revisions are positive integers; 0 means "nothing yet" or "absent". */

/** One stored value as it was at a revision. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  /** The revision of the write that produced this value: what a compare-and-swap compares. */
  readonly revision: number;
}

export type ChangeType = 'create' | 'update' | 'delete';

/** One committed write. A deletion carries the last value in `previous` and no `value`. */
export interface Change {
  readonly type: ChangeType;
  readonly key: string;
  readonly revision: number;
  readonly value?: string;
  readonly previous?: Entry;
}

export interface ListOptions {
  /** State as of this revision; without it, the newest. Older than the compacted one throws {@link CompactedError}. */
  readonly revision?: number;
  readonly limit?: number;
  /** Nothing more is read once values of so many characters were: the last of them may exceed it. */
  readonly characters?: number;
  /** Only keys that sort strictly after this one: the `continue` of a paged list. */
  readonly after?: string;
}

export interface ListResult {
  readonly entries: Entry[];
  /** The revision that the whole list is consistent with. */
  readonly revision: number;
  /**
   * The key after which to go on, undefined at the end. At an older revision there may be entries to come although
   * there are fewer than were wanted, or none.
   */
  readonly reached: string | undefined;
  /** How much was looked at for them, in rows. */
  readonly looked: number;
  /** How many entries follow. Undefined when it would take too long to find out. */
  remaining(): number | undefined;
}

/** Waits until it is somebody's turn; resolves at once, or is nothing, when it is. */
export type Turn = () => Promise<void> | undefined;

/**
 * A stream of changes in commit order, without gap or repetition. A slow reader costs no memory: recent changes are kept
 * once for all watches, and one that is further behind reads the log.
 */
export interface Watch {
  /**
   * Resolves with at least one change and at most a page of them, or with an empty list once closed. Throws
   * {@link CompactedError}.
   * @param turn awaited once there are changes, before they count as handed out
   */
  next(turn?: Turn): Promise<readonly Change[]>;
  /** Every change of the prefix up to this revision has been handed out: what a bookmark may promise. */
  readonly progress: number;
  /** Hands out what has been committed by now, and then nothing more. */
  end(): void;
  close(): void;
}

/** While it holds, the database file stays as it was at a revision; what is written meanwhile is kept beside it. */
export interface Freeze {
  readonly file: string;
  /** All that was acknowledged before is in the file. */
  readonly revision: number;
  /** Aborted when it holds no more: ended, the store closed, or more was written meanwhile than there may be. */
  readonly over: AbortSignal;
  end(): void;
}

export interface Store {
  /** The revision of the last commit. */
  readonly revision: number;
  /** State and changes before this revision are gone. */
  readonly compactedRevision: number;
  get(key: string): Entry | undefined;
  list(prefix: string, options?: ListOptions): ListResult;
  count(prefix: string): number;
  /**
   * Rejects with {@link ExistsError}, and with {@link RefusedError} when `check` throws, which is called in the commit:
   * it sees every write before this one. Resolves once the write is on disk.
   */
  create(key: string, value: string, check?: () => void): Promise<Entry>;
  /** Rejects with {@link ConflictError} unless the key's current revision is `expected`. */
  update(key: string, value: string, expected: number): Promise<Entry>;
  /** Resolves with the revision of the deletion; rejects like {@link Store.update}. */
  delete(key: string, expected: number): Promise<Entry>;
  /** Changes after `fromRevision`. Throws {@link CompactedError} if they are no longer known. */
  watch(prefix: string, fromRevision: number): Watch;
  /** Forgets superseded values and changes up to `revision`, in small steps. */
  compact(revision: number): Promise<void>;
  /** Throws {@link FrozenError} while another freeze holds, {@link FullError}. */
  freeze(): Freeze;
  room(): Room;
  /** Makes a new encryption key, encrypts with it what is encrypted, and drops the old ones. */
  rotateKeys(): Promise<Rotation>;
  close(): void;
}

/** What a change of encryption keys has done. */
export interface Rotation {
  /** Id of the key that is used now. */
  readonly key: string;
  readonly dropped: readonly string[];
  /** Values, old ones among them, that were encrypted anew. */
  readonly resealed: number;
}

/** What the file of a store takes. */
export interface Room {
  readonly bytes: number;
  /** Of these: given up by compaction, for later writes. */
  readonly freeBytes: number;
}

/** A create found the key taken. */
export class ExistsError extends Error {
  override readonly name = 'ExistsError';
  readonly key: string;

  constructor(key: string) {
    super(`${key} already exists`);
    this.key = key;
  }
}

/** The check of a write threw, which is the cause; nothing was written. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';

  constructor(key: string, cause: unknown) {
    super(`${key} was refused`, { cause });
  }
}

/** A compare-and-swap found another revision; `current` is undefined when the key is absent. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly current: Entry | undefined;

  constructor(key: string, expected: number, current: Entry | undefined) {
    super(`${key} is at revision ${current?.revision ?? 'none'}, expected ${expected}`);
    this.current = current;
  }
}

/** History before the compacted revision was asked for; the Kubernetes answer is 410 Expired. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';

  constructor(requested: number, compacted: number) {
    super(`revision ${requested} is gone: the oldest known one is ${compacted}`);
  }
}

/** Somebody asks for a revision that was never committed here. */
export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError';
  readonly current: number;

  constructor(requested: number, current: number) {
    super(`revision ${requested} is in the future, current: ${current}`);
    this.current = current;
  }
}

/** What was read is not what was written: the file rotted, or was changed by something else. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
  readonly finding: string;

  constructor(finding: string, options?: ErrorOptions) {
    super(`the store is damaged: ${finding}; restore it from a backup`, options);
    this.finding = finding;
  }
}

/** There is no room for a write; nothing of it was done, and it may be tried again once there is. */
export class FullError extends Error {
  override readonly name = 'FullError';

  constructor(options?: ErrorOptions) {
    super('the disk of the store is full; free space on it', options);
  }
}

/** Another process has the store open. */
export class StoreInUseError extends Error {
  override readonly name = 'StoreInUseError';

  constructor(file: string, options?: ErrorOptions) {
    super(`the store ${file} is in use by another process; stop that one first`, options);
  }
}

/** Somebody reads the database file already, and it cannot be of two revisions. */
export class FrozenError extends Error {
  override readonly name = 'FrozenError';

  constructor() {
    super('a backup or a verification of the store is under way; try again when it is done');
  }
}

/** A value cannot be decrypted, because of the keys and not of the value. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}
