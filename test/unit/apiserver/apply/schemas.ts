import type { Schema } from '../../../../src/apiserver/schema/schema.ts';

const text: Schema = { type: 'string' };
const number: Schema = { type: 'integer' };
const object = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});
const mapOf = (additionalProperties: Schema): Schema => ({ type: 'object', additionalProperties });
const list = (items: Schema, relation?: 'atomic' | 'set', more: Schema = {}): Schema => ({
  type: 'array',
  items,
  ...(relation && { 'x-kubernetes-list-type': relation }),
  ...more,
});
const keyed = (keys: string[], items: Schema): Schema => ({
  type: 'array',
  items,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});

/** One field of every sort that merging tells apart. */
export const everySort = object({
  text,
  number,
  flag: { type: 'boolean' },
  struct: object({ a: number, b: number, inner: object({ c: number }) }),
  whole: object({ a: number, b: number }, { 'x-kubernetes-map-type': 'atomic' }),
  map: mapOf(text),
  maps: mapOf(mapOf(text)),
  structs: mapOf(object({ a: number, b: number })),
  set: list(text, 'set'),
  numbers: list(number, 'set'),
  atomic: list(text),
  keyed: keyed(['name'], object({ name: text, value: number, tags: list(text, 'set'), map: mapOf(text) })),
  ports: keyed(
    ['port', 'protocol'],
    object({ port: number, protocol: { type: 'string', default: 'TCP' }, name: text }),
  ),
  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  anything: { 'x-kubernetes-preserve-unknown-fields': true },
  intOrText: { 'x-kubernetes-int-or-string': true },
  embedded: {
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    'x-kubernetes-preserve-unknown-fields': true,
  },
});
