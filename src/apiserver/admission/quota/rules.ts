/** What a ResourceQuota may say: ValidateResourceQuota of pkg/apis/core/validation. */
import { Quantity } from '../../../cel/quantity.ts';
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { isObject } from '../../object.ts';
import type { Json, JsonObject, KubeObject } from '../../object.ts';
import type { BuiltinRules } from '../../resource.ts';
import { qualifiedNameFault } from '../../schema/metadata.ts';
import { canonicalQuantity, isIntegerName, isStandardName } from './count.ts';

export const quotaRules: BuiltinRules = {
  prepare(quota) {
    quota.spec ??= {};
    quota.status ??= {};
    for (const [part, field] of quantityFields(quota)) {
      const given = part[field];
      if (!isObject(given)) continue;
      part[field] = Object.fromEntries(
        Object.entries(given).map(([name, amount]) => [name, canonicalQuantity(amount) as Json]),
      );
    }
  },
  validate: (quota) => [
    ...amountErrors(quota.spec?.['hard'], 'spec.hard'),
    ...scopeErrors(quota.spec ?? {}),
    ...amountErrors(quota.status?.['hard'], 'status.hard'),
    ...amountErrors(quota.status?.['used'], 'status.used'),
  ],
};

const quantityFields = ({ spec = {}, status = {} }: KubeObject): [JsonObject, string][] => [
  [spec, 'hard'],
  [status, 'hard'],
  [status, 'used'],
];

function amountErrors(amounts: unknown, path: string): FieldError[] {
  if (!isObject(amounts)) return [];
  return Object.entries(amounts).flatMap(([name, amount]) => {
    const at = `${path}[${name}]`;
    return [...nameErrors(name, at), ...amountError(name, String(amount as string), at)];
  });
}

function nameErrors(name: string, at: string): FieldError[] {
  const malformed = qualifiedNameFault(name);
  if (malformed) return [fieldError.invalid(at, name, malformed)];
  if (name.includes('/') || isStandardName(name)) return [];
  return [
    fieldError.invalid(at, name, 'must be a standard resource type or fully qualified'),
    fieldError.invalid(at, name, 'must be a standard resource for quota'),
  ];
}

function amountError(name: string, amount: string, at: string): FieldError[] {
  const parsed = Quantity.parse(amount);
  if (!parsed) {
    const why = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    return [fieldError.invalid(at, amount, why)];
  }
  const errors: FieldError[] = [];
  if (parsed.sign() < 0n) errors.push(fieldError.invalid(at, amount, 'must be greater than or equal to 0'));
  if (isIntegerName(name) && !parsed.isInteger)
    errors.push(fieldError.invalid(at, amount, 'must be an integer'));
  return errors;
}

/** Scopes tell Pods apart, of which there are none here: a quota with a scope would never count anything. */
function scopeErrors({ scopes, scopeSelector }: JsonObject): FieldError[] {
  const why = 'scopes select Pods, which this server has not; a quota here counts objects: remove the field';
  return [
    ...(Array.isArray(scopes) && scopes.length > 0 ? [fieldError.forbidden('spec.scopes', why)] : []),
    ...(isObject(scopeSelector) ? [fieldError.forbidden('spec.scopeSelector', why)] : []),
  ];
}

/** `count/machines.purlin.dev: 2/10, secrets: 1/5`; limits of what runs are apart. */
export function usageColumn({ status = {} }: KubeObject, which: 'requests' | 'limits'): string {
  const { hard, used } = status;
  if (!isObject(hard)) return '';
  const amount = (name: string): string =>
    String((isObject(used) ? (used[name] as string) : undefined) ?? '0');
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits.') === (which === 'limits'))
    .toSorted()
    .map((name) => `${name}: ${amount(name)}/${String(hard[name] as string)}`)
    .join(', ');
}
