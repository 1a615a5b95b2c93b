/** The protobuf wire format, writing: each function gives one field of a message. */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const tag = (field: number, wireType: number): Buffer => varint(field * 8 + wireType);

const EMPTY = Buffer.alloc(0);

/** A non-negative integer; nothing when undefined. */
export const integerField = (field: number, value: number | undefined): Buffer =>
  value === undefined ? EMPTY : Buffer.concat([tag(field, VARINT), varint(value)]);

export const booleanField = (field: number, value: boolean | undefined): Buffer =>
  value ? integerField(field, 1) : EMPTY;

export function doubleField(field: number, value: number | undefined): Buffer {
  if (value === undefined) return EMPTY;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(field, FIXED64), bytes]);
}

export const stringField = (field: number, value: string | undefined): Buffer =>
  value === undefined ? EMPTY : bytesField(field, Buffer.from(value));

/** An embedded message, given by its own fields. */
export const messageField = (field: number, ...parts: Buffer[]): Buffer =>
  bytesField(field, Buffer.concat(parts));

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([tag(field, LENGTH_DELIMITED), varint(bytes.length), bytes]);
}
