/** Reads a policy file, and says which field is wrong, worded like Kubernetes. */
import { readFile } from 'node:fs/promises';
import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { LEVELS, STAGES } from './policy.ts';
import type { AuditPolicy } from './policy.ts';

/** The policy file cannot be used; the message names file and fields. */
export class AuditPolicyError extends Error {
  override readonly name = 'AuditPolicyError';
}

const VERSION = 'audit.k8s.io/v1';

/** Throws AuditPolicyError. */
export async function readAuditPolicy(file: string): Promise<AuditPolicy> {
  const { parse } = await import('yaml');
  let given: unknown;
  try {
    given = parse(await readFile(file, 'utf8'), { maxAliasCount: 100 });
  } catch (error) {
    throw new AuditPolicyError(`${file}: ${(error as Error).message}`);
  }
  const faults = validatePolicy(given);
  if (faults.length === 0) return given as AuditPolicy;
  const lines = faults.map(({ field, message }) => `${field}: ${message}`);
  throw new AuditPolicyError(`${file}: ${lines.join('; ')}`);
}

/** The form of each field: a list of texts, or what looks at the value. */
type Check = (value: unknown, field: string) => FieldError[];

export function validatePolicy(policy: unknown): FieldError[] {
  if (!isObject(policy)) return [fieldError.required('kind', `write a Policy of ${VERSION}`)];
  const { apiVersion, kind } = policy;
  const faults: FieldError[] = [];
  if (apiVersion !== VERSION) faults.push(fieldError.notSupported('apiVersion', apiVersion, [VERSION]));
  if (kind !== 'Policy') faults.push(fieldError.notSupported('kind', kind, ['Policy']));
  if (!Array.isArray(policy['rules']) || policy['rules'].length === 0)
    faults.push(fieldError.required('rules', 'without rules nothing would be noted'));
  return [...faults, ...checkFields(policy, '', POLICY_FIELDS)];
}

const texts: Check = (value, field) =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
    ? []
    : [fieldError.typeInvalid(field, value, 'must be a list of texts')];

const flag: Check = (value, field) =>
  typeof value === 'boolean' ? [] : [fieldError.typeInvalid(field, value, 'must be true or false')];

const listOf =
  (check: Check): Check =>
  (value, field) =>
    Array.isArray(value)
      ? value.flatMap((one, i) => check(one, `${field}[${i}]`))
      : [fieldError.typeInvalid(field, value, 'must be a list')];

const stages: Check = listOf((value, field) =>
  (STAGES as readonly unknown[]).includes(value)
    ? []
    : [fieldError.invalid(field, value, `allowed stages are ${STAGES.join(',')}`)],
);

const level: Check = (value, field) =>
  (LEVELS as readonly unknown[]).includes(value) ? [] : [fieldError.notSupported(field, value, LEVELS)];

const url: Check = (value, field) => {
  if (value === '*') return [];
  if (typeof value !== 'string' || !value.startsWith('/'))
    return [fieldError.invalid(field, value, "non-resource URL rules must begin with a '/' character")];
  return value.slice(0, -1).includes('*')
    ? [
        fieldError.invalid(
          field,
          value,
          "non-resource URL wildcards '*' must be the final character of the rule",
        ),
      ]
    : [];
};

const GROUP = /^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/;

const group: Check = (value, field) =>
  typeof value === 'string' && GROUP.test(value)
    ? []
    : [fieldError.invalid(field, value, 'a group is a lowercase DNS subdomain without a version, "" or "*"')];

const groupResources: Check = (value, field) => {
  if (!isObject(value)) return [fieldError.typeInvalid(field, value, 'must be an object')];
  const faults = checkFields(value, `${field}.`, { group, resources: texts, resourceNames: texts });
  const { resources, resourceNames } = value;
  const named = Array.isArray(resourceNames) && resourceNames.length > 0;
  if (named && !(Array.isArray(resources) && resources.length > 0))
    faults.push(
      fieldError.invalid(
        `${field}.resourceNames`,
        resourceNames,
        'using resourceNames requires at least one resource',
      ),
    );
  return faults;
};

const rule: Check = (value, field) => {
  if (!isObject(value)) return [fieldError.typeInvalid(field, value, 'must be an object')];
  const faults = checkFields(value, `${field}.`, RULE_FIELDS);
  if (value['level'] === undefined) faults.push(fieldError.required(`${field}.level`));
  const urls = value['nonResourceURLs'];
  const both = [value['resources'], value['namespaces']].some((one) => Array.isArray(one) && one.length > 0);
  if (Array.isArray(urls) && urls.length > 0 && both)
    faults.push(
      fieldError.invalid(
        `${field}.nonResourceURLs`,
        urls,
        'rules cannot apply to both regular resources and non-resource URLs',
      ),
    );
  return faults;
};

const RULE_FIELDS: Readonly<Record<string, Check>> = {
  level,
  users: texts,
  userGroups: texts,
  verbs: texts,
  resources: listOf(groupResources),
  namespaces: texts,
  nonResourceURLs: listOf(url),
  omitStages: stages,
  omitManagedFields: flag,
};

const POLICY_FIELDS: Readonly<Record<string, Check>> = {
  apiVersion: () => [],
  kind: () => [],
  metadata: () => [],
  rules: listOf(rule),
  omitStages: stages,
  omitManagedFields: flag,
};

function checkFields(object: object, prefix: string, fields: Readonly<Record<string, Check>>): FieldError[] {
  return Object.entries(object).flatMap(([name, value]) => {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (check) return check(value, prefix + name);
    return [
      fieldError.forbidden(prefix + name, `unknown field; known are ${Object.keys(fields).join(', ')}`),
    ];
  });
}
