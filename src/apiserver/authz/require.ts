import { ApiError } from '../errors.ts';
import type { User } from '../authn/user.ts';
import type { Attributes } from './attributes.ts';
import { evaluate } from './evaluate.ts';
import type { Decision } from './evaluate.ts';
import type { Policy } from './policy.ts';

/** Throws 403, worded like k8s.io/apiserver's responsewriters, unless the user may do it. */
export function requireAccess(policy: Policy, user: User, wanted: Attributes): void {
  requireAllowed(evaluate(policy, user, wanted), user, wanted);
}

/** Throws 403 when it was decided so. */
export function requireAllowed({ allowed, reason }: Decision, user: User, wanted: Attributes): void {
  if (!allowed) throw refusal(user, wanted, reason);
}

function refusal(user: User, wanted: Attributes, reason: string): ApiError {
  const message = harmless(describe(user, wanted)) + (reason && `: ${reason}`);
  if ('path' in wanted) return new ApiError(403, 'Forbidden', `forbidden: ${message}`, {});
  const { group, resource, name } = wanted;
  const what = `${group ? `${resource}.${group}` : resource}${name ? ` ${JSON.stringify(name)}` : ''}`;
  return new ApiError(403, 'Forbidden', `${what} is forbidden: ${message}`, {
    ...(name && { name }),
    ...(group && { group }),
    kind: resource,
  });
}

function describe({ name }: User, wanted: Attributes): string {
  const user = JSON.stringify(name);
  if ('path' in wanted) return `User ${user} cannot ${wanted.verb} path ${JSON.stringify(wanted.path)}`;
  const { verb, group, resource, subresource, namespace } = wanted;
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  return `User ${user} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
}

/** Names come from the request; a browser that shows the answer must not take them for markup. */
const harmless = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
