import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decompressZstd } from '../../../src/host/storage/zstd-frames.ts';

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}
async function unpacked(bytes: Buffer, size = 65_536): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of decompressZstd(inChunks(bytes, size))) parts.push(part);
  return Buffer.concat(parts);
}
/** A frame that decoders skip (RFC 8878, section 3.1.2). */
function skippable(payload: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50, 0);
  header.writeUInt32LE(payload.length, 4);
  return Buffer.concat([header, Buffer.from(payload)]);
}

describe('zstd of several frames', () => {
  test('any frames in any chunks give back all content', async () => {
    const contents = fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(contents, fc.integer({ min: 1, max: 700 }), async (parts, size) => {
        const packed = Buffer.concat(parts.map((part) => zstdCompressSync(part)));
        expect((await unpacked(packed, size)).equals(Buffer.concat(parts))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('large frames pass through in pieces', async () => {
    const part = Buffer.alloc(3_000_000, 'purlin');
    const packed = Buffer.concat([zstdCompressSync(part), zstdCompressSync(part)]);
    expect((await unpacked(packed)).length).toBe(6_000_000);
  });

  test('skippable frames are skipped', async () => {
    const packed = Buffer.concat([
      skippable('index'),
      zstdCompressSync(Buffer.from('content')),
      skippable('table'),
    ]);
    expect((await unpacked(packed)).toString()).toBe('content');
  });

  test.each([1, 7, 65_536])('damage and a cut are errors, in chunks of %d', async (size) => {
    const packed = zstdCompressSync(Buffer.alloc(10_000, 'x'));
    await expect(unpacked(packed.subarray(0, packed.length - 2), size)).rejects.toThrow();
    await expect(unpacked(Buffer.concat([packed, Buffer.from('garbage')]), size)).rejects.toThrow();
    await expect(unpacked(Buffer.from('no zstd at all'), size)).rejects.toThrow();
  });

  test('a failure of the input is the failure of the output', async () => {
    const failing = async function* () {
      yield zstdCompressSync(Buffer.alloc(10_000, 'x')).subarray(0, 10);
      throw new Error('the server went');
    };
    const reading = (async () => {
      for await (const _ of decompressZstd(failing())) continue;
    })();
    await expect(reading).rejects.toThrow('the server went');
  });
});
