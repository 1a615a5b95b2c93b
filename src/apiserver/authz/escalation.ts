/**
 * Nobody gives away what they do not have: whoever writes a role must hold its rules (or be allowed to `escalate`),
 * and whoever binds one too (or be allowed to `bind` it).
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
import { MASTERS } from '../authn/user.ts';
import type { User } from '../authn/user.ts';
import { forbidden, notFound } from '../errors.ts';
import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import { evaluate, rulesFor } from './evaluate.ts';
import { RBAC_GROUP } from './policy.ts';
import type { Policy, RoleRef } from './policy.ts';
import { compactRules, describeRule, quotedList, uncovered } from './rules.ts';
import type { PolicyRule } from './rules.ts';

/** One write of a role or a binding. */
export interface RbacWrite {
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
  readonly user: User;
  /** The resource that is written: `roles`, `clusterrolebindings`, … */
  readonly plural: string;
}

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Throws 403 when the role would hold rules that the user does not. */
export function admitRole(policy: Policy, write: RbacWrite): void {
  const { object, old, user, plural } = write;
  const { name = '', namespace } = object.metadata;
  if (user.groups.includes(MASTERS) || onlyForGarbageCollection(object, old)) return;
  const escalate = { verb: 'escalate', group: RBAC_GROUP, resource: plural };
  const place = { ...(namespace && { namespace }), ...(old && { name }) };
  if (evaluate(policy, user, { ...escalate, ...place }).allowed) return;
  refuse(write, escalationFault(policy, user, namespace, rulesIn(object)));
  // An aggregation rule can gather anything, and one that goes lifts what it kept in bounds.
  if (object['aggregationRule'] === undefined && old?.['aggregationRule'] === undefined) return;
  if (escalationFault(policy, user, namespace, EVERYTHING)) {
    refuse(write, 'must have cluster-admin privileges to use the aggregationRule');
  }
}

/** Throws 403 when the role that is bound holds rules that the user does not; 404 when there is no such role. */
export function admitBinding(policy: Policy, write: RbacWrite): void {
  const { object, old, user } = write;
  const { namespace } = object.metadata;
  if (user.groups.includes(MASTERS) || onlyForGarbageCollection(object, old)) return;
  const { kind, name, ...role } = object['roleRef'] as RoleRef;
  const resource = kind === 'Role' ? 'roles' : 'clusterroles';
  const bind = { verb: 'bind', group: RBAC_GROUP, resource, name, ...(namespace && { namespace }) };
  if (evaluate(policy, user, bind).allowed) return;
  const rules = policy.rulesOf({ ...role, kind, name }, namespace);
  if (!rules) throw notFound({ group: RBAC_GROUP, resource }, name);
  refuse(write, escalationFault(policy, user, namespace, rules));
}

const rulesIn = (role: KubeObject): PolicyRule[] =>
  Array.isArray(role['rules']) ? (role['rules'] as PolicyRule[]) : [];

/** Which of the rules the user does not hold; undefined when there are none. */
function escalationFault(
  policy: Policy,
  user: User,
  namespace: string | undefined,
  rules: readonly PolicyRule[],
): string | undefined {
  const held = rulesFor(policy, user, namespace);
  const missing = uncovered(held.rules, rules);
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRules(missing).map(describeRule))].sort();
  return (
    `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)}) ` +
    `is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}` +
    (held.error && `; resolution errors: [${held.error}]`)
  );
}

function refuse({ object, plural }: RbacWrite, fault: string | undefined): void {
  if (fault === undefined) return;
  const { name = '' } = object.metadata;
  throw forbidden(`${plural}.${RBAC_GROUP} ${JSON.stringify(name)} is forbidden: ${fault}`, {
    name,
    group: RBAC_GROUP,
    kind: plural,
  });
}

/** What somebody without the rules of a role may still do: let it go. */
function onlyForGarbageCollection(object: KubeObject, old: KubeObject | undefined): boolean {
  if (!old) return false;
  return equalJson(withoutOwnership(object), withoutOwnership(old));
}

function withoutOwnership(object: KubeObject): object {
  const { ownerReferences: _, finalizers: __, managedFields: ___, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, resourceVersion: '' } };
}
