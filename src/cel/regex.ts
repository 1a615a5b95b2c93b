import v8 from 'node:v8';

/**
 * Kubernetes patterns are RE2: linear time, no look-around. V8 carries a linear-time engine behind the `l`
 * flag; a pattern beyond what it supports (large counted repetitions) falls back to the backtracking one.
 */
v8.setFlagsFromString('--enable-experimental-regexp-engine');

const compiled = new Map<string, RegExp>();
const MAX_CACHED = 2000;

const POSIX_CLASSES: Record<string, string> = {
  alpha: 'a-zA-Z',
  digit: '0-9',
  alnum: 'a-zA-Z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\s',
  punct: '!-\\/:-@\\[-`{-~',
  xdigit: '0-9A-Fa-f',
  word: '\\w',
};

/** Compiles an RE2 pattern. Throws a SyntaxError that names the pattern. */
export function compileRe2(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known) return known;
  if (/\(\?<?[=!]|\\[1-9]/.test(pattern)) {
    throw new SyntaxError(
      `invalid regular expression ${pattern}: look-around and back-references are not RE2`,
    );
  }
  const regex = translate(pattern);
  if (compiled.size >= MAX_CACHED) compiled.clear();
  compiled.set(pattern, regex);
  return regex;
}

/** RE2's spelling of leading flags, POSIX classes, named groups and text anchors in JavaScript's. */
function translate(pattern: string): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const source = pattern
    .slice(flags?.[0].length ?? 0)
    .replace(/\[:(\w+):\]/g, (all, name: string) => POSIX_CLASSES[name] ?? all)
    .replace(/\(\?P</g, '(?<')
    .replace(/\\A/g, '^')
    .replace(/\\z/g, '$');
  return linearOrBacktracking(source, flags?.[1] ?? '');
}

function linearOrBacktracking(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `${flags}l`);
  } catch {
    return new RegExp(source, flags);
  }
}
