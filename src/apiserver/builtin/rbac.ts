/** The kinds of rbac.authorization.k8s.io/v1. */
import { admitBinding, admitRole } from '../authz/escalation.ts';
import { RBAC_GROUP } from '../authz/policy.ts';
import type { Policy, RoleRef, Subject } from '../authz/policy.ts';
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import type { KubeObject } from '../object.ts';
import type { Resource, TableColumn } from '../resource.ts';
import { builtinResource } from './index.ts';
import { bindingErrors, prepareBinding, prepareRole, roleErrors } from './rbac-rules.ts';
import { rbacSchemas } from './rbac-schemas.ts';

const common = { group: RBAC_GROUP, nameRule: 'pathSegment' } as const;

const roleColumns: TableColumn[] = [
  nameColumn,
  computedColumn('Created At', (role) => role.metadata.creationTimestamp),
];

const roleOf = (binding: KubeObject): string => {
  const { kind, name } = binding['roleRef'] as RoleRef;
  return `${kind}/${name}`;
};

const subjectNames = (binding: KubeObject, wanted: string): string =>
  (Array.isArray(binding['subjects']) ? (binding['subjects'] as Subject[]) : [])
    .filter(({ kind }) => kind === wanted)
    .map(({ name, namespace }) => (namespace ? `${namespace}/${name}` : name))
    .join(', ');

const bindingColumns: TableColumn[] = [
  nameColumn,
  computedColumn('Role', roleOf),
  ageColumn,
  computedColumn('Users', (binding) => subjectNames(binding, 'User'), { priority: 1 }),
  computedColumn('Groups', (binding) => subjectNames(binding, 'Group'), { priority: 1 }),
  computedColumn('ServiceAccounts', (binding) => subjectNames(binding, 'ServiceAccount'), { priority: 1 }),
];

/** The policy decides who may write which of them. */
export const rbacResources = (policy: Policy): Resource[] => [
  role(policy, 'Role', 'roles', 'namespace'),
  role(policy, 'ClusterRole', 'clusterroles', 'cluster'),
  binding(policy, 'RoleBinding', 'rolebindings', 'namespace'),
  binding(policy, 'ClusterRoleBinding', 'clusterrolebindings', 'cluster'),
];

type Scope = 'namespace' | 'cluster';

function role(policy: Policy, kind: 'Role' | 'ClusterRole', plural: string, scope: Scope): Resource {
  const builtin = {
    ...common,
    kind,
    plural,
    columns: roleColumns,
    ...(scope === 'cluster' && { clusterScoped: true as const }),
    rules: {
      prepare: prepareRole,
      validate: (object: KubeObject) => roleErrors(object, scope),
      admit: (...[object, old, user]: Admission) => admitRole(policy, { object, old, user, plural }),
    },
  };
  return builtinResource(builtin, rbacSchemas[kind]);
}

type Admission = Parameters<NonNullable<NonNullable<Resource['rules']>['admit']>>;

function binding(
  policy: Policy,
  kind: 'RoleBinding' | 'ClusterRoleBinding',
  plural: string,
  scope: Scope,
): Resource {
  const builtin = {
    ...common,
    kind,
    plural,
    columns: bindingColumns,
    ...(scope === 'cluster' && { clusterScoped: true as const }),
    rules: {
      prepare: prepareBinding,
      validate: (object: KubeObject, old: KubeObject | undefined) => bindingErrors(object, old, scope),
      admit: (...[object, old, user]: Admission) => admitBinding(policy, { object, old, user, plural }),
    },
  };
  return builtinResource(builtin, rbacSchemas[kind]);
}
