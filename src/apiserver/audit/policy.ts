/** Which requests are noted in the audit log, and how much of them: a `Policy` of `audit.k8s.io/v1`. Pure. */
import type { User } from '../authn/user.ts';
import type { Attributes, ResourceAttributes } from '../authz/attributes.ts';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof LEVELS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof STAGES)[number];

export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

/** Every list that is there must match; an absent or empty one matches everything. */
export interface AuditRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

export interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What is noted of one request. */
export interface Extent {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

/** By the first rule that matches; nothing when none does. `user` is undefined for whoever was not let in. */
export function extentOf(policy: AuditPolicy, user: User | undefined, wanted: Attributes): Extent {
  const rule = policy.rules.find((one) => matches(one, user, wanted));
  return {
    level: rule?.level ?? 'None',
    omitStages: new Set([...(policy.omitStages ?? []), ...(rule?.omitStages ?? [])]),
    omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields ?? false,
  };
}

const allows = (list: readonly string[] | undefined, value: string | undefined): boolean =>
  !list?.length || (value !== undefined && list.includes(value));

function matches(rule: AuditRule, user: User | undefined, wanted: Attributes): boolean {
  if (!allows(rule.users, user?.name) || !allows(rule.verbs, wanted.verb)) return false;
  const { userGroups = [], namespaces = [], resources = [], nonResourceURLs = [] } = rule;
  if (userGroups.length > 0 && !user?.groups.some((group) => userGroups.includes(group))) return false;
  if (namespaces.length > 0 || resources.length > 0) {
    if ('path' in wanted) return false;
    if (namespaces.length > 0 && !namespaces.includes(wanted.namespace ?? '')) return false;
    return resources.length === 0 || resources.some((one) => matchesResource(one, wanted));
  }
  if (nonResourceURLs.length === 0) return true;
  return 'path' in wanted && nonResourceURLs.some((pattern) => matchesPath(pattern, wanted.path));
}

function matchesResource(
  { group = '', resources = [], resourceNames = [] }: GroupResources,
  wanted: ResourceAttributes,
): boolean {
  if (group !== '*' && group !== wanted.group) return false;
  if (resources.length === 0) return true;
  if (resourceNames.length > 0 && !resourceNames.includes(wanted.name ?? '')) return false;
  const { resource, subresource } = wanted;
  const full = subresource ? `${resource}/${subresource}` : resource;
  return resources.some(
    (one) =>
      one === '*' ||
      one === full ||
      one === `${resource}/*` ||
      (subresource !== undefined && one === `*/${subresource}`),
  );
}

const matchesPath = (pattern: string, path: string): boolean =>
  pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
