/** Keeps secrets out of the audit log, whatever its policy asks for. Pure. */
import type { Attributes } from '../authz/attributes.ts';
import type { Status } from '../errors.ts';
import { isObject } from '../object.ts';

export const REDACTED = '(redacted)';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Kinds that carry secrets, and in which of their fields. */
const SECRET_FIELDS: Readonly<Record<string, readonly string[]>> = {
  Secret: ['data', 'stringData'],
  TokenRequest: ['status'],
  TokenReview: ['spec', 'status'],
};
/** Fields that are secret in every kind: our own Machine's, and a Secret's in an object that names no kind. */
const SECRET_KEYS: ReadonlySet<string> = new Set(['userData', 'stringData', LAST_APPLIED]);
/** JSON pointers into such fields. */
const SECRET_POINTER = /\/(userData|stringData|kubectl\.kubernetes\.io~1last-applied-configuration)(\/|$)/;
const SECRET_PARAMETER = /token|secret|password|authorization|credential/i;

/** Requests of whose bodies nothing is noted: Secrets, and tokens being made or examined. */
export function isSecret(wanted: Attributes): boolean {
  if ('path' in wanted) return false;
  const { group, resource, subresource } = wanted;
  if (group === 'authentication.k8s.io') return true;
  return (
    group === '' && (resource === 'secrets' || (resource === 'serviceaccounts' && subresource === 'token'))
  );
}

/** A copy of any body, a patch too, without what is secret; without `managedFields` if told so. */
export function redacted(value: unknown, dropped: ReadonlySet<string> = new Set()): unknown {
  if (Array.isArray(value)) return value.map((item) => redacted(item, dropped));
  if (!isObject(value)) return value;
  const { kind, path } = value;
  const secretFields = (typeof kind === 'string' && SECRET_FIELDS[kind]) || [];
  const secretOperation = typeof path === 'string' && 'op' in value && SECRET_POINTER.test(path);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !dropped.has(key))
      .map(([key, inner]) => {
        const secret =
          SECRET_KEYS.has(key) || secretFields.includes(key) || (secretOperation && key === 'value');
        return [key, secret ? REDACTED : redacted(inner, dropped)];
      }),
  );
}

/** A refusal may quote what it refuses. */
export function redactedStatus(status: Status, wanted: Attributes): object {
  const { metadata, status: outcome, message, reason, details, code } = status;
  const bare = { metadata, status: outcome, reason, code };
  if (isSecret(wanted) || /userData|stringData/.test(message ?? '')) return { ...bare, message: REDACTED };
  const unparsed = /^(couldn't parse the body as [A-Z]+):/.exec(message ?? '');
  if (unparsed) return { ...bare, message: unparsed[1] };
  return { ...bare, message, ...(details && { details }) };
}

/** Path and query as they are noted. */
export function redactedUri(path: string, query: URLSearchParams): string {
  if (query.size === 0) return path;
  const shown = new URLSearchParams();
  for (const [name, value] of query) shown.append(name, SECRET_PARAMETER.test(name) ? REDACTED : value);
  return `${path}?${shown.toString()}`;
}
