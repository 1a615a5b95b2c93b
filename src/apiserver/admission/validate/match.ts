/** What rules, selectors and conditions may say: pkg/apis/admissionregistration/validation of Kubernetes. */
import { checkAdmission } from '../../../cel/admission.ts';
import { labelSelectorErrors } from '../../authz/label-selector.ts';
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { qualifiedNameFault } from '../../schema/metadata.ts';
import type { MatchResources, NamedExpression, Rule } from '../spec.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const MAX_CONDITIONS = 64;

/** One of a few words, which has a default. */
export function wordErrors(value: unknown, words: readonly string[], path: string): FieldError[] {
  if (value === undefined) return [fieldError.required(path)];
  return words.includes(value as string) ? [] : [fieldError.notSupported(path, value, words)];
}

export const failurePolicyErrors = (value: unknown, path: string): FieldError[] =>
  wordErrors(value, ['Fail', 'Ignore'], path);

export const matchPolicyErrors = (value: unknown, path: string): FieldError[] =>
  wordErrors(value, ['Equivalent', 'Exact'], path);

export function matchResourcesErrors(match: MatchResources, path: string): FieldError[] {
  const {
    namespaceSelector = {},
    objectSelector = {},
    resourceRules = [],
    excludeResourceRules = [],
  } = match;
  return [
    ...matchPolicyErrors(match.matchPolicy, `${path}.matchPolicy`),
    ...labelSelectorErrors(namespaceSelector, `${path}.namespaceSelector`),
    ...labelSelectorErrors(objectSelector, `${path}.objectSelector`),
    ...resourceRules.flatMap((rule, i) => namedRuleErrors(rule, `${path}.resourceRules[${i}]`)),
    ...excludeResourceRules.flatMap((rule, i) => namedRuleErrors(rule, `${path}.excludeResourceRules[${i}]`)),
  ];
}

function namedRuleErrors(rule: Rule, path: string): FieldError[] {
  const { resourceNames = [] } = rule;
  const errors = resourceNames.flatMap((name, i) =>
    resourceNames.indexOf(name) < i ? [fieldError.duplicate(`${path}.resourceNames[${i}]`, name)] : [],
  );
  return [...errors, ...ruleErrors(rule, path)];
}

export function ruleErrors(rule: Rule, path: string): FieldError[] {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  return [
    ...(operations.length === 0 ? [fieldError.required(`${path}.operations`)] : []),
    ...aloneErrors(operations, 'operations', `${path}.operations`),
    ...operations.flatMap((operation, i) =>
      OPERATIONS.includes(operation)
        ? []
        : [fieldError.notSupported(`${path}.operations[${i}]`, operation, OPERATIONS)],
    ),
    ...(apiGroups.length === 0 ? [fieldError.required(`${path}.apiGroups`)] : []),
    ...aloneErrors(apiGroups, 'API groups', `${path}.apiGroups`),
    ...(apiVersions.length === 0 ? [fieldError.required(`${path}.apiVersions`)] : []),
    ...aloneErrors(apiVersions, 'API versions', `${path}.apiVersions`),
    ...apiVersions.flatMap((version, i) =>
      version === '' ? [fieldError.required(`${path}.apiVersions[${i}]`)] : [],
    ),
    ...resourceErrors(resources, `${path}.resources`),
    ...(scope === undefined || SCOPES.includes(scope)
      ? []
      : [fieldError.notSupported(`${path}.scope`, scope, SCOPES)]),
  ];
}

const aloneErrors = (items: readonly string[], what: string, path: string): FieldError[] =>
  items.length > 1 && items.includes('*')
    ? [fieldError.invalid(path, items, `if '*' is present, must not specify other ${what}`)]
    : [];

function resourceErrors(resources: readonly string[], path: string): FieldError[] {
  const errors: FieldError[] = resources.length === 0 ? [fieldError.required(path)] : [];
  const whole = new Set<string>();
  const everywhere = new Set<string>();
  for (const [i, given] of resources.entries()) {
    const at = `${path}[${i}]`;
    if (given === '') errors.push(fieldError.required(at));
    const slash = given.indexOf('/');
    if (slash < 0) continue;
    const [resource, subresource] = [given.slice(0, slash), given.slice(slash + 1)];
    const clash = (pattern: string) =>
      errors.push(fieldError.invalid(at, given, `if '${pattern}' is present, must not specify ${given}`));
    if (whole.has(resource)) clash(`${resource}/*`);
    if (everywhere.has(subresource)) clash(`*/${subresource}`);
    if (subresource === '*') whole.add(resource);
    if (resource === '*') everywhere.add(subresource);
  }
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(fieldError.invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  }
  if (resources.includes('*') && resources.some((one) => one !== '*' && one !== '' && !one.includes('/'))) {
    const why = "if '*' is present, must not specify other resources without subresources";
    errors.push(fieldError.invalid(path, resources, why));
  }
  return errors;
}

/** Conditions see no composed variables; `params` only where there are some. */
export function conditionErrors(
  conditions: readonly NamedExpression[],
  params: 'declared' | 'absent',
  path: string,
): FieldError[] {
  const names = conditions.map(({ name }) => name);
  const errors: FieldError[] =
    conditions.length > MAX_CONDITIONS ? [fieldError.tooMany(path, conditions.length, MAX_CONDITIONS)] : [];
  for (const [i, { name = '', expression = '' }] of conditions.entries()) {
    const at = `${path}[${i}]`;
    const trimmed = expression.trim();
    if (trimmed === '') errors.push(fieldError.required(`${at}.expression`));
    else {
      const { fault } = checkAdmission(trimmed, { params, authorizer: 'declared' }, ['bool']);
      if (fault) errors.push(fieldError.invalid(`${at}.expression`, trimmed, fault));
    }
    const malformed = name === '' ? undefined : qualifiedNameFault(name);
    if (name === '') errors.push(fieldError.required(`${at}.name`));
    else if (malformed) errors.push(fieldError.invalid(`${at}.name`, name, malformed));
    else if (names.indexOf(name) < i) errors.push(fieldError.duplicate(`${at}.name`, name));
  }
  return errors;
}
