import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StorageError } from '../../../src/host/ports/storage.ts';
import { type ImageFormat, checkImage } from '../../../src/host/storage/image-header.ts';
import { headerWindowBytes } from '../../../src/host/storage/qcow2-header.ts';
import { otherFormats, referringQcow2 } from './hostile-images.ts';
import { type Qcow2Fields, qcow2 } from './qcow2-bytes.ts';

const limits = { maxVirtualSizeBytes: 2 ** 40 };
const formats: ImageFormat[] = ['qcow2', 'raw'];

/** What the check says of a file: its virtual size, or the reason and text of a refusal; anything else is thrown. */
function verdict(format: ImageFormat, bytes: Buffer, fileSizeBytes = bytes.length): string {
  try {
    return `accepted ${checkImage(format, bytes.subarray(0, headerWindowBytes), fileSizeBytes, limits)}`;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    expect(error.retryable).toBe(false);
    return `${error.reason}: ${error.message}`;
  }
}

/** The bytes within a larger buffer: a read beyond them would meet `around` instead of an end. */
function surrounded(bytes: Buffer, around: number): Buffer {
  const whole = Buffer.concat([Buffer.alloc(64, around), bytes, Buffer.alloc(512, around)]);
  return whole.subarray(64, 64 + bytes.length);
}

describe.each(Object.entries(referringQcow2))('a qcow2 image with %s', (_name, bytes) => {
  test('is refused for that, and also as raw', () => {
    expect(verdict('qcow2', bytes)).toMatch(/^(BackingFileRefused|DataFileRefused): /);
    expect(verdict('raw', bytes)).toMatch(/^NotAnImage: .*qcow2/);
  });

  test('is refused wherever it is cut off', () => {
    for (let length = 0; length < 256; length += 1) {
      expect(verdict('qcow2', bytes.subarray(0, length))).not.toMatch(/^accepted/);
      if (length >= 4) expect(verdict('raw', bytes.subarray(0, length))).not.toMatch(/^accepted/);
    }
  });
});

test.each(Object.entries(otherFormats))('%s is neither raw nor qcow2', (_title, [name, bytes]) => {
  for (const format of formats) {
    // An image of the first qcow is recognised as one of its family, and refused for its version.
    if (format === 'qcow2' && name === 'qcow2') expect(verdict(format, bytes)).toMatch(/^UnsupportedFeature/);
    else expect(verdict(format, bytes)).toContain(`the content is ${name}; `);
  }
});

test('whatever follows a foreign beginning, it stays refused', () => {
  const beginning = fc.constantFrom(
    ...Object.entries(otherFormats).map(([title, [, bytes]]) => ({ title, head: bytes.subarray(0, 80) })),
  );
  fc.assert(
    fc.property(beginning, fc.uint8Array({ maxLength: 600 }), ({ head }, rest) => {
      const bytes = Buffer.concat([head, rest]);
      for (const format of formats) expect(verdict(format, bytes)).not.toMatch(/^accepted/);
    }),
    { numRuns: 500 },
  );
});

const interesting = (bits: number) =>
  fc.oneof(
    fc.constantFrom(0n, 1n, 2n ** BigInt(bits) - 1n, 2n ** BigInt(bits - 1), 65_536n, 3n * 65_536n),
    fc.integer({ min: 0, max: bits - 1 }).map((bit) => 2n ** BigInt(bit)),
    fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n }),
  );
const small = interesting(32).map(Number);
const large = interesting(64);
const extensionList = fc.array(
  fc.record({
    // Neither the end of the list, nor a data file, nor an encryption header.
    type: fc.constantFrom(0x6803f857, 0xe2792aca, 0x23852875, 0x12345678),
    data: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 4 },
);

/** A version 3 header, or 2, in which any field may lie. */
const lyingFields: fc.Arbitrary<Qcow2Fields> = fc.record(
  {
    version: fc.constantFrom(2, 3, 0, 1, 4, 0xffffffff),
    clusterBits: fc.oneof(fc.integer({ min: 0, max: 32 }), small),
    sizeBytes: large,
    cryptMethod: small,
    l1Entries: small,
    l1Offset: large,
    refcountTableOffset: large,
    refcountTableClusters: small,
    snapshots: small,
    snapshotsOffset: large,
    incompatible: large,
    autoclear: large,
    refcountOrder: small,
    headerBytes: fc.oneof(fc.integer({ min: 0, max: 160 }), small),
    compressionType: fc.nat(255),
    extensions: extensionList,
  },
  { requiredKeys: [] },
);
/** Only a few bytes of a file are needed; a longer one is told by its length. */
const cut = fc.oneof(fc.constant(262_144), fc.nat(300));

test('a header may lie in any field and end anywhere: there is an answer, of the given bytes alone', () => {
  fc.assert(
    fc.property(lyingFields, cut, fc.constantFrom(0, 0xff), (fields, length, around) => {
      const bytes = qcow2(fields).subarray(0, length);
      for (const format of formats) {
        const answer = verdict(format, bytes);
        expect(verdict(format, surrounded(bytes, around))).toBe(answer);
        if (format === 'raw' && length >= 4) expect(answer).toMatch(/^NotAnImage/);
      }
    }),
    { numRuns: 600 },
  );
});

test('a file that is longer than what is given of it is not taken for complete', () => {
  fc.assert(
    fc.property(fc.nat(119), fc.nat(2 ** 40), (length, more) => {
      const head = qcow2().subarray(0, length);
      expect(verdict('qcow2', head, length + more)).not.toMatch(/^accepted/);
    }),
  );
});

/** Each makes an image refer to another file, whatever else its header says. */
const references: Record<string, (fields: Qcow2Fields, bits: bigint) => Qcow2Fields> = {
  'an offset of a backing file': (fields, bits) => ({ ...fields, backingFileOffset: bits }),
  'a length of a backing file': (fields, bits) => ({
    ...fields,
    backingFileSize: Number(bits % 2n ** 32n) || 1,
  }),
  'the feature of a data file': ({ incompatible = 0n, ...fields }) => ({
    ...fields,
    version: 3,
    incompatible: incompatible | 4n,
  }),
  'the claim of raw external data': ({ autoclear = 0n, ...fields }) => ({
    ...fields,
    version: 3,
    autoclear: autoclear | 2n,
  }),
  'the name of a data file': ({ extensions = [], ...fields }) => ({
    ...fields,
    headerBytes: 112,
    extensions: [...extensions, { type: 0x44415441, data: Buffer.from('/etc/shadow') }],
  }),
};

test.each(Object.entries(references))('%s is never accepted', (_name, refer) => {
  fc.assert(
    fc.property(
      fc.oneof(lyingFields, fc.record({ extensions: extensionList })),
      large.filter((bits) => bits > 0n),
      (fields, bits) => {
        expect(verdict('qcow2', qcow2(refer(fields, bits)))).not.toMatch(/^accepted/);
      },
    ),
    { numRuns: 300 },
  );
});

test('random bytes get an answer, and only raw ones are accepted', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom(0, 0xff), (random, around) => {
      const bytes = Buffer.from(random);
      for (const format of formats) {
        const answer = verdict(format, bytes);
        expect(verdict(format, surrounded(bytes, around))).toBe(answer);
        if (format === 'qcow2') expect(answer).not.toMatch(/^accepted/);
        else if (answer.startsWith('accepted')) {
          expect(answer).toBe(`accepted ${Math.ceil(bytes.length / 512) * 512}`);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});
