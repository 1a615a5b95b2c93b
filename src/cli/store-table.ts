import type { Compacted } from '../compose/store-socket.ts';
import type { Contents, Restored, Verdict } from '../compose/store-upkeep.ts';
import { table } from './table.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

export const describeBackup = (file: string, { revision, objects, bytes }: Contents): string =>
  table(['BACKUP', 'REVISION', 'OBJECTS', 'SIZE'], [[file, String(revision), String(objects), size(bytes)]]);

export function describeVerdict(file: string, { contents, findings, count }: Verdict): string {
  const head = ['STORE', 'REVISION', 'OBJECTS', 'ROWS', 'SIZE', 'STATE'];
  const numbers = contents
    ? [String(contents.revision), String(contents.objects), String(contents.rows), size(contents.bytes)]
    : ['-', '-', '-', '-'];
  const summary = table(head, [[file, ...numbers, count === 0 ? 'sound' : 'damaged']]);
  if (count === 0) return summary;
  const rows = findings.map(({ key, revision, what }) => [key ?? '-', String(revision ?? '-'), what]);
  const more = count > findings.length ? `\n… and ${count - findings.length} more` : '';
  return `${summary}\n\n${table(['KEY', 'REVISION', 'FINDING'], rows)}${more}\n\nRestore it from a backup: purlin store restore FILE`;
}

export const describeCompacted = ({ revision, compacted, bytes, freeBytes }: Compacted): string =>
  table(
    ['REVISION', 'COMPACTED', 'SIZE', 'FREE'],
    [[String(revision), String(compacted), size(bytes), size(freeBytes)]],
  );

export const describeRestored = (file: string, { from, revision, objects, replaced }: Restored): string =>
  table(
    ['BACKUP', 'REVISION', 'OBJECTS', 'NOW AT REVISION', 'REPLACED STORE'],
    [[file, String(from), String(objects), String(revision), replaced ?? '-']],
  );
