import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StorageError } from '../../../src/host/ports/storage.ts';
import { checkImage } from '../../../src/host/storage/image-header.ts';
import { checkQcow2, headerWindowBytes } from '../../../src/host/storage/qcow2-header.ts';
import { type Qcow2Fields, qcow2 } from './qcow2-bytes.ts';

const limits = { maxVirtualSizeBytes: 2 ** 40 };
const check = (bytes: Buffer) =>
  checkImage('qcow2', bytes.subarray(0, headerWindowBytes), bytes.length, limits);

/** The reason why an image is refused, or `accepted`. */
function verdict(format: 'qcow2' | 'raw', bytes: Buffer): string {
  try {
    checkImage(format, bytes.subarray(0, headerWindowBytes), bytes.length, limits);
    return 'accepted';
  } catch (error) {
    if (error instanceof StorageError) {
      expect(error.retryable).toBe(false);
      return error.reason;
    }
    throw error;
  }
}

const extension = (type: number, text: string, claimedBytes?: number) => ({
  extensions: [{ type, data: Buffer.from(text), ...(claimedBytes !== undefined && { claimedBytes }) }],
});

describe('qcow2 headers from outside', () => {
  test('an empty image of version 3 or 2 is accepted with its virtual size', () => {
    expect(check(qcow2())).toBe(1_048_576);
    expect(check(qcow2({ version: 2 }))).toBe(1_048_576);
    expect(check(qcow2({ sizeBytes: 3n * 2n ** 28n, l1Entries: 2 }))).toBe(3 * 2 ** 28);
  });

  const cases: [string, Qcow2Fields, string][] = [
    ['a backing file', { backingFileOffset: 512n, backingFileSize: 11 }, 'BackingFileRefused'],
    ['a backing file of no length', { backingFileOffset: 512n }, 'BackingFileRefused'],
    ['a backing file name without a place', { backingFileSize: 11 }, 'BackingFileRefused'],
    ['a backing file beyond 2^63', { backingFileOffset: 2n ** 64n - 1n }, 'BackingFileRefused'],
    [
      'a backing file in version 2',
      { version: 2, backingFileOffset: 512n, backingFileSize: 1 },
      'BackingFileRefused',
    ],
    ['an external data file', { incompatible: 4n }, 'DataFileRefused'],
    ['an external data file that claims to be raw', { autoclear: 2n }, 'DataFileRefused'],
    ['the name of a data file', extension(0x44415441, '/etc/shadow'), 'DataFileRefused'],
    [
      'the name of a data file in version 2',
      { version: 2, ...extension(0x44415441, '/etc/shadow') },
      'DataFileRefused',
    ],
    ['an unknown incompatible feature', { incompatible: 32n }, 'UnsupportedFeature'],
    ['the highest unknown feature', { incompatible: 2n ** 63n }, 'UnsupportedFeature'],
    ['a dirty image', { incompatible: 1n }, 'UnsupportedFeature'],
    ['a corrupt image', { incompatible: 2n }, 'UnsupportedFeature'],
    ['AES encryption', { cryptMethod: 1 }, 'UnsupportedFeature'],
    ['LUKS encryption', { cryptMethod: 2 }, 'UnsupportedFeature'],
    ['an encryption header', extension(0x0537be77, 'x'.repeat(16)), 'UnsupportedFeature'],
    ['version 1', { version: 1 }, 'UnsupportedFeature'],
    ['version 4', { version: 4 }, 'UnsupportedFeature'],
    ['clusters of 256 bytes', { clusterBits: 8 }, 'NotAnImage'],
    ['clusters of 4 MiB', { clusterBits: 22 }, 'NotAnImage'],
    ['cluster_bits 2^32 - 1', { clusterBits: 0xffffffff }, 'NotAnImage'],
    ['no size', { sizeBytes: 0n }, 'NotAnImage'],
    ['a size above 2^53', { sizeBytes: 2n ** 63n }, 'NotAnImage'],
    ['an L1 table too small for the size', { sizeBytes: 2n ** 40n }, 'NotAnImage'],
    ['an L1 table beyond the file', { l1Offset: 2n ** 40n }, 'NotAnImage'],
    ['an L1 table that overflows', { l1Offset: 2n ** 64n - 65_536n }, 'NotAnImage'],
    ['an L1 table off its alignment', { l1Offset: 3n * 65_536n + 8n }, 'NotAnImage'],
    ['an L1 table over the header', { l1Offset: 0n }, 'NotAnImage'],
    ['an enormous L1 table', { l1Entries: 0xffffffff }, 'NotAnImage'],
    ['a refcount table beyond the file', { refcountTableOffset: 4n * 65_536n }, 'NotAnImage'],
    ['a refcount table over the header', { refcountTableOffset: 0n }, 'NotAnImage'],
    ['no refcount table', { refcountTableClusters: 0 }, 'NotAnImage'],
    ['an enormous refcount table', { refcountTableClusters: 0xffffffff }, 'NotAnImage'],
    ['refcounts of 128 bits', { refcountOrder: 7 }, 'NotAnImage'],
    ['a header shorter than version 3', { headerBytes: 72 }, 'NotAnImage'],
    ['a header longer than a cluster', { headerBytes: 65_544 }, 'NotAnImage'],
    ['a header of odd length', { headerBytes: 109 }, 'NotAnImage'],
    ['an extension that leaves the cluster', extension(0x12345678, 'x', 0xffffffff), 'NotAnImage'],
    ['many snapshots', { snapshots: 0xffffffff, snapshotsOffset: 65_536n }, 'NotAnImage'],
    ['snapshots beyond the file', { snapshots: 1, snapshotsOffset: 4n * 65_536n }, 'NotAnImage'],
    ['an unknown compression type', { incompatible: 8n, compressionType: 9 }, 'NotAnImage'],
    ['zstd without its feature bit', { compressionType: 1 }, 'NotAnImage'],
  ];
  test.each(cases)('%s is refused', (_name, fields, reason) => {
    expect(verdict('qcow2', qcow2(fields))).toBe(reason);
  });

  test('a virtual size above the limit is refused, whatever the file takes', () => {
    const bytes = qcow2({ sizeBytes: 2n ** 41n, clusterBits: 16, l1Entries: 4096 });
    expect(verdict('qcow2', bytes)).toBe('TooLarge');
  });

  test('an extension that is unknown but well formed is skipped', () => {
    expect(verdict('qcow2', qcow2(extension(0x6803f857, 'x'.repeat(48))))).toBe('accepted');
  });

  test('a file cut off anywhere is refused, never misread', () => {
    const whole = qcow2();
    for (let length = 0; length < 120; length += 1)
      expect(verdict('qcow2', whole.subarray(0, length))).toBe('NotAnImage');
    expect(verdict('qcow2', whole.subarray(0, 3 * 65_536))).toBe('NotAnImage');
  });

  test('no mutation of a header crashes the check or smuggles another file in', () => {
    const change = fc.record({ offset: fc.nat({ max: 255 }), value: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 24 }),
        fc.constantFrom(2, 3),
        (changes, version) => {
          const bytes = qcow2({ version });
          for (const { offset, value } of changes) bytes.writeUInt8(value, offset);
          let header: ReturnType<typeof checkQcow2>;
          try {
            header = checkQcow2(bytes, bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(StorageError);
            return;
          }
          expect(bytes.readBigUInt64BE(8)).toBe(0n);
          expect(bytes.readUInt32BE(16)).toBe(0);
          expect(bytes.readUInt32BE(32)).toBe(0);
          if (header.version === 3) expect(bytes.readBigUInt64BE(72) & ~0b11000n).toBe(0n);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('no random bytes behind the magic crash the check', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (random) => {
        const bytes = Buffer.concat([Buffer.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]), random]);
        expect(verdict('qcow2', bytes)).not.toBe('accepted');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('raw images from outside', () => {
  const withHead = (text: string | number[], at = 0) => {
    const bytes = Buffer.alloc(65_536);
    Buffer.from(text as string).copy(bytes, at);
    return bytes;
  };
  const disguised: [string, Buffer][] = [
    ['qcow2', qcow2()],
    ['qcow1', withHead([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1])],
    ['QED', withHead('QED\0')],
    ['VMDK, sparse', withHead('KDMV')],
    ['VMDK, ESX', withHead('COWD')],
    ['VMDK, descriptor', withHead('# Disk DescriptorFile\nversion=1\nRW 1 FLAT "/etc/shadow" 0\n')],
    ['VMDK, descriptor behind comments', withHead('# hello\n\n  \r\n# Disk DescriptorFile\n')],
    ['VMDK, descriptor by its version', withHead('version=1\n')],
    ['VHDX', withHead('vhdxfile')],
    ['VHD', withHead('conectix')],
    ['VDI', withHead([0x7f, 0x10, 0xda, 0xbe], 0x40)],
    ['Parallels', withHead('WithoutFreeSpace')],
    ['Parallels, extended', withHead('WithouFreSpacExt')],
    ['Bochs', withHead('Bochs Virtual HD Image')],
    ['cloop', withHead('#!/bin/sh\n#V2.0 Format\nmodprobe cloop')],
    ['LUKS', withHead([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe])],
    ['gzip', withHead([0x1f, 0x8b, 0x08])],
    ['xz', withHead([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
    ['zstd', withHead([0x28, 0xb5, 0x2f, 0xfd])],
    ['nothing at all', Buffer.alloc(0)],
  ];
  test.each(disguised)('%s in disguise is refused', (_name, bytes) => {
    expect(verdict('raw', bytes)).toBe('NotAnImage');
  });

  test.each<[string, Buffer]>([
    ['a boot sector', withHead([0xeb, 0x63, 0x90])],
    ['an empty disk', Buffer.alloc(512)],
    ['an ISO 9660 image', withHead('CD001', 0x8001)],
  ])('%s is accepted', (_name, bytes) => {
    expect(verdict('raw', bytes)).toBe('accepted');
  });

  test('the message says what the content is and what to do', () => {
    expect(() => checkImage('raw', qcow2(), 262_144, limits)).toThrow(
      'spec.format is raw, but the content is qcow2; set spec.format: qcow2',
    );
    expect(() => checkImage('qcow2', withHead([0x1f, 0x8b, 0x08]), 65_536, limits)).toThrow(
      'spec.format is qcow2, but the content is Gzip; set spec.compression: Gzip',
    );
    expect(() => checkImage('qcow2', Buffer.alloc(512), 512, limits)).toThrow('did you mean raw?');
  });
});
