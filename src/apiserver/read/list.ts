import { readEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { badRequest, expired, fieldError, resourceVersionTooLarge } from '../errors.ts';
import type { ApiError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import { keyPrefix } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { parseSelectors } from '../selectors.ts';
import type { Selector } from '../selectors.ts';
import { listHead, objectList } from '../table.ts';
import type { ListMeta } from '../table.ts';
import { CompactedError } from '../../store/index.ts';
import type { Entry } from '../../store/index.ts';
import { listedText } from './served-text.ts';
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
  const asked = askedOf(resource, namespace, query, store.revision);
  const { selector, limit } = asked;
  return withListErrors(() => {
    if (selector && limit !== undefined) return scan(store, resource, asked, selector, limit);
    const { entries, metadata } = readPage(store, asked);
    const items = entries.map((entry) => readEntry(entry, resource));
    return { items: selector ? items.filter(selector) : items, metadata };
  });
}

/** The same as JSON text, where objects are wanted as they are. */
export function listText(
  context: ApiContext,
  resource: Resource,
  namespace: string | undefined,
  query: URLSearchParams,
): string {
  const { store } = context;
  const asked = askedOf(resource, namespace, query, store.revision);
  if (asked.selector) {
    const { items, metadata } = listObjects(context, resource, namespace, query);
    return JSON.stringify(objectList(items, metadata, resource));
  }
  const { entries, metadata } = withListErrors(() => readPage(store, asked));
  const items = entries.map((entry) => listedText(entry, resource));
  return `${JSON.stringify(listHead(resource, metadata)).slice(0, -1)},"items":[${items.join(',')}]}`;
}

interface Asked extends Page {
  readonly prefix: string;
  readonly selector: Selector | undefined;
  readonly limit: number | undefined;
}

function askedOf(
  resource: Resource,
  namespace: string | undefined,
  query: URLSearchParams,
  current: number,
): Asked {
  if (query.get('sendInitialEvents'))
    throw invalidOptions(
      fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'),
    );
  const selector = parseSelectors(query, resource);
  const limit = parseLimit(query);
  const prefix = keyPrefix(resource, resource.namespaced ? namespace : undefined);
  return { ...startOf(query, prefix, current), prefix, selector, limit };
}

function withListErrors<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof CompactedError) throw expired('The provided continue parameter is too old.');
    throw error;
  }
}

function readPage(
  store: ApiContext['store'],
  { prefix, revision: wanted, after, limit }: Asked,
): { readonly entries: readonly Entry[]; readonly metadata: ListMeta } {
  const { entries, revision, remaining } = store.list(prefix, { revision: wanted, after, limit });
  const last = entries.at(-1);
  const metadata =
    remaining > 0 && last
      ? listMeta(revision, encodeContinue(revision, last.key, prefix), remaining)
      : listMeta(revision);
  return { entries, metadata };
}

const listMeta = (revision: number, next?: string, remaining?: number): ListMeta => ({
  resourceVersion: String(revision),
  ...(next && { continue: next }),
  ...(remaining !== undefined && { remainingItemCount: remaining }),
});

/** A limited list with a selector: looks at stored objects until enough of them match. */
function scan(
  store: ApiContext['store'],
  resource: Resource,
  { prefix, ...page }: Asked,
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
        return { items, metadata: listMeta(revision, encodeContinue(revision, entry.key, prefix)) };
      }
    }
    after = read.entries.at(-1)?.key;
    if (read.remaining === 0 || after === undefined) return { items, metadata: listMeta(revision) };
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
