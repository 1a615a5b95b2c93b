import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isNativeError } from 'node:util/types';
import type { Order } from '../queue/order.ts';
import { agentDirectory } from './identity.ts';

/** Who may give orders here: fixed by the first start, and by nobody else afterwards. */
export interface Trust {
  installationUid: string;
  /** Ed25519, SubjectPublicKeyInfo, PEM */
  controllerPublicKey: string;
}

/** Why an order was refused; `reason` goes into the result. */
export interface Refusal {
  reason: 'ForeignInstallation' | 'WrongHost' | 'StaleEpoch' | 'StaleGeneration' | 'StaleBasis';
  message: string;
}

/** Another process, or another installation, holds this data directory. */
export class DataDirectoryTaken extends Error {
  override readonly name = 'DataDirectoryTaken';
}

/** Proofs of removal beyond this age or number go; a finalizer that still waits then finds a complete snapshot. */
const removalsKeptMs = 30 * 24 * 3_600_000;
const removalsKept = 2_000;

/**
 * What must outlive the agent so that a late or repeated order cannot do harm: the highest epoch, the highest
 * generation of each object, and what was removed. Each fact is on disk before the effect that it guards.
 * Generations are compared within one epoch only: a later leader has read the API anew, and where the API's store was
 * restored from a backup its generations are lower and yet right.
 * Bases need no disk: a basis of another incarnation is refused anyway.
 */
export class Fence {
  readonly #database: DatabaseSync;
  readonly #incarnation: string;
  readonly #agentUid: string;
  readonly #now: () => number;
  /** UID → sequence of the snapshot that shows the last effect of its own orders. */
  readonly #effects = new Map<string, number>();
  /** UID or digest → the same for orders of others that stand on it. */
  readonly #touches = new Map<string, number>();
  #epoch: number;
  /** Read again from the database after a change. */
  #removed: Record<string, number> | undefined;
  readonly trust: Trust;

  /** @throws DataDirectoryTaken */
  constructor(options: {
    dataDir: string;
    agentUid: string;
    incarnation: string;
    trust: Trust;
    now: () => number;
  }) {
    const directory = agentDirectory(options.dataDir);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#database = openExclusively(join(directory, 'fence.sqlite'));
    this.#incarnation = options.incarnation;
    this.#agentUid = options.agentUid;
    this.#now = options.now;
    try {
      this.trust = this.#settleTrust(options.trust);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#epoch = Number(this.#fact('epoch') ?? 0);
  }

  /** The highest epoch that was accepted. */
  get epoch(): number {
    return this.#epoch;
  }

  /** @returns whether it is now the accepted one */
  acceptEpoch(epoch: number): boolean {
    if (epoch < this.#epoch) return false;
    if (epoch > this.#epoch) this.#setFact('epoch', String(epoch));
    this.#epoch = epoch;
    return true;
  }

  /** Looks without remembering anything. */
  check(order: Order): Refusal | undefined {
    if (order.installationUid !== this.trust.installationUid) {
      return refusal('ForeignInstallation', `the order is of installation ${order.installationUid}`);
    }
    if (order.hostUid !== this.#agentUid)
      return refusal('WrongHost', `the order is for agent ${order.hostUid}`);
    if (order.epoch < this.#epoch) {
      return refusal('StaleEpoch', `epoch ${order.epoch} is over; ${this.#epoch} was accepted`);
    }
    const admitted = this.#admitted(order.uid);
    if (order.epoch === admitted?.epoch && order.generation < admitted.generation) {
      return refusal('StaleGeneration', `generation ${order.generation} came after ${admitted.generation}`);
    }
    if (order.incarnation !== this.#incarnation) {
      return refusal('StaleBasis', 'the agent was restarted since the order was planned');
    }
    const effect = this.#lastEffect(order);
    if (order.basis < effect) {
      return refusal(
        'StaleBasis',
        `planned from snapshot ${order.basis}; the last effect shows in ${effect}`,
      );
    }
    return undefined;
  }

  /** Remembers an order that is about to take effect; from now on nothing older can. */
  admit(order: Order): void {
    this.acceptEpoch(order.epoch);
    this.#database
      .prepare(
        `INSERT INTO admitted (uid, epoch, generation) VALUES (?, ?, ?)
         ON CONFLICT (uid) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation,
           removedAtGeneration = NULL, removedAt = NULL`,
      )
      .run(order.uid, order.epoch, order.generation);
    if (this.#removed && order.uid in this.#removed) this.#removed = undefined;
  }

  /** The effect on everything that the order touched shows in the snapshot of this sequence. */
  recordEffect(order: Order, sequence: number): void {
    this.#effects.set(order.uid, sequence);
    for (const key of order.lock) this.#touches.set(key, sequence);
  }

  recordRemoval(order: Order): void {
    this.#database
      .prepare('UPDATE admitted SET removedAtGeneration = ?, removedAt = ? WHERE uid = ?')
      .run(order.generation, this.#now(), order.uid);
    this.#database
      .prepare(
        `DELETE FROM admitted WHERE removedAt < ? OR uid IN
           (SELECT uid FROM admitted WHERE removedAt IS NOT NULL ORDER BY removedAt DESC LIMIT -1 OFFSET ?)`,
      )
      .run(this.#now() - removalsKeptMs, removalsKept);
    this.#removed = undefined;
  }

  /** UID → generation at which nothing of it was left here. */
  removed(): Record<string, number> {
    this.#removed ??= Object.fromEntries(
      this.#database
        .prepare('SELECT uid, removedAtGeneration FROM admitted WHERE removedAt IS NOT NULL')
        .all()
        .map((row) => [String(row.uid), Number(row.removedAtGeneration)]),
    );
    return this.#removed;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /**
   * A destruction must also have been planned after everybody else's effects on the object: they may use it now.
   * Anything else would only wait in vain while others come and go on it.
   */
  #lastEffect({ uid, action }: Order): number {
    const own = this.#effects.get(uid) ?? 0;
    return action.name.endsWith('.delete') ? Math.max(own, this.#touches.get(uid) ?? 0) : own;
  }

  #admitted(uid: string): { epoch: number; generation: number } | undefined {
    const row = this.#database.prepare('SELECT epoch, generation FROM admitted WHERE uid = ?').get(uid);
    return row && { epoch: Number(row.epoch), generation: Number(row.generation) };
  }

  #settleTrust(given: Trust): Trust {
    const settled = this.#fact('trust');
    if (settled === undefined) {
      this.#setFact('trust', JSON.stringify(given));
      return given;
    }
    const trust = JSON.parse(settled) as Trust;
    if (
      trust.installationUid === given.installationUid &&
      trust.controllerPublicKey === given.controllerPublicKey
    ) {
      return trust;
    }
    throw new DataDirectoryTaken(
      `this host obeys installation ${trust.installationUid} and its key; it was started for ` +
        `${given.installationUid}${trust.installationUid === given.installationUid ? ' with another key' : ''}. ` +
        'Use another data directory, or move this one away to give the host up',
    );
  }

  #fact(name: string): string | undefined {
    const row = this.#database.prepare('SELECT value FROM facts WHERE name = ?').get(name);
    return row && String(row.value);
  }

  #setFact(name: string, value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)').run(name, value);
  }
}

const refusal = (reason: Refusal['reason'], message: string): Refusal => ({ reason, message });

/** An exclusive lock for the life of the process: two agents on one data directory would break every promise. */
function openExclusively(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS admitted (
        uid TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        removedAtGeneration INTEGER,
        removedAt INTEGER
      ) STRICT;
      CREATE INDEX IF NOT EXISTS removals ON admitted (removedAt) WHERE removedAt IS NOT NULL;
      COMMIT;`);
  } catch (error) {
    database.close();
    if (isNativeError(error) && error.message.includes('locked')) {
      throw new DataDirectoryTaken(`another agent runs on ${path}; stop it first`, { cause: error });
    }
    throw error;
  }
  return database;
}
