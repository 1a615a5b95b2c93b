import { Buffer } from 'node:buffer';

/**
 * XDR (RFC 4506), as far as libvirt's remote protocol uses it: everything is big-endian and padded to
 * four bytes. A `hyper` is read as a JavaScript number, because every one that we use is a size or a
 * time below 2^53; one that is not is refused instead of being rounded.
 */
export class XdrWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeInt32BE(value);
    return this.#add(part);
  }

  uint(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32BE(value);
    return this.#add(part);
  }

  uhyper(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new XdrError(`${value} is no unsigned 64-bit integer that a number holds exactly`);
    }
    const part = Buffer.allocUnsafe(8);
    part.writeBigUInt64BE(BigInt(value));
    return this.#add(part);
  }

  string(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length > maxStringBytes) throw new XdrError(`a string of ${bytes.length} bytes is too long`);
    return this.uint(bytes.length).#add(bytes).#add(padding(bytes.length));
  }

  /** XDR "optional data": a flag, and the value when there is one. */
  optional<T>(value: T | null, write: (writer: this, value: T) => void): this {
    this.uint(value === null ? 0 : 1);
    if (value !== null) write(this, value);
    return this;
  }

  optionalString(value: string | null): this {
    return this.optional(value, (writer, text) => writer.string(text));
  }

  /** Opaque data of a length that both sides know. */
  fixed(bytes: Buffer): this {
    return this.#add(Buffer.from(bytes)).#add(padding(bytes.length));
  }

  array<T>(values: readonly T[], write: (writer: this, value: T) => void): this {
    this.uint(values.length);
    for (const value of values) write(this, value);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #add(part: Buffer): this {
    if (part.length > 0) this.#parts.push(part);
    return this;
  }
}

export class XdrReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  uint(): number {
    return this.#take(4).readUInt32BE();
  }

  hyper(): number {
    return exact(this.#take(8).readBigInt64BE());
  }

  uhyper(): number {
    return exact(this.#take(8).readBigUInt64BE());
  }

  string(): string {
    const length = this.uint();
    if (length > maxStringBytes) throw new XdrError(`a string of ${length} bytes is too long`);
    return this.fixed(length).toString('utf8');
  }

  optional<T>(read: (reader: this) => T): T | null {
    return this.uint() === 0 ? null : read(this);
  }

  optionalString(): string | null {
    return this.optional((reader) => reader.string());
  }

  fixed(length: number): Buffer {
    const value = this.#take(length);
    this.#take(padding(length).length);
    return value;
  }

  array<T>(read: (reader: this) => T): T[] {
    const length = this.uint();
    // Every element takes at least four bytes: a hostile length must not make us allocate.
    if (length > this.remaining / 4)
      throw new XdrError(`an array of ${length} elements does not fit the message`);
    return Array.from({ length }, () => read(this));
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  #take(length: number): Buffer {
    if (length > this.remaining) throw new XdrError(`${length} bytes wanted, ${this.remaining} left`);
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}

/** A message that does not follow XDR; on a connection it means that both sides lost step. */
export class XdrError extends Error {
  override readonly name = 'XdrError';
}

/** REMOTE_STRING_MAX of libvirt's remote_protocol.x. */
const maxStringBytes = 4 * 1024 * 1024;

const zeros = Buffer.alloc(3);

function padding(length: number): Buffer {
  return zeros.subarray(0, (4 - (length % 4)) % 4);
}

function exact(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new XdrError(`${value} does not fit a number exactly`);
  return number;
}
