/** Who makes a request, in the words of Kubernetes' `user.Info`. */

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const MASTERS = 'system:masters';
/** The controllers of the server's own process. */
export const SERVER_USER = 'system:apiserver';
export const AUTHENTICATED = 'system:authenticated';
export const UNAUTHENTICATED = 'system:unauthenticated';
export const ANONYMOUS = 'system:anonymous';
/** Names the certificate or the token that let a user in, for whoever reads `kubectl auth whoami`. */
export const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';

export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

export const serviceAccountUsername = ({ namespace, name }: ServiceAccountName): string =>
  `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;

export const serviceAccountGroups = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
];

/** Undefined unless the user name is a ServiceAccount's. */
export function parseServiceAccount(username: string): ServiceAccountName | undefined {
  if (!username.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace, name, ...beyond] = username.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  return namespace && name && beyond.length === 0 ? { namespace, name } : undefined;
}

/** Everybody who was let in belongs to `system:authenticated`. */
export const authenticated = (user: User): User =>
  user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };

/** `userInfo` of the authentication API. */
export function userInfo({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) };
}
