/** Lengths of time as Go writes them, `1m30s`: https://pkg.go.dev/time#ParseDuration. */
const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
/** An int64 of nanoseconds. */
const MAX_MS = 2 ** 63 / 1e6;

/** In milliseconds, which may be negative. Throws an Error worded like Go's. */
export function goDurationMs(text: string): number {
  const quoted = JSON.stringify(text);
  const invalid = (): Error => new Error(`time: invalid duration ${quoted}`);
  const sign = text.startsWith('-') ? -1 : 1;
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return 0;
  if (rest === '') throw invalid();
  let sum = 0;
  while (rest !== '') {
    const [part, number = '', unit = ''] = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest) ?? [];
    if (part === undefined) throw invalid();
    if (unit === '') throw new Error(`time: missing unit in duration ${quoted}`);
    const factor = MS_PER_UNIT[unit];
    if (factor === undefined)
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    sum += Number(number) * factor;
    if (sum > MAX_MS) throw invalid();
    rest = rest.slice(part.length);
  }
  return sign * sum;
}
