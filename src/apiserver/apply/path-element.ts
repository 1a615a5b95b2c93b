import { isObject } from '../object.ts';
import type { JsonObject } from '../object.ts';

/**
 * One step of a field path, spelled as `fieldsV1` has it: `f:<name>` a field, `k:<keys>` the item of a list with
 * keys, `v:<value>` the item of a set, `i:<index>` the item of any list. Keys and values are canonical JSON, so
 * that equal steps are equal strings.
 */
export type PathElement = string;

export type FieldPath = readonly PathElement[];

export const fieldElement = (name: string): PathElement => `f:${name}`;

export const valueElement = (value: unknown): PathElement => `v:${JSON.stringify(value)}`;

export const keyElement = (keys: JsonObject): PathElement => `k:${JSON.stringify(sortedByName(keys))}`;

/** The name of a field's step; undefined for the step into a list. */
export const fieldName = (element: PathElement): string | undefined =>
  element.startsWith('f:') ? element.slice(2) : undefined;

/** Undefined for a kind of step that is not known. Throws an Error for a malformed one. */
export function parseElement(text: string): PathElement | undefined {
  if (text.length < 2 || text[1] !== ':')
    throw new Error(`${JSON.stringify(text)} is no step of a field path`);
  const rest = text.slice(2);
  switch (text.charAt(0)) {
    case 'f':
      return text;
    case 'v':
      return valueElement(JSON.parse(rest));
    case 'k': {
      const keys: unknown = JSON.parse(rest);
      if (!isObject(keys)) throw new Error(`${JSON.stringify(text)} must have an object of keys`);
      return keyElement(keys);
    }
    case 'i':
      if (!/^-?\d+$/.test(rest)) throw new Error(`${JSON.stringify(text)} must have a whole number`);
      return `i:${Number(rest)}`;
    default:
      return undefined;
  }
}

/** As messages show it: `.name`, `[name="a",port=80]`, `[="value"]`, `[0]`. */
export function displayElement(element: PathElement): string {
  const rest = element.slice(2);
  switch (element.charAt(0)) {
    case 'k': {
      const keys = Object.entries(JSON.parse(rest) as JsonObject);
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${rest}]`;
    case 'i':
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
}

export const displayPath = (path: FieldPath): string => path.map(displayElement).join('');

const KINDS = 'fkvi';

/** The canonical order of structured-merge-diff: fields, then keys, values and indexes, each by what they hold. */
export function compareElements(a: PathElement, b: PathElement): number {
  const kinds = KINDS.indexOf(a.charAt(0)) - KINDS.indexOf(b.charAt(0));
  if (kinds !== 0) return kinds;
  if (a[0] === 'f') return compareTexts(a, b);
  const [left, right] = [a, b].map((element) => JSON.parse(element.slice(2)) as unknown);
  return a[0] === 'k' ? compareKeys(left as JsonObject, right as JsonObject) : compareValues(left, right);
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compareKeys(a: JsonObject, b: JsonObject): number {
  const others = Object.entries(b);
  for (const [at, [name, value]] of Object.entries(a).entries()) {
    const other = others[at];
    if (!other) return 1;
    const order = compareTexts(name, other[0]) || compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return Object.keys(a).length - others.length;
}

const VALUE_TYPES = ['number', 'string', 'boolean', 'object'];

function compareValues(a: unknown, b: unknown): number {
  const types = VALUE_TYPES.indexOf(typeof a) - VALUE_TYPES.indexOf(typeof b);
  if (types !== 0) return types;
  if (typeof a === 'number') return a - (b as number);
  if (typeof a === 'string') return compareTexts(a, b as string);
  return compareTexts(JSON.stringify(a), JSON.stringify(b));
}

const sortedByName = (keys: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(keys).sort(([a], [b]) => compareTexts(a, b)));
