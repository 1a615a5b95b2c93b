/** Which level a request belongs to, and whose queue within it: the flow schemas. */
import { AUTHENTICATED, MASTERS, SERVER_USER, parseServiceAccount } from '../authn/user.ts';
import type { User } from '../authn/user.ts';
import type { Attributes } from '../authz/attributes.ts';
import type { LevelName } from './levels.ts';

export interface Flow {
  readonly level: LevelName;
  /** Requests of one user wait in one queue. */
  readonly user: string;
}

/** Namespaces whose ServiceAccounts run the cluster. */
const SYSTEM_NAMESPACES = new Set(['kube-system', 'purlin-system']);
const LEASE_VERBS = new Set(['get', 'create', 'update']);
const SERVICE_ACCOUNTS = 'system:serviceaccounts';

/** The first that matches. `user` is the one that the request is made as, impersonation included. */
export function classify(user: User, wanted: Attributes): Flow {
  return { level: levelOf(user, wanted), user: user.name };
}

function levelOf(user: User, wanted: Attributes): LevelName {
  const ours = user.name === SERVER_USER;
  const namespace = parseServiceAccount(user.name)?.namespace;
  const ofTheSystem = namespace !== undefined && SYSTEM_NAMESPACES.has(namespace);
  if ((ours || ofTheSystem) && electsLeader(wanted)) return 'leader-election';
  if (ours) return 'system';
  if (user.groups.includes(MASTERS)) return 'administrators';
  if (ofTheSystem) return 'workload-high';
  if (user.groups.includes(SERVICE_ACCOUNTS)) return 'workload-low';
  return user.groups.includes(AUTHENTICATED) ? 'global-default' : 'catch-all';
}

const electsLeader = (wanted: Attributes): boolean =>
  'group' in wanted &&
  wanted.group === 'coordination.k8s.io' &&
  wanted.resource === 'leases' &&
  LEASE_VERBS.has(wanted.verb);
