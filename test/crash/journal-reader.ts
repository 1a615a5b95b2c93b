import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { JournalEntry } from './faults.ts';

/** Reads each entry of a journal once, however often somebody looks: one is written for hundreds of lives. */
export class JournalReader {
  readonly #path: string;
  readonly #entries: JournalEntry[] = [];
  /** Up to where it was read. */
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** All that was written so far. */
  entries(): readonly JournalEntry[] {
    const added = this.#added();
    const whole = added.subarray(0, added.lastIndexOf('\n') + 1);
    this.#bytes += whole.length;
    for (const line of whole.toString().split('\n'))
      if (line !== '') this.#entries.push(JSON.parse(line) as JournalEntry);
    return this.#entries;
  }

  #added(): Buffer {
    const file = openSync(this.#path, 'r');
    try {
      const added = Buffer.alloc(fstatSync(file).size - this.#bytes);
      return added.subarray(0, readSync(file, added, 0, added.length, this.#bytes));
    } finally {
      closeSync(file);
    }
  }
}
