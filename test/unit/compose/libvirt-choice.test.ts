import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keepLibvirtChoice, libvirtChoice, LibvirtChoiceKept } from '../../../src/compose/libvirt-choice.ts';
import { pathsOf } from '../../../src/compose/paths.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'purlin-choice-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

test.each([
  ['auto', undefined],
  ['private', 'private'],
  ['system', 'system'],
] as const)('on a new host --libvirt %s is %s', (asked, choice) => {
  expect(libvirtChoice(dataDir, asked)).toBe(choice);
});

test.each([
  ['private', 'auto'],
  ['private', 'private'],
  ['system', 'auto'],
  ['system', 'system'],
] as const)('%s is kept with --libvirt %s', (kept, asked) => {
  keepLibvirtChoice(dataDir, kept);
  expect(libvirtChoice(dataDir, asked)).toBe(kept);
});

test.each([
  ['private', 'system'],
  ['system', 'private'],
] as const)(
  'a host with the guests of the %s libvirt refuses --libvirt %s, and says what to do',
  (kept, asked) => {
    keepLibvirtChoice(dataDir, kept);
    const refusal = () => libvirtChoice(dataDir, asked);
    expect(refusal).toThrow(LibvirtChoiceKept);
    for (const part of [
      `--libvirt ${asked}`,
      `says ${kept}`,
      pathsOf(dataDir).libvirtChoice,
      'purlin down --purge',
    ])
      expect(refusal).toThrow(part);
  },
);

test('a file that says neither is not taken for no choice', () => {
  writeFileSync(pathsOf(dataDir).libvirtChoice, '\n');
  expect(() => libvirtChoice(dataDir, 'auto')).toThrow(LibvirtChoiceKept);
});
