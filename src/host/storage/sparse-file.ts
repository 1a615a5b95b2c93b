import type { FileHandle } from 'node:fs/promises';

const blockBytes = 64 * 1024;
const zeroes = Buffer.alloc(blockBytes);

/** Appends to a new file, leaving holes where whole blocks are zero: raw images are mostly empty. */
export class SparseFile {
  readonly #handle: FileHandle;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #writtenBytes = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  get sizeBytes(): number {
    return this.#writtenBytes + this.#pendingBytes;
  }

  async append(chunk: Buffer): Promise<void> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= 16 * blockBytes)
      await this.#flush(Math.floor(this.#pendingBytes / blockBytes) * blockBytes);
  }

  /** Writes the rest and flushes the file to the disk. */
  async finish(): Promise<void> {
    await this.#flush(this.#pendingBytes);
    await this.#handle.truncate(this.#writtenBytes);
    await this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Writes runs of non-zero blocks, and skips over the others. */
  async #flush(bytes: number): Promise<void> {
    const all = Buffer.concat(this.#pending);
    let offset = 0;
    while (offset < bytes) {
      const start = offset;
      const empty = isZero(all, offset, bytes);
      while (offset < bytes && isZero(all, offset, bytes) === empty)
        offset = Math.min(offset + blockBytes, bytes);
      if (!empty) await this.#write(all.subarray(start, offset), this.#writtenBytes + start);
    }
    this.#writtenBytes += bytes;
    this.#pending = [all.subarray(bytes)];
    this.#pendingBytes = all.length - bytes;
  }

  async #write(data: Buffer, position: number): Promise<void> {
    let done = 0;
    while (done < data.length) {
      const { bytesWritten } = await this.#handle.write(data, done, data.length - done, position + done);
      done += bytesWritten;
    }
  }
}

function isZero(data: Buffer, start: number, limit: number): boolean {
  const end = Math.min(start + blockBytes, limit);
  return data.compare(zeroes, 0, end - start, start, end) === 0;
}
