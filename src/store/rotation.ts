import type { DatabaseSync } from 'node:sqlite';
import type { Freezer } from './freezer.ts';
import { inOurWords } from './integrity.ts';
import { makeKey, writeKeyFile } from './key-file.ts';
import type { Keyring } from './keyring.ts';
import { keysInUse, reseal } from './sealed-rows.ts';
import type { Rotation } from './types.ts';

/** Changes the key of an open store. */
export class KeyRotation {
  readonly #db: DatabaseSync;
  readonly #keyring: Keyring;
  readonly #freezer: Freezer;
  readonly #isOpen: () => boolean;
  /** One after the other; never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(db: DatabaseSync, keyring: Keyring, freezer: Freezer, isOpen: () => boolean) {
    this.#db = db;
    this.#keyring = keyring;
    this.#freezer = freezer;
    this.#isOpen = isOpen;
  }

  /**
   * A crash at any moment leaves all keys that are needed: the new one is in the file before it is used, the old ones
   * until nothing needs them.
   */
  rotate(): Promise<Rotation> {
    return this.#inTurn(async () => {
      const { keys, file } = this.#keyring;
      const fresh = makeKey(new Date());
      writeKeyFile(file, [fresh, ...keys]);
      this.#keyring.replace([fresh, ...keys]);
      const resealed = await this.#resealAll();
      const needed = new Set(inOurWords(() => keysInUse(this.#db)));
      const kept = keys.filter(({ id }) => needed.has(id));
      writeKeyFile(file, [fresh, ...kept]);
      this.#keyring.replace([fresh, ...kept]);
      const dropped = keys.filter((key) => !kept.includes(key)).map(({ id }) => id);
      return { key: fresh.id, dropped, resealed };
    });
  }

  async #resealAll(): Promise<number> {
    const resealed = await reseal(this.#db, this.#keyring, this.#isOpen);
    // Only then does no row of the database file itself need the old ones, however it is copied.
    while (this.#isOpen() && this.#freezer.isFrozen) await this.#freezer.thawed();
    if (!this.#isOpen()) throw new Error('the store was closed');
    inOurWords(() => this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
    return resealed;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
