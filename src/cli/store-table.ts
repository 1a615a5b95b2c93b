import type { Compacted } from '../compose/store-socket.ts';
import type { Contents, Restored, Rotation, Verdict } from '../compose/store-upkeep.ts';
import { table } from './table.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

export function describeBackup(
  file: string,
  { revision, objects, bytes, keys }: Contents,
  keyFile: string,
): string {
  const row = [file, String(revision), String(objects), size(bytes), keys.join(', ') || '-'];
  const head = ['BACKUP', 'REVISION', 'OBJECTS', 'SIZE', 'ENCRYPTION KEYS'];
  const advice =
    keys.length > 0
      ? `\n\nThe Secrets in it are encrypted. Keep a copy of ${keyFile} too, and in another place.`
      : '';
  return table(head, [row]) + advice;
}

export function describeVerdict(file: string, { contents, findings, count }: Verdict): string {
  const head = ['STORE', 'REVISION', 'OBJECTS', 'ROWS', 'SIZE', 'STATE'];
  const numbers = contents
    ? [String(contents.revision), String(contents.objects), String(contents.rows), size(contents.bytes)]
    : ['-', '-', '-', '-'];
  const summary = table(head, [[file, ...numbers, count === 0 ? 'sound' : 'damaged']]);
  if (count === 0) return summary;
  const rows = findings.map(({ key, revision, what }) => [key ?? '-', String(revision ?? '-'), what]);
  const more = count > findings.length ? `\n… and ${count - findings.length} more` : '';
  return `${summary}\n\n${table(['KEY', 'REVISION', 'FINDING'], rows)}${more}`;
}

export const describeCompacted = ({ revision, compacted, bytes, freeBytes }: Compacted): string =>
  table(
    ['REVISION', 'COMPACTED', 'SIZE', 'FREE'],
    [[String(revision), String(compacted), size(bytes), size(freeBytes)]],
  );

export function describeRestored(
  file: string,
  { from, revision, objects, replaced, unreadable }: Restored,
): string {
  const done = table(
    ['BACKUP', 'REVISION', 'OBJECTS', 'NOW AT REVISION', 'REPLACED STORE'],
    [[file, String(from), String(objects), String(revision), replaced ?? '-']],
  );
  if (unreadable.length === 0) return done;
  return `${done}\n\n${table(
    ['LEFT OUT'],
    unreadable.map((key) => [key]),
  )}`;
}

export const describeRotation = ({ key, dropped, resealed }: Rotation, keyFile: string): string =>
  `${table(
    ['KEY', 'ENCRYPTED ANEW', 'DROPPED KEYS'],
    [[key, String(resealed), dropped.join(', ') || '-']],
  )}\n\nBackups from before need the dropped keys: keep the copy of ${keyFile} that belongs to them, and make a new one.`;
