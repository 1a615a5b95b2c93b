/** What Images can be made from, as those who put it there know it. */
import { createHash } from 'node:crypto';

/** A disk that stands alone, one that stands on another file of the host, or nothing that is a disk. */
export type Content = 'qcow2' | 'qcow2 on a backing file' | 'text';

export interface SourceFile {
  content: Content;
  /** As an Image may state them, SHA-256 first. */
  checksums: readonly [sha256: string, sha512: string];
  virtualSizeBytes: number;
}

export interface Sources {
  importDir: string;
  /** By path. */
  files: ReadonlyMap<string, SourceFile>;
  /** What a host says to every address of the cast: nothing is served there. */
  ofUrls: 'AddressDenied' | 'DownloadFailed';
  /** … and to a file outside its import directory; a simulated host has no other files that it could guard. */
  outside: 'FileNotAllowed' | 'FileNotFound';
  /** A simulated host takes every file for what it unpacks to, so that no compression is wrong there. */
  unpacks: 'for real' | 'by assertion';
}

export function sourceFile(content: Content, bytes: Buffer, virtualSizeBytes: number): SourceFile {
  const checksum = (algorithm: string): string =>
    `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  return { content, checksums: [checksum('sha256'), checksum('sha512')], virtualSizeBytes };
}
