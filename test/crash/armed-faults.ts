/** The faults that wait for their boundaries, in a file that both the campaign and its process write. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { FaultKind } from './faults.ts';

export interface ArmedFault {
  /** Name of the boundary. */
  boundary: string;
  kind: FaultKind;
}

export const readArmed = (path: string): ArmedFault[] =>
  JSON.parse(readFileSync(path, 'utf8')) as ArmedFault[];

/** Whole at once: the other side reads it whenever it likes. */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
