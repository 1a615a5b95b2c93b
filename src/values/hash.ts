import { hash } from 'node:crypto';

/** Lower-case hex SHA-256 of a text. */
export const sha256 = (text: string): string => hash('sha256', text);

/** JSON with sorted keys, so that equal values give equal texts and equal hashes. Skips undefined members. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members: string[] = [];
  for (const key of Object.keys(value).sort(byCodeUnits)) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : 1);

/** First 16 hex digits of the hash of a value's canonical JSON: short enough for metadata, long enough to compare. */
export const contentHash = (value: unknown): string => sha256(canonicalJson(value)).slice(0, 16);
