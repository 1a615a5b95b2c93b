import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Layout } from '../../../src/host/storage/layout.ts';

const layout = new Layout('/data');
const uid = '0b5f5f6e-1111-4222-8333-444455556666';

describe('paths', () => {
  test('come from UIDs and digests', () => {
    const hex = 'ab'.repeat(32);
    expect(layout.diskData(uid)).toBe(`/data/disks/${uid}/disk.img`);
    expect(layout.blobData(`sha256:${hex}`)).toBe(`/data/images/blobs/${hex}/image.img`);
    expect(layout.ref(uid)).toBe(`/data/images/refs/${uid}.json`);
    expect(layout.seedIso(uid)).toBe(`/data/seeds/${uid}.iso`);
    expect(layout.machine(uid)).toBe(`/data/machines/${uid}`);
  });

  test.each([
    '',
    '.',
    '..',
    '../..',
    `../${uid}`,
    `${uid}/..`,
    `${uid}\0`,
    `${uid}\n`,
    uid.toUpperCase(),
    `{${uid}}`,
    uid.replaceAll('-', ''),
    `json:{"driver":"file"}`,
    `nbd:${uid}`,
  ])('%j is no UID', (text) => {
    for (const path of ['disk', 'ref', 'seedIso', 'seedRecord', 'machine'] as const)
      expect(() => layout[path](text)).toThrow('is not a UID');
  });

  test('whatever text comes, a path stays directly below its directory', () => {
    const texts = fc.oneof(fc.string(), fc.uuid(), fc.stringMatching(/^[0-9a-f./-]{36}$/));
    fc.assert(
      fc.property(texts, (text) => {
        let path: string;
        try {
          path = layout.disk(text);
        } catch {
          return;
        }
        expect(path).toMatch(/^\/data\/disks\/[0-9a-f-]{36}$/);
      }),
    );
  });

  test.each([
    '',
    'sha256:',
    `sha512:${'a'.repeat(64)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:../${'a'.repeat(61)}`,
  ])('%j is no digest', (text) => {
    expect(() => layout.blob(text)).toThrow('is not a digest');
  });

  test('a UID that is not a text is refused', () => {
    const array = [uid] as unknown as string;
    expect(() => layout.disk(array)).toThrow('is not a UID');
  });
});
