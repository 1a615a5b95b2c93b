import { readEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { badRequest, expired, fieldError, resourceVersionTooLarge } from '../errors.ts';
import type { ApiError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import { keyPrefix } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { parseSelectors } from '../selectors.ts';
import type { Selector } from '../selectors.ts';
import type { ListMeta } from '../table.ts';
import { CompactedError } from '../../store/index.ts';
import { invalidOptions, parseResourceVersion, withStoreErrors } from './resource-version.ts';

export interface ObjectList {
  items: KubeObject[];
  metadata: ListMeta;
}

interface Page {
  /** State to read; undefined for the newest. */
  revision: number | undefined;
  /** Key after which to go on. */
  after: string | undefined;
}

/** More than there can be. */
const MAX_LIMIT = 2 ** 31;

/** How many stored objects to look at a time while a selector skips most of them. */
const SCAN_PAGE = 500;

/**
 * Lists a collection. Without `resourceVersionMatch=Exact` or `continue` the answer is the newest state,
 * which satisfies every other request for a version. Pages of one list all show the state of the first.
 */
export function listObjects(
  { store }: ApiContext,
  resource: Resource,
  namespace: string | undefined,
  query: URLSearchParams,
): ObjectList {
  if (query.get('sendInitialEvents'))
    throw invalidOptions(
      fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'),
    );
  const selector = parseSelectors(query, resource);
  const limit = parseLimit(query);
  const prefix = keyPrefix(resource, resource.namespaced ? namespace : undefined);
  const { revision, after } = startOf(query, prefix, store.revision);
  try {
    if (limit === undefined || selector === undefined) {
      const page = store.list(prefix, { revision, after, limit });
      const items = select(
        page.entries.map((entry) => readEntry(entry, resource)),
        selector,
      );
      const last = page.entries.at(-1);
      return page.remaining > 0 && last
        ? pageOf(items, page.revision, encodeContinue(page.revision, last.key, prefix), page.remaining)
        : pageOf(items, page.revision);
    }
    return scan(store, resource, prefix, { revision, after }, selector, limit);
  } catch (error) {
    if (error instanceof CompactedError) throw expired('The provided continue parameter is too old.');
    throw error;
  }
}

const select = (items: KubeObject[], selector: Selector | undefined): KubeObject[] =>
  selector ? items.filter(selector) : items;

const pageOf = (items: KubeObject[], revision: number, next?: string, remaining?: number): ObjectList => ({
  items,
  metadata: {
    resourceVersion: String(revision),
    ...(next && { continue: next }),
    ...(remaining !== undefined && { remainingItemCount: remaining }),
  },
});

/** A limited list with a selector: looks at stored objects until enough of them match. */
function scan(
  store: ApiContext['store'],
  resource: Resource,
  prefix: string,
  page: Page,
  selector: Selector,
  limit: number,
): ObjectList {
  const items: KubeObject[] = [];
  let { revision, after } = page;
  for (;;) {
    const read = store.list(prefix, { revision, after, limit: SCAN_PAGE });
    revision = read.revision;
    for (const [i, entry] of read.entries.entries()) {
      const object = readEntry(entry, resource);
      if (selector(object)) items.push(object);
      const more = read.remaining > 0 || i + 1 < read.entries.length;
      if (items.length === limit && more) {
        return pageOf(items, revision, encodeContinue(revision, entry.key, prefix));
      }
    }
    after = read.entries.at(-1)?.key;
    if (read.remaining === 0 || after === undefined) return pageOf(items, revision);
  }
}

function parseLimit(query: URLSearchParams): number | undefined {
  const text = query.get('limit');
  if (!text) return undefined;
  if (!/^-?\d{1,18}$/.test(text))
    throw badRequest(`limit: Invalid value: ${JSON.stringify(text)}: must be a decimal integer`);
  const limit = Number(text);
  return limit > 0 ? Math.min(limit, MAX_LIMIT) : undefined;
}

function startOf(query: URLSearchParams, prefix: string, current: number): Page {
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
  const exact = match === 'Exact' || (!match && query.has('limit') && (revision ?? 0) > 0);
  return { revision: exact ? revision : undefined, after: undefined };
}

const forbiddenMatch = (why: string): ApiError =>
  invalidOptions(fieldError.forbidden('resourceVersionMatch', why));

function encodeContinue(revision: number, lastKey: string, prefix: string): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision, start: lastKey.slice(prefix.length) };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decodeContinue(token: string, prefix: string): Page {
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

/** Every object of a collection, for the server's own controllers. */
export function allObjects(context: ApiContext, resource: Resource, namespace?: string): KubeObject[] {
  return withStoreErrors(() => listObjects(context, resource, namespace, new URLSearchParams()).items);
}
