/** The `Impersonate-*` headers, by which a user who may asks as another one would. */
import { requireAccess } from '../authz/require.ts';
import type { ResourceAttributes } from '../authz/attributes.ts';
import type { Policy } from '../authz/policy.ts';
import { badRequest } from '../errors.ts';
import type { ApiRequest } from '../http.ts';
import {
  ANONYMOUS,
  AUTHENTICATED,
  UNAUTHENTICATED,
  parseServiceAccount,
  serviceAccountGroups,
} from './user.ts';
import type { User } from './user.ts';

const EXTRA_PREFIX = 'impersonate-extra-';
const AUTHENTICATION_GROUP = 'authentication.k8s.io';

interface Wish {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid: string;
  /** Key and value of each `Impersonate-Extra-<key>`. */
  readonly extra: readonly (readonly [key: string, value: string])[];
}

/** The user that the request stands for: its own unless it asks for another. Throws 403, and 400 for half a wish. */
export function impersonate(request: Pick<ApiRequest, 'headers'>, user: User, policy: Policy): User {
  const wish = wishOf(request);
  if (!wish) return user;
  for (const wanted of attributesOf(wish)) {
    requireAccess(policy, user, { verb: 'impersonate', ...wanted });
  }
  const { name, uid, extra } = wish;
  const values = Object.entries(Object.groupBy(extra, ([key]) => key));
  return {
    name,
    groups: groupsOf(wish),
    ...(uid && { uid }),
    ...(values.length > 0 && {
      extra: Object.fromEntries(values.map(([key, all]) => [key, (all ?? []).map(([, value]) => value)])),
    }),
  };
}

function wishOf({ headers }: Pick<ApiRequest, 'headers'>): Wish | undefined {
  const valuesOf = (wanted: string) => headers.filter(([name]) => name === wanted).map(([, value]) => value);
  const [name = ''] = valuesOf('impersonate-user');
  const [uid = ''] = valuesOf('impersonate-uid');
  const groups = valuesOf('impersonate-group');
  const extra = headers
    .filter(([header]) => header.startsWith(EXTRA_PREFIX))
    .map(([header, value]) => [unescaped(header.slice(EXTRA_PREFIX.length)), value] as const);
  if (name) return { name, uid, groups, extra };
  if (uid || groups.length > 0 || extra.length > 0) {
    throw badRequest('a group, a UID or extra fields can be impersonated only together with a user');
  }
  return undefined;
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** What must be allowed, one by one. */
function attributesOf({ name, groups, uid, extra }: Wish): Omit<ResourceAttributes, 'verb'>[] {
  const account = parseServiceAccount(name);
  return [
    account ? { group: '', resource: 'serviceaccounts', ...account } : { group: '', resource: 'users', name },
    ...groups.map((group) => ({ group: '', resource: 'groups', name: group })),
    ...extra.map(([key, value]) => ({
      group: AUTHENTICATION_GROUP,
      resource: 'userextras',
      subresource: key,
      name: value,
    })),
    ...(uid ? [{ group: AUTHENTICATION_GROUP, resource: 'uids', name: uid }] : []),
  ];
}

/** Groups that were named are the whole truth, but for whether the user was let in. */
function groupsOf({ name, groups }: Wish): string[] {
  const account = parseServiceAccount(name);
  const named = groups.length === 0 && account ? serviceAccountGroups(account.namespace) : [...groups];
  if (name === ANONYMOUS) return named.includes(UNAUTHENTICATED) ? named : [...named, UNAUTHENTICATED];
  const said = named.includes(AUTHENTICATED) || named.includes(UNAUTHENTICATED);
  return said ? named : [...named, AUTHENTICATED];
}
