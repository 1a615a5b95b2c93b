/** What is worth writing into one field, as its schema and its present value suggest. */
import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import type { Field } from './fields.ts';
import { type Json, isObject } from './json.ts';
import { quantities } from './quantities.ts';

export const changeClasses = [
  'changed',
  'boundary',
  'beyond',
  'zero',
  'empty',
  'removed',
  'added',
  'reference',
  'invalid',
  'wrong type',
  'list',
  'unknown field',
] as const;

/** In what way a field is changed. */
export type ChangeClass = (typeof changeClasses)[number];

export interface Candidate {
  changeClass: ChangeClass;
  /** Without one the field is left out. */
  value: Json | undefined;
}

/** What no schema can tell: which objects there are, and which texts mean something to a host. */
export interface Wisdom {
  /** Names of objects by kind; a field `fooRef.name` names one of kind Foo. */
  names: Readonly<Record<string, readonly string[]>>;
  /** Further values by the end of a field's pattern, such as `secretRef.key`. */
  worthTrying: Readonly<Record<string, readonly Json[]>>;
}

/** Everything worth trying but what the field has already, each once. */
export function candidatesFor(field: Field, wisdom: Wisdom, donated: readonly Json[]): Candidate[] {
  const { schema, value, required } = field;
  const all: Candidate[] = [
    ...donated.map((each) => as(value === undefined ? 'added' : 'changed', each)),
    ...worthTrying(field, wisdom),
    ...(value === undefined ? [] : [as('removed', undefined)]),
    as('empty', null),
    ...byType(schema, value, wisdom),
  ];
  const seen = new Set<string>([JSON.stringify(value) ?? '']);
  if (value === undefined && !required) seen.add('null');
  return all.filter((candidate) => {
    const text = JSON.stringify(candidate.value) ?? 'removed';
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

const as = (changeClass: ChangeClass, value: Json | undefined): Candidate => ({ changeClass, value });

function worthTrying({ path, pattern }: Field, { names, worthTrying: table }: Wisdom): Candidate[] {
  const [holder, member] = path.slice(-2);
  const reference = typeof holder === 'string' && member === 'name' && /^(\w+)Ref$/.exec(holder)?.[1];
  const kind = reference && Object.keys(names).find((name) => name.toLowerCase() === reference.toLowerCase());
  return [
    ...(kind ? [...(names[kind] ?? []), 'nowhere'].map((name) => as('reference', name)) : []),
    ...Object.entries(table)
      .filter(([end]) => pattern.endsWith(end))
      .flatMap(([, values]) => values.map((value) => as('changed', value))),
  ];
}

function byType(schema: Schema, value: Json | undefined, wisdom: Wisdom): Candidate[] {
  if (schema['x-kubernetes-int-or-string']) return quantities(schema, value);
  switch (schema.type) {
    case 'integer':
      return integers(schema, value);
    case 'boolean':
      return [as('changed', value !== true), as('wrong type', 'yes'), as('wrong type', 1)];
    case 'string':
      return texts(schema, value);
    case 'array':
      return lists(schema, Array.isArray(value) ? value : [], wisdom);
    case 'object':
      return objects(schema, value);
    case undefined:
    default:
      return [];
  }
}

function integers({ minimum, maximum }: Schema, value: Json | undefined): Candidate[] {
  const present = typeof value === 'number' ? value : (minimum ?? 0);
  return [
    as('changed', present + 1),
    as('changed', present - 1),
    ...(minimum === undefined ? [] : [as('boundary', minimum), as('beyond', minimum - 1)]),
    ...(maximum === undefined ? [] : [as('boundary', maximum), as('beyond', maximum + 1)]),
    as('zero', 0),
    as('beyond', 2 ** 31),
    as('invalid', 1.5),
    as('wrong type', '2'),
  ];
}

function texts(schema: Schema, value: Json | undefined): Candidate[] {
  const { maxLength, enum: allowed } = schema;
  const always = [as('empty', ''), as('wrong type', 7), as('wrong type', {})];
  if (allowed) return [...allowed.map((each) => as('changed', each)), as('invalid', 'Nonsense'), ...always];
  return [
    ...formatted(rulesOf(schema), value),
    ...(maxLength === undefined
      ? []
      : [as('boundary', 'a'.repeat(maxLength)), as('beyond', 'a'.repeat(maxLength + 1))]),
    as('invalid', 'Not Valid!'),
    as('invalid', '../../etc/passwd'),
    as('invalid', 'a\nb'),
    ...always,
  ];
}

const rulesOf = (schema: Schema): string =>
  (schema['x-kubernetes-validations'] ?? []).map(({ rule }) => rule).join(' ');

/** Formats that only the rules of a schema tell. */
function formatted(rules: string, value: Json | undefined): Candidate[] {
  if (rules.includes('isCIDR(self)')) return networks(typeof value === 'string' ? value : '10.20.0.0/24');
  if (rules.includes('isIP(self)')) return addresses(typeof value === 'string' ? value : '10.20.0.10');
  if (rules.includes('isURL(self)'))
    return ['http://192.0.2.7/other.qcow2', 'ftp://192.0.2.7/a', 'http://', 'http://[::1'].map((url) =>
      as(url.startsWith('http://192') ? 'changed' : 'invalid', url),
    );
  return typeof value === 'string' ? [as('changed', `${value}2`)] : [];
}

function networks(value: string): Candidate[] {
  const [, second = '20'] = value.split('.');
  return [
    as('changed', `10.${Number(second) + 100}.0.0/24`),
    as('boundary', `10.${second}.0.0/16`),
    as('boundary', `10.${second}.0.0/29`),
    as('beyond', `10.${second}.0.0/15`),
    as('beyond', `10.${second}.0.0/30`),
    as('zero', '0.0.0.0/0'),
    ...[`10.${second}.0.1/24`, 'fd00::/64', `10.${second}.0.0`, '10.300.0.0/24'].map((each) =>
      as('invalid', each),
    ),
  ];
}

function addresses(value: string): Candidate[] {
  const network = value.split('.').slice(0, 3).join('.');
  const last = Number(value.split('.')[3]);
  return [
    as('changed', `${network}.${last + 1}`),
    ...[`${network}.0`, `${network}.1`, `${network}.2`, `${network}.255`, '192.0.2.7'].map((each) =>
      as('boundary', each),
    ),
    as('zero', '0.0.0.0'),
    as('beyond', '255.255.255.255'),
    ...['fd00::1', `${network}.010`, `${network}.300`, `${value}/24`].map((each) => as('invalid', each)),
  ];
}

/** Lists shorter, longer, in another order, and as long as they may be. */
function lists(schema: Schema, items: readonly Json[], wisdom: Wisdom): Candidate[] {
  const { maxItems, items: sub } = schema;
  const samples = items.length > 0 ? items : Object.values(wisdom.worthTrying['[]'] ?? []);
  const more = samples.map((sample) => [...items, another(sample, items.length, schema)]);
  const [first] = samples;
  const filled = (count: number): Json[] => [
    ...items,
    ...Array.from({ length: count - items.length }, (_, index) =>
      another(first ?? 'a', items.length + index, schema),
    ),
  ];
  return [
    as('empty', []),
    ...more.map((value) => as('list', value)),
    ...(items.length > 1 ? [as('list', [...items].reverse())] : []),
    ...(first === undefined ? [] : [as('list', [...items, first])]),
    ...(maxItems === undefined || first === undefined
      ? []
      : [as('boundary', filled(maxItems)), as('beyond', filled(maxItems + 1))]),
    as('wrong type', {}),
    as('wrong type', 'text'),
    as('invalid', [sub?.type === 'string' ? 7 : 'text']),
  ];
}

/** An item like this one under another key. */
function another(sample: Json, serial: number, schema: Schema): Json {
  const [key] = schema['x-kubernetes-list-map-keys'] ?? [];
  if (isObject(sample)) return { ...sample, ...(key !== undefined && { [key]: `more${serial}` }) };
  return typeof sample === 'string' && /\d$/.test(sample)
    ? sample.replace(/\d+$/, String(serial + 1))
    : sample;
}

function objects(schema: Schema, value: Json | undefined): Candidate[] {
  const { additionalProperties, maxProperties } = schema;
  const present = isObject(value) ? value : {};
  const members = (count: number): Json =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'value']));
  return [
    as('empty', {}),
    as('wrong type', 'text'),
    as('wrong type', []),
    ...(additionalProperties
      ? [as('list', { ...present, absent: 'x' })]
      : [as('unknown field', { ...present, unheardOf: true })]),
    ...(maxProperties === undefined
      ? []
      : [as('boundary', members(maxProperties)), as('beyond', members(maxProperties + 1))]),
  ];
}
