import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, open } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { execa } from 'execa';
import type { ImageSource } from '../ports/storage.ts';
import type { AddressPolicy } from './address-policy.ts';
import { openDownload } from './download.ts';
import { errorCode, errorText, refused } from './errors.ts';
import { checkImage, readHead } from './image-header.ts';
import { openLocalFile } from './local-file.ts';
import { SparseFile } from './sparse-file.ts';
import { toolEnvironment, tools } from './tools.ts';
import { decompressZstd } from './zstd-frames.ts';

export interface ImportLimits {
  maxVirtualSizeBytes: number;
  maxDownloadBytes: number;
  maxDecompressedBytes: number;
}

export interface ImportOptions {
  importDirs: readonly string[];
  limits: ImportLimits;
  allows: AddressPolicy;
  extraCa?: string | undefined;
  idleTimeoutMs: number;
}

export interface ImportedContent {
  /** sha256 of the decompressed content, `sha256:<hex>`. */
  digest: string;
  virtualSizeBytes: number;
  fileSizeBytes: number;
}

/** A checksum as written in a spec: algorithm and lower-case hex. */
export interface Checksum {
  algorithm: 'sha256' | 'sha512';
  hex: string;
}

const checksumForms = { sha256: /^sha256:([0-9a-f]{64})$/, sha512: /^sha512:([0-9a-f]{128})$/ } as const;

/** @throws StorageError `ChecksumRequired`, `InvalidChecksum` */
export function checksumOf({ from, checksum }: ImageSource): Checksum | undefined {
  if (checksum === undefined) {
    if ('url' in from)
      throw refused(
        'ChecksumRequired',
        'spec.checksum is required for spec.source.url; add sha256:<hex> or sha512:<hex>',
      );
    return undefined;
  }
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const hex = checksumForms[algorithm].exec(checksum.toLowerCase())?.[1];
    if (hex !== undefined) return { algorithm, hex };
  }
  throw refused('InvalidChecksum', 'spec.checksum must be sha256:<64 hex digits> or sha512:<128 hex digits>');
}

/**
 * Brings an image's content into a new file: fetched or copied, checked against its checksum, decompressed and
 * its header checked. When this returns, the file is flushed and safe to hand to QEMU.
 * @param progress called with bytes received and the total, where known
 * @throws StorageError
 */
export async function importContent(
  source: ImageSource,
  target: string,
  options: ImportOptions,
  progress: (receivedBytes: number, totalBytes: number | undefined) => void,
  signal: AbortSignal,
): Promise<ImportedContent> {
  const expected = checksumOf(source);
  const { limits } = options;
  const opened = await openSource(source, options, signal);
  const published = createHash(expected?.algorithm ?? 'sha256');
  const content = createHash('sha256');
  const file = new SparseFile(
    await open(
      target,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o644,
    ),
  );
  try {
    let received = 0;
    const meter = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        received += chunk.length;
        if (received > limits.maxDownloadBytes)
          throw refused(
            'TooLarge',
            `spec.source: more than this host's download limit of ${limits.maxDownloadBytes} bytes`,
          );
        published.update(chunk);
        opened.checkPace(received);
        progress(received, opened.totalBytes);
        yield chunk;
      }
    };
    const store = async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        if (file.sizeBytes + chunk.length > limits.maxDecompressedBytes)
          throw refused(
            'TooLarge',
            `spec.source: the decompressed image is above this host's limit of ${limits.maxDecompressedBytes} bytes`,
          );
        content.update(chunk);
        await file.append(chunk);
      }
    };
    const decompressor = decompressors[source.compression]();
    if (decompressor) await pipeline(meter(opened.body), decompressor, store, { signal });
    else await pipeline(meter(opened.body), store, { signal });
    await file.finish();
  } catch (error) {
    throw explained(error, source);
  } finally {
    await file.close();
    await opened.close();
  }

  const actual = published.digest('hex');
  if (expected && actual !== expected.hex)
    throw refused(
      'ChecksumMismatch',
      `spec.checksum: the content has ${expected.algorithm}:${actual}, not ${expected.algorithm}:${expected.hex}; correct spec.checksum or spec.source`,
    );
  const { head, fileSizeBytes } = await readHead(target);
  const virtualSizeBytes = checkImage(source.format, head, fileSizeBytes, limits);
  await chmod(target, 0o644);
  return { digest: `sha256:${content.digest('hex')}`, virtualSizeBytes, fileSizeBytes };
}

interface OpenedSource {
  body: AsyncIterable<Buffer>;
  totalBytes: number | undefined;
  /** Throws when the source brings its bytes too slowly. */
  checkPace(receivedBytes: number): void;
  close(): Promise<void>;
}

async function openSource(
  { from }: ImageSource,
  options: ImportOptions,
  signal: AbortSignal,
): Promise<OpenedSource> {
  const { allows, extraCa, idleTimeoutMs, limits } = options;
  if ('url' in from)
    return openDownload(from.url, {
      allows,
      extraCa,
      idleTimeoutMs,
      maxBytes: limits.maxDownloadBytes,
      signal,
    });
  const handle = await openLocalFile(from.file, options.importDirs);
  return {
    body: handle.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false }),
    totalBytes: (await handle.stat()).size,
    checkPace: () => {},
    close: () => handle.close(),
  };
}

type Decompressor = Duplex | ((chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>);

const decompressors: Record<ImageSource['compression'], () => Decompressor | undefined> = {
  None: () => undefined,
  Gzip: () => createGunzip(),
  Zstd: () => decompressZstd,
  Xz: () =>
    // Never outlives us: it ends when its input does.
    execa(tools.xz, ['--decompress', '--stdout', '--quiet', '--memlimit-decompress=256MiB'], {
      env: toolEnvironment,
      extendEnv: false,
      buffer: false,
    }).duplex(),
};

function explained(error: unknown, source: ImageSource): unknown {
  const code = errorCode(error) ?? '';
  if (code.startsWith('Z_') || code.startsWith('ZSTD_') || isFailedXz(error))
    return refused(
      'DecompressionFailed',
      `spec.compression: the content is not ${source.compression}, or damaged (${errorText(error).split('\n')[0]})`,
      error,
    );
  return error;
}

const isFailedXz = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'exitCode' in error && 'escapedCommand' in error;
