/** Quantities of bytes, as Kubernetes writes them, and what is worth trying in their place. */
import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import type { Json } from './json.ts';
import type { Candidate } from './values.ts';

const units: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Bytes of a quantity, rounded up; undefined for anything that is none. */
export function bytesOf(quantity: Json | undefined): number | undefined {
  if (typeof quantity !== 'string' && typeof quantity !== 'number') return undefined;
  const [, amount, unit = ''] = /^([0-9]+(?:\.[0-9]+)?)([KMGT]i|[kMGT])?$/.exec(String(quantity)) ?? [];
  const factor = units[unit];
  return amount === undefined || factor === undefined ? undefined : Math.ceil(Number(amount) * factor);
}

/** Bounds that the rules of the schema state, such as `compareTo(quantity("32Mi")) >= 0`. */
function boundOf(schema: Schema, operator: '>=' | '<='): number | undefined {
  for (const { rule } of schema['x-kubernetes-validations'] ?? []) {
    const [, bound, found] = /compareTo\(quantity\("([^"]+)"\)\) (>=|<=) 0/.exec(rule) ?? [];
    if (found === operator) return bytesOf(bound);
  }
  return undefined;
}

export function quantities(schema: Schema, value: Json | undefined): Candidate[] {
  const [least, most] = [boundOf(schema, '>='), boundOf(schema, '<=')];
  const present = bytesOf(value) ?? least ?? 2 ** 20;
  return [
    { changeClass: 'changed', value: `${(present * 2) / 2 ** 20}Mi` },
    { changeClass: 'changed', value: `${present / 2 / 2 ** 20}Mi` },
    { changeClass: 'changed', value: present },
    { changeClass: 'changed', value: String(present + 1) },
    ...(least === undefined
      ? []
      : ([
          { changeClass: 'boundary', value: least },
          { changeClass: 'beyond', value: least - 1 },
        ] satisfies Candidate[])),
    ...(most === undefined
      ? []
      : ([
          { changeClass: 'boundary', value: `${most / 2 ** 40}Ti` },
          { changeClass: 'beyond', value: String(most + 1) },
        ] satisfies Candidate[])),
    { changeClass: 'zero', value: 0 },
    { changeClass: 'zero', value: '0Gi' },
    { changeClass: 'empty', value: '' },
    ...(['-1Gi', '12XB', '1e9', '1 Gi', '0x10', 'Gi'].map((text) => ({
      changeClass: 'invalid',
      value: text,
    })) satisfies Candidate[]),
    { changeClass: 'wrong type', value: true },
    { changeClass: 'invalid', value: 1.5 },
    { changeClass: 'beyond', value: '9'.repeat(33) },
  ];
}
