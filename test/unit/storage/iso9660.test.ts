import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isoVolume } from '../../../src/host/storage/iso9660.ts';

const sector = 2048;

/** Reads the root directory by ECMA-119 alone: file identifiers and contents. */
function readVolume(volume: Buffer, descriptorAt: number): Record<string, string> {
  const descriptor = volume.subarray(descriptorAt * sector);
  expect(descriptor.toString('latin1', 1, 6)).toBe('CD001');
  expect(descriptor.readUInt32LE(80) * sector).toBe(volume.length);
  const root = volume.subarray(descriptor.readUInt32LE(156 + 2) * sector).subarray(0, sector);
  const files: Record<string, string> = {};
  for (let offset = 0; root[offset]; offset += root.readUInt8(offset)) {
    const record = root.subarray(offset, offset + root.readUInt8(offset));
    expect(record.readUInt32LE(2)).toBe(record.readUInt32BE(6));
    expect(record.length % 2).toBe(0);
    if (record.readUInt8(25) === 2) continue;
    const name = record.toString('latin1', 33, 33 + record.readUInt8(32)).replaceAll('\0', '');
    const start = record.readUInt32LE(2) * sector;
    files[name] = volume.toString('utf8', start, start + record.readUInt32LE(10));
  }
  return files;
}

describe('ISO 9660 volumes', () => {
  test('hold any content under both kinds of names', () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 2000, maxLength: 6000 }));
    fc.assert(
      fc.property(text, text, text, (meta, network, user) => {
        const volume = isoVolume('cidata', {
          'user-data': user,
          'meta-data': meta,
          'network-config': network,
        });
        expect(readVolume(volume, 16)).toEqual({
          'META_DATA.;1': meta,
          'NETWORK_CONFIG.;1': network,
          'USER_DATA.;1': user,
        });
        expect(readVolume(volume, 17)).toEqual({
          'meta-data': meta,
          'network-config': network,
          'user-data': user,
        });
      }),
    );
  });

  test('carry their label where the tools look for it', () => {
    expect(isoVolume('cidata', {}).toString('latin1', 32_808, 32_814)).toBe('cidata');
  });

  test('do not depend on the order of the files', () => {
    expect(isoVolume('cidata', { b: '2', a: '1' }).equals(isoVolume('cidata', { a: '1', b: '2' }))).toBe(
      true,
    );
  });
});
