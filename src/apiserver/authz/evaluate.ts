/** Whether a user may do something: plugin/pkg/auth/authorizer/rbac of Kubernetes. Pure. */
import { MASTERS } from '../authn/user.ts';
import type { User } from '../authn/user.ts';
import type { Attributes } from './attributes.ts';
import { RBAC_GROUP } from './policy.ts';
import type { Grant, Policy, RoleRef } from './policy.ts';
import { ruleAllows } from './rules.ts';
import type { PolicyRule } from './rules.ts';

export interface Decision {
  readonly allowed: boolean;
  /** By which binding, or what could not be looked at; often empty. */
  readonly reason: string;
}

/** Members of `system:masters` may do everything, whatever the roles say: nobody locks them out. */
export function evaluate(policy: Policy, user: User, wanted: Attributes): Decision {
  if (user.groups.includes(MASTERS)) return { allowed: true, reason: '' };
  const missing = new Set<string>();
  const namespace = 'path' in wanted ? undefined : wanted.namespace;
  for (const grant of policy.grantsOf(user, namespace)) {
    const rules = policy.rulesOf(grant.roleRef, grant.namespace);
    if (!rules) missing.add(noSuchRole(grant.roleRef));
    else if (rules.some((rule) => ruleAllows(rule, wanted))) {
      return { allowed: true, reason: `RBAC: allowed by ${describeGrant(grant)}` };
    }
  }
  return { allowed: false, reason: missing.size > 0 ? `RBAC: ${aggregate([...missing])}` : '' };
}

export interface HeldRules {
  readonly rules: readonly PolicyRule[];
  /** Roles that are bound and do not exist; empty when there are none. */
  readonly error: string;
}

/** Every rule that applies to a user in a namespace. */
export function rulesFor(policy: Policy, user: User, namespace: string | undefined): HeldRules {
  const missing = new Set<string>();
  const rules: PolicyRule[] = [];
  for (const grant of policy.grantsOf(user, namespace)) {
    const found = policy.rulesOf(grant.roleRef, grant.namespace);
    if (found) rules.push(...found);
    else missing.add(noSuchRole(grant.roleRef));
  }
  return { rules, error: aggregate([...missing]) };
}

const noSuchRole = ({ kind, name }: RoleRef): string =>
  `${kind.toLowerCase()}.${RBAC_GROUP} ${JSON.stringify(name)} not found`;

const aggregate = (errors: readonly string[]): string =>
  errors.length > 1 ? `[${errors.join(', ')}]` : (errors[0] ?? '');

function describeGrant({ binding, namespace, roleRef, subject }: Grant): string {
  const [kind, name] = namespace
    ? ['RoleBinding', `${binding}/${namespace}`]
    : ['ClusterRoleBinding', binding];
  const holder =
    subject.kind === 'ServiceAccount'
      ? `${subject.name}/${subject.namespace ?? namespace ?? ''}`
      : subject.name;
  return (
    `${kind} ${JSON.stringify(name)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} ` +
    `to ${subject.kind} ${JSON.stringify(holder)}`
  );
}
