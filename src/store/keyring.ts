/**
 * Values that are encrypted in the file: AES-256-GCM under a random nonce, with the key in the store as additional data, so
 * that a value that was moved to another key does not open. Which secret it was is said in front of it.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DamagedError, KeyError } from './types.ts';

export interface SealingKey {
  /** Letters, digits and `-`. */
  readonly id: string;
  readonly secret: Buffer;
}

export const SECRET_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** No JSON begins like this. */
export const SEALED = 'purlin:sealed:v1:';

const sealedBy = (id: string): string => `${SEALED}${id}:`;

/** Which key a stored value was sealed with; undefined when it was not. */
export function sealingKeyOf(stored: string): string | undefined {
  return stored.startsWith(SEALED)
    ? stored.slice(SEALED.length, stored.indexOf(':', SEALED.length))
    : undefined;
}

/** The secrets of a store. The first one seals, all of them open. */
export class Keyring {
  /** Where they come from, for messages. */
  readonly file: string;
  readonly #prefixes: readonly string[];
  #keys: readonly SealingKey[];

  /** @param prefixes of the keys in the store whose values are sealed */
  constructor(file: string, prefixes: readonly string[], keys: readonly SealingKey[]) {
    this.file = file;
    this.#prefixes = prefixes;
    this.#keys = keys;
  }

  get keys(): readonly SealingKey[] {
    return this.#keys;
  }

  get prefixes(): readonly string[] {
    return this.#prefixes;
  }

  replace(keys: readonly SealingKey[]): void {
    this.#keys = keys;
  }

  /** The beginning of all values that are sealed as they would be now. */
  get mark(): string {
    return sealedBy(this.#writing.id);
  }

  /** Whether the value is to be sealed, and is not, or not with the first secret. */
  isStale(key: string, stored: string): boolean {
    return this.#covers(key) && !stored.startsWith(this.mark);
  }

  /** As it is stored. */
  seal(key: string, value: string): string {
    if (!this.#covers(key)) return value;
    const { id, secret } = this.#writing;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', secret, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(key));
    const sealed = Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return sealedBy(id) + sealed.toString('base64');
  }

  /**
   * As it was before it was sealed.
   * @throws KeyError when its secret is not here, DamagedError when it does not open with it
   */
  open(key: string, stored: string): string {
    const id = sealingKeyOf(stored);
    if (id === undefined) return stored;
    const known = this.#keys.find((each) => each.id === id);
    if (!known) throw new KeyError(missing(id, this.file));
    const sealed = Buffer.from(stored.slice(sealedBy(id).length), 'base64');
    const end = sealed.length - TAG_BYTES;
    try {
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', known.secret, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(key));
      decipher.setAuthTag(sealed.subarray(end));
      return decipher.update(sealed.subarray(NONCE_BYTES, end), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new DamagedError(`${JSON.stringify(key)} does not open with the encryption key ${id}`, { cause });
    }
  }

  get #writing(): SealingKey {
    const [first] = this.#keys;
    if (!first) throw new KeyError(`there is no encryption key in ${this.file}`);
    return first;
  }

  #covers(key: string): boolean {
    return this.#prefixes.some((prefix) => key.startsWith(prefix));
  }
}

const missing = (id: string, file: string): string =>
  `it is encrypted with the key ${id}, which is not in ${file}; put the key back from a copy of that file`;

/** For a store that seals nothing. */
export const noKeys = new Keyring('(no key file)', [], []);
