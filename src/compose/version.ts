import { readFileSync } from 'node:fs';

/** Purlin's own version, from package.json two levels above (the same from src/ and dist/). */
export const purlinVersion: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
