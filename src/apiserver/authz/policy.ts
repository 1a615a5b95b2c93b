/** All roles and bindings, indexed by whom they are for, so that a request looks at its own user's only. */
import { isObject } from '../object.ts';
import type { Index } from '../follow.ts';
import type { KubeObject } from '../object.ts';
import { serviceAccountUsername } from '../authn/user.ts';
import type { User } from '../authn/user.ts';
import type { PolicyRule } from './rules.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

export interface RoleRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

export interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly apiGroup?: string;
}

/** One subject of one binding: cluster-wide without a namespace. */
export interface Grant {
  readonly binding: string;
  readonly namespace: string | undefined;
  readonly subject: Subject;
  readonly roleRef: RoleRef;
}

/** What the evaluator asks. */
export interface Policy {
  /** Undefined when there is no such role. The namespace is that of the binding; a ClusterRole has none. */
  rulesOf(role: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined;
  /** What is bound to a user or its groups: first cluster-wide, then in the namespace. */
  grantsOf(user: User, namespace: string | undefined): Iterable<Grant>;
}

const roleKey = (kind: string, namespace: string | undefined, name: string): string =>
  kind === 'Role' ? `${namespace}/${name}` : name;

/** Follows the objects one change at a time. */
export class PolicyIndex implements Policy, Index {
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  /** By namespace and subject; by key of the binding within. */
  readonly #grants = new Map<string, Map<string, Grant>>();

  clear(): void {
    this.#roles.clear();
    this.#grants.clear();
  }

  observe(current: KubeObject | undefined, previous: KubeObject | undefined): void {
    if (previous) this.#remove(previous);
    if (current) this.#add(current);
  }

  rulesOf({ kind, name }: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined {
    return this.#roles.get(roleKey(kind, namespace, name));
  }

  *grantsOf(user: User, namespace: string | undefined): Iterable<Grant> {
    for (const scope of namespace ? [undefined, namespace] : [undefined]) {
      yield* this.#grants.get(grantKey(scope, 'User', user.name))?.values() ?? [];
      for (const group of user.groups) {
        yield* this.#grants.get(grantKey(scope, 'Group', group))?.values() ?? [];
      }
    }
  }

  #add(object: KubeObject): void {
    const { kind, metadata } = object;
    if (kind === 'Role' || kind === 'ClusterRole') {
      const rules = Array.isArray(object['rules']) ? (object['rules'] as PolicyRule[]) : [];
      this.#roles.set(roleKey(kind, metadata.namespace, metadata.name ?? ''), rules);
    } else {
      for (const grant of grantsIn(object)) {
        const key = subjectKey(grant);
        const grants = this.#grants.get(key) ?? new Map<string, Grant>();
        this.#grants.set(key, grants.set(grant.binding, grant));
      }
    }
  }

  #remove(object: KubeObject): void {
    const { kind, metadata } = object;
    if (kind === 'Role' || kind === 'ClusterRole') {
      this.#roles.delete(roleKey(kind, metadata.namespace, metadata.name ?? ''));
      return;
    }
    for (const grant of grantsIn(object)) {
      const key = subjectKey(grant);
      const grants = this.#grants.get(key);
      grants?.delete(grant.binding);
      if (grants?.size === 0) this.#grants.delete(key);
    }
  }
}

function grantsIn({ kind, metadata, ...binding }: KubeObject): Grant[] {
  if (kind !== 'RoleBinding' && kind !== 'ClusterRoleBinding') return [];
  const { subjects, roleRef } = binding;
  if (!Array.isArray(subjects) || !isObject(roleRef)) return [];
  return (subjects as Subject[]).map((subject) => ({
    binding: metadata.name ?? '',
    namespace: metadata.namespace,
    subject,
    roleRef: roleRef as unknown as RoleRef,
  }));
}

/** Namespaces and kinds have no line feed in them, so that no name can pass for more than a name. */
const grantKey = (namespace: string | undefined, kind: string, name: string): string =>
  [namespace ?? '', kind, name].join('\n');

function subjectKey({ namespace, subject }: Grant): string {
  if (subject.kind !== 'ServiceAccount') return grantKey(namespace, subject.kind, subject.name);
  const account = { name: subject.name, namespace: subject.namespace ?? namespace ?? '' };
  return grantKey(namespace, 'User', serviceAccountUsername(account));
}
