import { RE2JS } from 're2js';

const compiled = new Map<string, RE2JS>();
const MAX_CACHED = 2000;

/**
 * Kubernetes' patterns are RE2: whoever writes one cannot keep the server busy with it, since it takes linear time.
 * https://github.com/google/re2/wiki/Syntax
 * @throws RE2JSSyntaxException, worded as Go's
 */
export function compileRe2(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known) return known;
  const regex = RE2JS.compile(pattern);
  if (compiled.size >= MAX_CACHED) compiled.clear();
  compiled.set(pattern, regex);
  return regex;
}
