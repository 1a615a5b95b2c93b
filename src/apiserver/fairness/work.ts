/** How much of the server a request takes, in seats: k8s.io/apiserver's work estimator, by number of objects. */
import type { Attributes } from '../authz/attributes.ts';

const OBJECTS_PER_SEAT = 100;
export const MAX_SEATS = 10;

/** What `count` gives is the number of objects of the whole collection; it is asked for only when it matters. */
export function seatsOf(wanted: Attributes, query: URLSearchParams, count: () => number): number {
  if ('path' in wanted || !readsCollection(wanted.verb, query)) return 1;
  const objects = count();
  const given = Number(query.get('limit'));
  const limit = given > 0 ? given : objects;
  const selects = query.has('labelSelector') || query.has('fieldSelector');
  // With a selector it may take the whole collection to find a few.
  const looked = selects ? objects : Math.min(limit, objects);
  return Math.max(1, Math.min(MAX_SEATS, Math.ceil(looked / OBJECTS_PER_SEAT)));
}

function readsCollection(verb: string, query: URLSearchParams): boolean {
  if (verb === 'list' || verb === 'deletecollection') return true;
  if (verb !== 'watch') return false;
  const from = query.get('resourceVersion');
  return !from || from === '0' || query.get('sendInitialEvents') === 'true';
}
