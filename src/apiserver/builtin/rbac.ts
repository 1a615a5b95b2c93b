/** The kinds of rbac.authorization.k8s.io/v1. */
import { admitBinding, admitRole } from '../authz/escalation.ts';
import { RBAC_GROUP } from '../authz/policy.ts';
import type { Policy, RoleRef, Subject } from '../authz/policy.ts';
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import type { KubeObject } from '../object.ts';
import type { BuiltinRules, Resource, TableColumn } from '../resource.ts';
import { builtinResource } from './builtin.ts';
import { bindingErrors, prepareBinding, roleErrors } from './rbac-rules.ts';
import { rbacSchemas } from './rbac-schemas.ts';

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

type Scope = 'namespace' | 'cluster';

/** The policy decides who may write which of them. */
export const rbacResources = (policy: Policy): Resource[] => [
  resource('Role', 'roles', roleColumns, roleRules(policy, 'roles', 'namespace')),
  resource('ClusterRole', 'clusterroles', roleColumns, roleRules(policy, 'clusterroles', 'cluster')),
  resource('RoleBinding', 'rolebindings', bindingColumns, bindingRules(policy, 'rolebindings', 'namespace')),
  resource(
    'ClusterRoleBinding',
    'clusterrolebindings',
    bindingColumns,
    bindingRules(policy, 'clusterrolebindings', 'cluster'),
  ),
];

function resource(
  kind: keyof typeof rbacSchemas,
  plural: string,
  columns: TableColumn[],
  rules: BuiltinRules,
): Resource {
  const scope = kind.startsWith('Cluster') ? { clusterScoped: true as const } : {};
  return builtinResource({
    kind,
    schema: rbacSchemas[kind],
    plural,
    columns,
    rules,
    group: RBAC_GROUP,
    nameRule: 'pathSegment',
    // Go prints an absent list as null, and clients expect to find it.
    ...(kind.endsWith('Role') && { always: { rules: null } }),
    ...scope,
  });
}

const roleRules = (policy: Policy, plural: string, scope: Scope): BuiltinRules => ({
  validate: (role) => roleErrors(role, scope),
  admit: (object, old, user) => admitRole(policy, { object, old, user, plural }),
});

const bindingRules = (policy: Policy, plural: string, scope: Scope): BuiltinRules => ({
  prepare: prepareBinding,
  validate: (binding, old) => bindingErrors(binding, old, scope),
  admit: (object, old, user) => admitBinding(policy, { object, old, user, plural }),
});
