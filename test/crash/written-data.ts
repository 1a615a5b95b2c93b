/** What somebody wrote into each Disk of a life as soon as it was there: a file that is made anew does not have it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterCalls } from './process/after-calls.ts';

const qemuIo = '/usr/bin/qemu-io';
/** What qemu-io fills the place with, and looks for there. */
const pattern = '0x5a';
const lengthBytes = 65_536;
/** From the end that the Disk is made with, which stays where it is: no file system of the demo image gets so far. */
const beforeEndBytes = 2 ** 20;
/** A full disk is not full for ever. */
const tryAgainMs = 200;

const dataIn = (disks: string, uid: string): string => join(disks, uid, 'disk.img');

/** Writes into Disks that are new. It remembers which are not, over every restart of its process. */
export class DataWriter {
  readonly #disks: string;
  readonly #book: string;

  /** @param book a directory with a file for each Disk: where in it something was written */
  constructor(dataDir: string, book: string) {
    this.#disks = join(dataDir, 'disks');
    this.#book = book;
    mkdirSync(book, { recursive: true });
    this.#writeWhereNew();
  }

  /** The same port; each Disk that is made through it is written to. */
  readonly around = <Port extends object>(storage: Port): Port =>
    afterCalls(storage, 'createDisk', () => this.#writeWhereNew());

  /** At once, whatever else the process has to do: one that is killed in between would leave it to the next one. */
  #writeWhereNew(): void {
    const uids = existsSync(this.#disks) ? readdirSync(this.#disks) : [];
    try {
      for (const uid of uids) if (!existsSync(join(this.#book, uid))) this.#write(uid);
    } catch {
      setTimeout(() => this.#writeWhereNew(), tryAgainMs).unref();
    }
  }

  #write(uid: string): void {
    const { format, sizeBytes } = JSON.parse(
      readFileSync(join(this.#disks, uid, 'complete.json'), 'utf8'),
    ) as { format: string; sizeBytes: number };
    const offset = sizeBytes - beforeEndBytes;
    const command = `write -q -P ${pattern} ${offset} ${lengthBytes}`;
    execFileSync(qemuIo, ['-f', format, '-c', command, dataIn(this.#disks, uid)], { stdio: 'pipe' });
    writeFileSync(join(this.#book, uid), String(offset));
  }
}

export type Written = 'as it was written' | 'lost' | 'never written';

/** Looks for what was written, also while a guest has the Disk open. */
export async function writtenData(
  book: string,
  disk: { uid: string; file: string; format: string },
): Promise<Written> {
  const entry = join(book, disk.uid);
  if (!existsSync(entry)) return 'never written';
  const command = `read -q -P ${pattern} ${readFileSync(entry, 'utf8')} ${lengthBytes}`;
  const read = await execa(qemuIo, ['-r', '-U', '-f', disk.format, '-c', command, disk.file], {
    reject: false,
  });
  return read.exitCode === 0 ? 'as it was written' : 'lost';
}
