import type { DatabaseSync } from 'node:sqlite';
import { contentsOf } from './backup.ts';
import type { Contents } from './backup.ts';
import { hasChecksums, readMeta } from './database.ts';
import { asDamage } from './integrity.ts';
import { findingsIn } from './whole.ts';
import type { Finding, Inspect } from './whole.ts';

/** What a verification found out. */
export interface Verdict {
  /** Undefined when the tables cannot be read at all. */
  readonly contents: Contents | undefined;
  /** The first of them. */
  readonly findings: readonly Finding[];
  readonly count: number;
}

/** Nobody reads more lines, and one rotten page can break thousands of rows. */
const MOST_FINDINGS = 100;

/** Reads all of a store or of a copy and tells everything that is wrong with it. */
export function verify(db: DatabaseSync, file: string, inspect: Inspect): Verdict {
  const findings: Finding[] = [];
  let count = 0;
  let contents: Contents | undefined;
  const find = (finding: Finding): void => {
    count += 1;
    if (findings.length < MOST_FINDINGS) findings.push(finding);
  };
  try {
    contents = contentsOf(db, file);
    if (!hasChecksums(db)) find({ what: 'it is of an older version and has no checksums' });
    else for (const finding of findingsIn(db, readMeta(db), inspect)) find(finding);
  } catch (error) {
    find({ what: asDamage(error) });
  }
  return { contents, findings, count };
}
