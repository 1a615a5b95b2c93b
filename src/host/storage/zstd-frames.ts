import { createZstdDecompress } from 'node:zlib';

/**
 * Decompresses zstd data of any number of frames (RFC 8878, section 3), as pzstd and the seekable format write
 * it. Node's own stream ends silently after the first frame that ends within a chunk, which would cut an image
 * short; here what it left over begins the next one.
 */
export async function* decompressZstd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = chunks[Symbol.asyncIterator]();
  let rest: Buffer | undefined = await next(input);
  while (rest) {
    const frame = createZstdDecompress();
    const feeding = feed(frame, rest, input);
    feeding.catch((error: unknown) => frame.destroy(error as Error));
    for await (const output of frame) yield output as Buffer;
    rest = await feeding;
  }
}

/** Feeds a decompressor until its frame or the input ends. @returns what lies behind the frame */
async function feed(
  frame: ReturnType<typeof createZstdDecompress>,
  first: Buffer,
  input: AsyncIterator<Buffer>,
): Promise<Buffer | undefined> {
  let fedBytes = 0;
  for (let chunk: Buffer | undefined = first; chunk; chunk = await next(input)) {
    await written(frame, chunk);
    fedBytes += chunk.length;
    const unread = fedBytes - frame.bytesWritten;
    if (unread > 0) return chunk.subarray(chunk.length - unread);
  }
  frame.end();
  return undefined;
}

const written = (frame: ReturnType<typeof createZstdDecompress>, chunk: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    frame.write(chunk, (error) => (error ? reject(error) : resolve()));
  });

async function next(input: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  const { done, value } = await input.next();
  return done ? undefined : value;
}
