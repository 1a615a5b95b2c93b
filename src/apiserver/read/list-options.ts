/** What a list is asked for, and the `continue` tokens that its pages hand on. */
import { badRequest, fieldError, resourceVersionTooLarge } from '../errors.ts';
import type { ApiError } from '../errors.ts';
import { keyPrefix } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { parseSelectors } from '../selectors.ts';
import type { Selector } from '../selectors.ts';
import { invalidOptions, parseResourceVersion } from './resource-version.ts';

/** Where a list begins. */
interface Start {
  /** State to read; undefined for the newest. */
  readonly revision: number | undefined;
  /** Key after which to go on. */
  readonly after: string | undefined;
}

export interface ListOptions extends Start {
  readonly prefix: string;
  readonly selector: Selector | undefined;
  readonly limit: number | undefined;
}

/** More than there can be. */
const MAX_LIMIT = 2 ** 31;

/**
 * Without `resourceVersionMatch=Exact` or `continue` the answer is the newest state, which satisfies every other
 * request for a version. Throws 400, 410 and 422.
 */
export function listOptions(
  resource: Resource,
  namespace: string | undefined,
  query: URLSearchParams,
  current: number,
): ListOptions {
  if (query.get('sendInitialEvents'))
    throw invalidOptions(
      fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'),
    );
  const selector = parseSelectors(query, resource);
  const limit = parseLimit(query);
  const prefix = keyPrefix(resource, resource.namespaced ? namespace : undefined);
  return { ...startOf(query, prefix, current, limit !== undefined), prefix, selector, limit };
}

/** Everything under a prefix as it is now. */
export const everything = (prefix: string): ListOptions => ({
  prefix,
  revision: undefined,
  after: undefined,
  selector: undefined,
  limit: undefined,
});

function parseLimit(query: URLSearchParams): number | undefined {
  const text = query.get('limit');
  if (!text) return undefined;
  if (!/^-?\d{1,18}$/.test(text))
    throw badRequest(`limit: Invalid value: ${JSON.stringify(text)}: must be a decimal integer`);
  const limit = Number(text);
  return limit > 0 ? Math.min(limit, MAX_LIMIT) : undefined;
}

function startOf(query: URLSearchParams, prefix: string, current: number, limited: boolean): Start {
  const revision = parseResourceVersion(query.get('resourceVersion'));
  const match = query.get('resourceVersionMatch');
  const token = query.get('continue');
  if (token) {
    if (revision !== undefined && revision !== 0) {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    if (match) throw forbiddenMatch('resourceVersionMatch is forbidden when continue is provided');
    return decodeContinue(token, prefix);
  }
  if (match && revision === undefined) {
    throw forbiddenMatch('resourceVersionMatch is forbidden unless resourceVersion is provided');
  }
  if (match && match !== 'Exact' && match !== 'NotOlderThan') {
    throw invalidOptions(
      fieldError.notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']),
    );
  }
  if (match === 'Exact' && revision === 0) {
    throw forbiddenMatch('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  if (revision !== undefined && revision > current) throw resourceVersionTooLarge(revision, current);
  // A limited list at a version without a match rule means that exact version, as in Kubernetes.
  const exact = match === 'Exact' || (!match && limited && (revision ?? 0) > 0);
  return { revision: exact ? revision : undefined, after: undefined };
}

const forbiddenMatch = (why: string): ApiError =>
  invalidOptions(fieldError.forbidden('resourceVersionMatch', why));

function decodeContinue(token: string, prefix: string): Start {
  const fault = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`);
  let parsed: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString()) as typeof parsed;
  } catch (error) {
    throw fault((error as Error).message);
  }
  const { v, rv, start } = parsed ?? {};
  if (v !== 'meta.k8s.io/v1' || typeof start !== 'string' || !Number.isSafeInteger(rv)) {
    throw fault('server does not recognize this encoded version');
  }
  return { revision: rv as number, after: prefix + start };
}

export function encodeContinue(revision: number, lastKey: string, prefix: string): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision, start: lastKey.slice(prefix.length) };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}
