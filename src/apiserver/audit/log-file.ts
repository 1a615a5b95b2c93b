/** A private file of lines that are written in batches, behind the back of whoever gives them, and rotated by size. */
import { chmod, mkdir, open, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface LogFileOptions {
  readonly file: string;
  /** The file is put aside, as `<file>.1` and so on, before it grows over this. */
  readonly maxBytes: number;
  /** How many files are kept in all. */
  readonly maxFiles: number;
  /** What may wait to be written; lines beyond are lost. */
  readonly maxWaitingBytes: number;
  /** Told when lines were lost. */
  readonly onLost: (lines: number, why: string) => void;
}

/** The file system as far as it is needed, so that a full disk can be played. */
export interface Disk {
  open(file: string): Promise<Pick<FileHandle, 'write' | 'close'>>;
}

const REAL_DISK: Disk = {
  open: async (file) => {
    const handle = await open(file, 'a', 0o600);
    await chmod(file, 0o600);
    return handle;
  },
};

export class LogFile {
  readonly #options: LogFileOptions;
  readonly #disk: Disk;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #handle: Awaited<ReturnType<Disk['open']>> | undefined;
  #bytes = 0;
  #closed = false;
  /** The last write may have ended within a line. */
  #torn = false;

  constructor(options: LogFileOptions, disk: Disk = REAL_DISK) {
    this.#options = options;
    this.#disk = disk;
  }

  /** Never throws and never waits. */
  append(line: string): void {
    const { maxWaitingBytes, onLost } = this.#options;
    if (this.#waitingBytes + line.length > maxWaitingBytes) {
      onLost(1, 'lines come faster than they can be written');
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#writeAll();
  }

  /** Writes what waits, and closes the file. What comes later is still written, each time to a file that is closed again. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#writing) await this.#writing;
    await this.#letGo();
  }

  async #writeAll(): Promise<void> {
    // What comes in the same turn goes in the same batch.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      await this.#writeBatch(lines).catch((error: Error) => {
        this.#torn = true;
        this.#options.onLost(lines.length, error.message);
        return this.#letGo();
      });
    }
    if (this.#closed) await this.#letGo();
    // It may have come while the file was being closed.
    this.#writing = this.#waiting.length > 0 ? this.#writeAll() : undefined;
  }

  async #writeBatch(lines: readonly string[]): Promise<void> {
    const { file, maxBytes } = this.#options;
    const batch = Buffer.from(`${this.#torn ? '\n' : ''}${lines.join('\n')}\n`);
    this.#handle ??= await this.#open();
    if (this.#bytes > 0 && this.#bytes + batch.length > maxBytes) {
      await this.#letGo();
      await rotate(file, this.#options.maxFiles);
      this.#handle = await this.#open();
    }
    for (let written = 0; written < batch.length; ) {
      const { bytesWritten } = await this.#handle.write(batch, written);
      written += bytesWritten;
      this.#bytes += bytesWritten;
    }
    this.#torn = false;
  }

  async #open(): Promise<Awaited<ReturnType<Disk['open']>>> {
    const { file } = this.#options;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await this.#disk.open(file);
    this.#bytes = await stat(file).then(
      ({ size }) => size,
      () => 0,
    );
    return handle;
  }

  async #letGo(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}

async function rotate(file: string, maxFiles: number): Promise<void> {
  for (let i = maxFiles - 1; i >= 1; i--) {
    const from = i === 1 ? file : `${file}.${i - 1}`;
    await rename(from, `${file}.${i}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
