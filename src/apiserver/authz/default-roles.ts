/**
 * The roles that every installation begins with: those of plugin/pkg/auth/authorizer/rbac/bootstrappolicy that speak
 * of what is served here, and Purlin's kinds in `admin`, `edit` and `view`.
 */
import type { JsonObject, KubeObject } from '../object.ts';
import { ISSUER_PATHS } from '../authn/issuer-discovery.ts';
import { RBAC_GROUP } from './policy.ts';
import type { PolicyRule } from './rules.ts';

export const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const ALL = [...WRITE, ...READ];

const rule = (verbs: string[], apiGroup: string, ...resources: string[]): PolicyRule => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
});

type Level = 'admin' | 'edit' | 'view';
const aggregateTo = (level: Level) => ({ [`rbac.authorization.k8s.io/aggregate-to-${level}`]: 'true' });

const metadata = (name: string, labels: Record<string, string> = {}) => ({
  name,
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
  annotations: { [AUTOUPDATE]: 'true' },
});

const role = (name: string, rules: PolicyRule[], labels?: Record<string, string>): KubeObject => ({
  apiVersion: `${RBAC_GROUP}/v1`,
  kind: 'ClusterRole',
  metadata: metadata(name, labels),
  rules,
});

const aggregated = (name: Level, labels?: Record<string, string>): KubeObject => ({
  ...role(name, [], labels),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateTo(name) }] } as JsonObject,
});

const NAMESPACED_KINDS = ['disks', 'images', 'ipaddresses', 'machines', 'placements', 'subnets'];
/** Addresses and placements are made by the controllers, and hosts by agents. */
const WRITTEN_KINDS = ['disks', 'images', 'machines', 'subnets'];

const withStatus = (plurals: string[]): string[] => plurals.flatMap((one) => [one, `${one}/status`]);

const DISCOVERY_URLS = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'];
const INFO_URLS = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

export const DEFAULT_ROLES: readonly KubeObject[] = [
  role('cluster-admin', [rule(['*'], '*', '*'), { verbs: ['*'], nonResourceURLs: ['*'] }]),
  role('system:discovery', [{ verbs: ['get'], nonResourceURLs: [...DISCOVERY_URLS, ...INFO_URLS] }]),
  role('system:public-info-viewer', [{ verbs: ['get'], nonResourceURLs: INFO_URLS }]),
  role('system:basic-user', [
    rule(['create'], 'authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
    rule(['create'], 'authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  role('system:auth-delegator', [
    rule(['create'], 'authentication.k8s.io', 'tokenreviews'),
    rule(['create'], 'authorization.k8s.io', 'subjectaccessreviews'),
  ]),
  role('system:service-account-issuer-discovery', [{ verbs: ['get'], nonResourceURLs: [...ISSUER_PATHS] }]),
  aggregated('admin'),
  aggregated('edit', aggregateTo('admin')),
  aggregated('view', aggregateTo('edit')),
  role(
    'system:aggregate-to-admin',
    [
      rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews'),
      rule(ALL, RBAC_GROUP, 'rolebindings', 'roles'),
    ],
    aggregateTo('admin'),
  ),
  role(
    'system:aggregate-to-edit',
    [
      rule(READ, '', 'secrets'),
      rule(['impersonate'], '', 'serviceaccounts'),
      rule(WRITE, '', 'configmaps', 'events', 'secrets', 'serviceaccounts'),
      rule(WRITE, 'events.k8s.io', 'events'),
      rule(['create'], '', 'serviceaccounts/token'),
      rule(ALL, 'coordination.k8s.io', 'leases'),
    ],
    aggregateTo('edit'),
  ),
  role(
    'system:aggregate-to-view',
    [
      rule(READ, '', 'configmaps', 'serviceaccounts'),
      rule(READ, '', 'events', 'namespaces/status', 'resourcequotas', 'resourcequotas/status'),
      rule(READ, 'events.k8s.io', 'events'),
      rule(READ, '', 'namespaces'),
    ],
    aggregateTo('view'),
  ),
  role('purlin:aggregate-to-edit', [rule(WRITE, 'purlin.dev', ...WRITTEN_KINDS)], aggregateTo('edit')),
  role(
    'purlin:aggregate-to-view',
    [rule(READ, 'purlin.dev', ...withStatus([...NAMESPACED_KINDS, 'hosts'].sort()))],
    aggregateTo('view'),
  ),
];

const binding = (name: string, ...groups: string[]): KubeObject => ({
  apiVersion: `${RBAC_GROUP}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: metadata(name),
  roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
  subjects: groups.map((group) => ({ apiGroup: RBAC_GROUP, kind: 'Group', name: group })),
});

export const DEFAULT_BINDINGS: readonly KubeObject[] = [
  binding('cluster-admin', 'system:masters'),
  binding('system:discovery', 'system:authenticated'),
  binding('system:basic-user', 'system:authenticated'),
  binding('system:service-account-issuer-discovery', 'system:serviceaccounts'),
  binding('system:public-info-viewer', 'system:authenticated', 'system:unauthenticated'),
];
