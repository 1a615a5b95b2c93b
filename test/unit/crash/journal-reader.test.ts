/** What the supervisor of the crash points reads while the processes that it kills are writing. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { JournalEntry } from '../../crash/faults.ts';
import { JournalReader } from '../../crash/journal-reader.ts';

let directory: string;
let journal: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-journal-'));
  journal = join(directory, 'journal');
});
afterEach(() => rmSync(directory, { recursive: true }));

const ready = (pid: number): JournalEntry => ({ event: 'ready', pid });
const lineOf = (entry: JournalEntry): string => `${JSON.stringify(entry)}\n`;

test('each look has all entries, those of before and those that were written since', () => {
  writeFileSync(journal, lineOf(ready(1)));
  const reader = new JournalReader(journal);
  expect(reader.entries()).toEqual([ready(1)]);
  expect(reader.entries()).toEqual([ready(1)]);
  appendFileSync(journal, lineOf(ready(2)) + lineOf(ready(3)));
  expect(reader.entries()).toEqual([ready(1), ready(2), ready(3)]);
});

test('an entry that is being written is read when it is whole, wherever it was cut', () => {
  const entry: JournalEntry = {
    event: 'failed',
    phase: 'create',
    boundary: 'b',
    atMs: 1,
    error: 'no space left on “disk”',
  };
  const bytes = Buffer.from(lineOf(entry));
  for (let cut = 0; cut < bytes.length; cut += 1) {
    writeFileSync(journal, lineOf(ready(1)));
    appendFileSync(journal, bytes.subarray(0, cut));
    const reader = new JournalReader(journal);
    expect(reader.entries()).toEqual([ready(1)]);
    appendFileSync(journal, bytes.subarray(cut));
    expect(reader.entries()).toEqual([ready(1), entry]);
  }
});
