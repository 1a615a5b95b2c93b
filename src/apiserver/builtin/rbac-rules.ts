/** Defaults and checks of the RBAC kinds: pkg/apis/rbac/{v1/defaults,validation} of Kubernetes. */
import { labelSelectorErrors } from '../authz/label-selector.ts';
import type { LabelSelector } from '../authz/label-selector.ts';
import { RBAC_GROUP } from '../authz/policy.ts';
import type { RoleRef, Subject } from '../authz/policy.ts';
import type { PolicyRule } from '../authz/rules.ts';
import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import { pathSegmentFault, subdomainFault } from '../schema/metadata.ts';

const listOf = <Item>(value: unknown): Item[] => (Array.isArray(value) ? (value as Item[]) : []);

export function prepareBinding({ roleRef, subjects }: KubeObject): void {
  if (isObject(roleRef)) roleRef['apiGroup'] ||= RBAC_GROUP;
  for (const subject of listOf<{ kind?: string; apiGroup?: string }>(subjects)) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP;
  }
}

type Scope = 'namespace' | 'cluster';

export function roleErrors(role: KubeObject, scope: Scope): FieldError[] {
  const rules = listOf<PolicyRule>(role['rules']);
  return [
    ...rules.flatMap((rule, i) => ruleErrors(rule, scope, `rules[${i}]`)),
    ...(scope === 'cluster' ? aggregationErrors(role) : []),
  ];
}

function ruleErrors(rule: PolicyRule, scope: Scope, path: string): FieldError[] {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  const errors: FieldError[] = [];
  if (!verbs.length) {
    errors.push(fieldError.required(`${path}.verbs`, 'verbs must contain at least one value'));
  }
  if (nonResourceURLs?.length) {
    const fail = (why: string) =>
      errors.push(fieldError.invalid(`${path}.nonResourceURLs`, nonResourceURLs, why));
    if (scope === 'namespace') fail('namespaced rules cannot apply to non-resource URLs');
    if (apiGroups?.length || resources?.length || resourceNames?.length) {
      fail('rules cannot apply to both regular resources and non-resource URLs');
    }
    return errors;
  }
  if (!apiGroups?.length) {
    errors.push(
      fieldError.required(`${path}.apiGroups`, 'resource rules must supply at least one api group'),
    );
  }
  if (!resources?.length) {
    errors.push(fieldError.required(`${path}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}

function aggregationErrors({ aggregationRule }: KubeObject): FieldError[] {
  if (!isObject(aggregationRule)) return [];
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = listOf<LabelSelector>(aggregationRule['clusterRoleSelectors']);
  if (selectors.length === 0) {
    const why = 'at least one clusterRoleSelector required if aggregationRule is non-nil';
    return [fieldError.required(path, why)];
  }
  return selectors.flatMap((selector, i) => labelSelectorErrors(selector, `${path}[${i}]`));
}

export function bindingErrors(object: KubeObject, old: KubeObject | undefined, scope: Scope): FieldError[] {
  const roleRef = object['roleRef'] as RoleRef;
  const subjects = listOf<Subject>(object['subjects']);
  return [
    ...roleRefErrors(roleRef, scope),
    ...subjects.flatMap((subject, i) => subjectErrors(subject, scope, `subjects[${i}]`)),
    ...(old && !equalJson(old['roleRef'], roleRef) ? [changedRoleRef(roleRef)] : []),
  ];
}

/** Kubernetes shows the fields as Go names them. */
const changedRoleRef = ({ apiGroup, kind, name }: RoleRef): FieldError =>
  fieldError.invalid('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef');

function roleRefErrors({ apiGroup, kind, name }: RoleRef, scope: Scope): FieldError[] {
  const errors: FieldError[] = [];
  const kinds = scope === 'namespace' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (apiGroup !== RBAC_GROUP) {
    errors.push(fieldError.notSupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP]));
  }
  if (!kinds.includes(kind)) errors.push(fieldError.notSupported('roleRef.kind', kind, kinds));
  const fault = pathSegmentFault(name);
  if (!name) errors.push(fieldError.required('roleRef.name'));
  else if (fault) errors.push(fieldError.invalid('roleRef.name', name, fault));
  return errors;
}

function subjectErrors(
  { kind, name, namespace, apiGroup = '' }: Subject,
  scope: Scope,
  path: string,
): FieldError[] {
  const errors = name ? [] : [fieldError.required(`${path}.name`)];
  switch (kind) {
    case 'ServiceAccount': {
      const fault = name && subdomainFault(name);
      if (fault) errors.push(fieldError.invalid(`${path}.name`, name, fault));
      if (apiGroup) errors.push(fieldError.notSupported(`${path}.apiGroup`, apiGroup, ['']));
      if (scope === 'cluster' && !namespace) errors.push(fieldError.required(`${path}.namespace`));
      return errors;
    }
    case 'User':
    case 'Group':
      if (apiGroup !== RBAC_GROUP) {
        errors.push(fieldError.notSupported(`${path}.apiGroup`, apiGroup, [RBAC_GROUP]));
      }
      return errors;
    default:
      return [...errors, fieldError.notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group'])];
  }
}
