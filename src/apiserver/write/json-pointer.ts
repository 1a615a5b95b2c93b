/**
 * Places in a JSON document by RFC 6901. Only own members count, so nothing that every object inherits is found in
 * one; strings are no containers.
 */
import { isObject } from '../object.ts';

/** Where a pointer leads: a member that may be there or not. */
export type Place = ObjectPlace | ArrayPlace;

interface ObjectPlace {
  readonly in: Record<string, unknown>;
  readonly key: string;
}

interface ArrayPlace {
  readonly in: unknown[];
  /** As it is written; it means another item once items have come or gone. */
  readonly index: string;
}

/** Throws an Error where the way to it is missing. The document itself is no place in it. */
export function placeOf(document: unknown, pointer: string): Place {
  const [before, ...keys] = pointer.split('/').map(unescaped);
  const last = keys.pop();
  if (before !== '' || last === undefined) throw missing(pointer);
  let container = document;
  for (const key of keys) container = memberOf(container, key);
  if (Array.isArray(container)) return { in: container, index: last };
  if (!isObject(container)) throw missing(pointer);
  if (last === '__proto__') throw new Error('the key "__proto__" is not allowed');
  return { in: container, key: last };
}

/** What is there; undefined for a member that an object does not have. Throws for an item beyond an array's end. */
export function valueAt(place: Place): unknown {
  if ('index' in place) return place.in[indexOf(place, place.in.length - 1)];
  return Object.hasOwn(place.in, place.key) ? place.in[place.key] : undefined;
}

/** Which item of an array is meant, the last possible one included; negative ones are counted from behind that. */
export function indexOf({ in: array, index }: ArrayPlace, last: number): number {
  const given = /^-?\d{1,9}$/.test(index) ? Number(index) : Number.NaN;
  const at = given < 0 ? given + last + 1 : given;
  if (at >= 0 && at <= last) return at;
  throw new Error(`${JSON.stringify(index)} is no index of an array of ${array.length}`);
}

function memberOf(container: unknown, key: string): unknown {
  if (Array.isArray(container)) return valueAt({ in: container, index: key });
  return isObject(container) ? valueAt({ in: container, key }) : undefined;
}

const unescaped = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

const missing = (pointer: string): Error =>
  new Error(`the document has nothing at the way to ${JSON.stringify(pointer)}`);
