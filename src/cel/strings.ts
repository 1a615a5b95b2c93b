/** The functions of the CEL strings extension that the base library lacks. */
import { Cidr, IpAddress } from './ip.ts';

export const strings: Record<string, (...values: never[]) => unknown> = {
  'string.charAt(int): string': (text: string, at: bigint) => {
    const characters = Array.from(text);
    if (at < 0n || at > BigInt(characters.length)) throw new RangeError(`index out of range: ${at}`);
    return characters[Number(at)] ?? '';
  },
  'string.replace(string, string): string': (text: string, from: string, to: string) =>
    text.replaceAll(from, () => to),
  'string.replace(string, string, int): string': (text: string, from: string, to: string, limit: bigint) =>
    limit < 0n ? text.replaceAll(from, () => to) : replaceFirst(text, from, to, Number(limit)),
  'string.reverse(): string': (text: string) => Array.from(text).reverse().join(''),
  'string.format(list): string': format,
};

function replaceFirst(text: string, from: string, to: string, limit: number): string {
  const parts = text.split(from);
  const head = parts.slice(0, limit + 1).join(to);
  const tail = parts.slice(limit + 1);
  return tail.length > 0 ? [head, ...tail].join(from) : head;
}

/** `%s %d %f %e %x %X %o %b %%`, with a precision for the floating ones. */
function format(template: string, values: unknown[]): string {
  let next = 0;
  return template.replace(/%(?:\.(\d+))?([a-zA-Z%])/g, (_, precision: string | undefined, verb: string) => {
    if (verb === '%') return '%';
    if (next >= values.length) throw new RangeError(`index ${next} out of range`);
    return formatOne(values[next++], verb, Number(precision ?? 6));
  });
}

function formatOne(value: unknown, verb: string, precision: number): string {
  switch (verb) {
    case 's':
      return plain(value);
    case 'd':
      return String(value as bigint);
    case 'f':
      return Number(value).toFixed(precision);
    case 'e':
      return Number(value).toExponential(precision);
    case 'x':
    case 'X': {
      const digits =
        typeof value === 'string' ? Buffer.from(value).toString('hex') : (value as bigint).toString(16);
      return verb === 'X' ? digits.toUpperCase() : digits;
    }
    case 'o':
      return (value as bigint).toString(8);
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : (value as bigint).toString(2);
    default:
      throw new TypeError(`unrecognized formatting clause "${verb}"`);
  }
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`;
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (value instanceof IpAddress || value instanceof Cidr) return value.toString();
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => `${key}: ${plain(item)}`);
    return `{${entries.sort().join(', ')}}`;
  }
  return String(value as string | bigint | number | boolean | null);
}
