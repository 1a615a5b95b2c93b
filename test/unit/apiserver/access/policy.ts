/** Roles and bindings as short as tests want them. */
import { PolicyIndex } from '../../../../src/apiserver/authz/policy.ts';
import type { PolicyRule } from '../../../../src/apiserver/authz/rules.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';

const RBAC = 'rbac.authorization.k8s.io';
const apiVersion = `${RBAC}/v1`;

export const clusterRole = (
  name: string,
  rules: readonly PolicyRule[],
  labels: Record<string, string> = {},
): KubeObject => ({ apiVersion, kind: 'ClusterRole', metadata: { name, labels }, rules });

export const role = (name: string, namespace: string, rules: readonly PolicyRule[]): KubeObject => ({
  apiVersion,
  kind: 'Role',
  metadata: { name, namespace },
  rules,
});

/** Of a ClusterRole, everywhere or in a namespace. */
export const binding = (
  name: string,
  roleName: string,
  kind: string,
  subject: string,
  namespace?: string,
  subjectNamespace?: string,
): KubeObject => ({
  apiVersion,
  kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
  metadata: { name, ...(namespace && { namespace }) },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: roleName },
  subjects: [{ kind, name: subject, ...(subjectNamespace && { namespace: subjectNamespace }) }],
});

export function policyOf(...objects: KubeObject[]): PolicyIndex {
  const policy = new PolicyIndex();
  for (const object of objects) policy.observe(object, undefined);
  return policy;
}
