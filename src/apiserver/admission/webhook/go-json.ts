/** JSON taken in as Go does it: what is unknown is left out, and what is of another type is an error. */
import { isObject } from '../../object.ts';

/** What a value is to be; structures have the name that errors call them by. */
export type Shape =
  | 'string'
  | 'bool'
  | 'int32'
  | 'bytes'
  | { readonly list: Shape }
  | { readonly map: 'string' }
  | { readonly struct: string; readonly fields: Readonly<Record<string, Shape>> };

interface Place {
  readonly struct: string;
  readonly path: string;
}

/**
 * The value without what its shape does not know; what is null is left out, too. Bytes are a Buffer. Throws an Error
 * worded like encoding/json's.
 */
export function decodeAs(shape: Shape, value: unknown, at: Place): unknown {
  if (shape === 'string' && typeof value === 'string') return value;
  if (shape === 'bool' && typeof value === 'boolean') return value;
  if (shape === 'int32' && typeof value === 'number') return int32(value, at);
  if (shape === 'bytes' && typeof value === 'string') return bytes(value);
  if (typeof shape === 'object') {
    if ('list' in shape && Array.isArray(value)) {
      return value.map((item: unknown) => decodeAs(shape.list, item ?? zero(shape.list), at));
    }
    if ('map' in shape && isObject(value)) {
      const entries = Object.entries(value);
      return Object.fromEntries(entries.map(([key, item]) => [key, decodeAs(shape.map, item ?? '', at)]));
    }
    if ('struct' in shape && isObject(value)) return fieldsOf(shape, value, at.path);
  }
  throw mismatch(kindOf(value), shape, at);
}

function fieldsOf(
  { struct, fields }: Extract<Shape, { struct: string }>,
  value: Record<string, unknown>,
  path: string,
): Record<string, unknown> {
  const known = Object.entries(fields).flatMap(([name, shape]) => {
    const given = value[name];
    if (given === undefined || given === null) return [];
    return [[name, decodeAs(shape, given, { struct: struct.replace(/^.*\./, ''), path: `${path}.${name}` })]];
  });
  return Object.fromEntries(known) as Record<string, unknown>;
}

/** Of an item that is null. */
const zero = (shape: Shape): unknown => (shape === 'string' ? '' : {});

function int32(value: number, at: Place): number {
  if (Number.isInteger(value) && value === (value | 0)) return value;
  throw mismatch(`number ${value}`, 'int32', at);
}

function bytes(text: string): Buffer {
  const content = text.replaceAll(/[\r\n]/g, '');
  const decoded = Buffer.from(content, 'base64');
  if (decoded.toString('base64') === content) return decoded;
  const wrong = content.search(/[^A-Za-z0-9+/]/);
  throw new Error(`illegal base64 data at input byte ${wrong < 0 ? content.length : wrong}`);
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;

const mismatch = (kind: string, shape: Shape, { struct, path }: Place): Error =>
  new Error(`json: cannot unmarshal ${kind} into Go struct field ${struct}.${path} of type ${goType(shape)}`);

function goType(shape: Shape): string {
  if (shape === 'bytes') return '[]uint8';
  if (typeof shape === 'string') return shape;
  if ('list' in shape) return `[]${goType(shape.list)}`;
  return 'map' in shape ? `map[string]${shape.map}` : shape.struct;
}
