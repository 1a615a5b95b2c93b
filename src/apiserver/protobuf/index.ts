/**
 * Decodes Kubernetes' protobuf request bodies to the JSON form. Typed clients (kubectl create, Helm, leader
 * election) send them for built-in kinds and have nothing else to fall back on; answers are always JSON.
 */
import { ApiError, badRequest } from '../errors.ts';
import { accessMessages } from './access-descriptors.ts';
import { admissionMessages } from './admission-descriptors.ts';
import { definitionMessage } from './definition.ts';
import { messages, readingOf, unknown } from './descriptors.ts';
import type { Field, Message } from './descriptors.ts';
import { FIXED64, LENGTH_DELIMITED, VARINT, WireReader } from './reader.ts';

const MAGIC = Buffer.from('k8s\0');
const DESCRIPTORS: Readonly<Record<string, Message>> = {
  ...messages,
  ...accessMessages,
  ...admissionMessages,
  CustomResourceDefinition: definitionMessage,
};
const MAX_DEPTH = 20;

type Decoded = Record<string, unknown>;

/** Throws 400 for a malformed body and 415 for a kind that has no descriptor. */
export function decodeProtobuf(body: Buffer): Decoded {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw badRequest('the body does not begin with the magic number of Kubernetes protobuf');
  }
  try {
    const { typeMeta, raw } = decodeMessage(body.subarray(MAGIC.length), unknown) as {
      typeMeta?: { apiVersion?: string; kind?: string };
      raw?: Buffer;
    };
    const { apiVersion = '', kind = '' } = typeMeta ?? {};
    const [group = ''] = apiVersion.split('/', 1);
    const descriptor = DESCRIPTORS[`${group}/${kind}`] ?? DESCRIPTORS[kind];
    if (!descriptor) {
      throw new ApiError(
        415,
        'UnsupportedMediaType',
        `${apiVersion} ${kind} is not supported as protobuf: send JSON`,
      );
    }
    return { apiVersion, kind, ...decodeMessage(raw ?? Buffer.alloc(0), descriptor, 0, 'base64') };
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) {
      throw badRequest(`the protobuf body is malformed: ${error.message}`);
    }
    throw error;
  }
}

/** Bytes of the envelope stay bytes; those of objects are base64 in JSON. */
type BytesAs = 'buffer' | 'base64';

function decodeMessage(bytes: Buffer, message: Message, depth = 0, bytesAs: BytesAs = 'buffer'): Decoded {
  if (depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH}`);
  const decoded: Decoded = {};
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const { number, wireType } = reader.tag();
    const field = message.get(number);
    if (!field || wireType !== wireTypeOf(field)) {
      reader.skip(wireType);
      continue;
    }
    const value = field.shape === 'map' ? undefined : decodeValue(reader, field, depth, bytesAs);
    switch (field.shape) {
      case 'map':
        addMapEntry(decoded, field, reader.bytes(), bytesAs);
        break;
      case 'list':
        ((decoded[field.name] ??= []) as unknown[]).push(value);
        break;
      case 'one':
        if (value !== undefined && (field.pointer || !isZero(value))) decoded[field.name] = value;
        break;
    }
  }
  return decoded;
}

function wireTypeOf({ type, shape }: Field): number {
  if (shape === 'map') return LENGTH_DELIMITED;
  if (type === 'double') return FIXED64;
  return type === 'int' || type === 'bool' ? VARINT : LENGTH_DELIMITED;
}

const isZero = (value: unknown): boolean => value === '' || value === 0 || value === false;

function decodeValue(reader: WireReader, { type }: Field, depth: number, bytesAs: BytesAs): unknown {
  if (typeof type !== 'string') {
    const decoded = decodeMessage(reader.bytes(), type, depth + 1, bytesAs);
    const reading = readingOf(type);
    return reading ? reading(decoded) : decoded;
  }
  switch (type) {
    case 'int':
      return Number(reader.varint());
    case 'double':
      return reader.double();
    case 'bool':
      return reader.varint() !== 0n;
    case 'string':
      return reader.bytes().toString();
    case 'bytes':
      return bytesAs === 'base64' ? reader.bytes().toString('base64') : reader.bytes();
    case 'json':
      return JSON.parse(reader.bytes().toString()) as unknown;
    case 'time':
      return decodeTime(reader.bytes())?.replace(/\.\d+Z$/, 'Z');
    case 'microTime':
      return decodeTime(reader.bytes());
  }
}

/** Seconds and nanoseconds since the epoch; an empty message is no time at all. Microsecond precision. */
function decodeTime(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  const { seconds = 0, nanos = 0 } = decodeMessage(bytes, timeMessage) as {
    seconds?: number;
    nanos?: number;
  };
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new RangeError('a time is out of range');
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0');
  return date.toISOString().replace(/\.\d+Z$/, `.${micros}Z`);
}

const timeMessage: Message = new Map(
  ['seconds', 'nanos'].map((name, i) => [
    i + 1,
    { name, type: 'int', pointer: false, shape: 'one' } as const,
  ]),
);

/** A map entry is a message of its own: 1 is the key, 2 the value, each absent when empty. */
function addMapEntry(decoded: Decoded, field: Field, bytes: Buffer, bytesAs: BytesAs): void {
  const key: Field = { name: 'key', type: 'string', pointer: true, shape: 'one' };
  const value: Field = { ...field, name: 'value', pointer: true, shape: 'one' };
  const entry = decodeMessage(
    bytes,
    new Map([
      [1, key],
      [2, value],
    ]),
    1,
    bytesAs,
  );
  const map = (decoded[field.name] ??= {}) as Decoded;
  const name = typeof entry['key'] === 'string' ? entry['key'] : '';
  if (name === '__proto__') throw new RangeError('the key "__proto__" is not allowed');
  map[name] = entry['value'] ?? '';
}
