import { isObject } from '../object.ts';
import type { JsonObject } from '../object.ts';
import { keyElement, valueElement } from './path-element.ts';
import type { PathElement } from './path-element.ts';
import { isScalar } from './types.ts';
import type { ListType } from './types.ts';

/** By what an item is told apart from the others of its list; or, as `fault`, why it cannot be. */
export type Identified =
  | { readonly element: PathElement; readonly fault?: undefined }
  | { readonly element?: undefined; readonly fault: string };

export function identify(item: unknown, list: ListType): Identified {
  if (list.relation === 'atomic') return { fault: 'invalid indexing of non-associative list' };
  return list.keys.length > 0 ? identifyByKeys(item, list) : identifyByValue(item);
}

function identifyByKeys(item: unknown, { keys, item: type }: ListType): Identified {
  if (item === null) return { fault: 'associative list with keys may not have a null element' };
  if (!isObject(item)) return { fault: 'associative list with keys may not have non-map elements' };
  const found: JsonObject = {};
  for (const key of keys) {
    const value = item[key] ?? type.map?.fields.get(key)?.default;
    if (value !== undefined) found[key] = value;
  }
  if (Object.keys(found).length > 0) return { element: keyElement(found) };
  const names = keys.map((key) => JSON.stringify(key)).join(' ');
  return {
    fault: `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  };
}

function identifyByValue(item: unknown): Identified {
  if (isScalar(item)) return { element: valueElement(item) };
  if (item === null) return { fault: "associative list without keys has an element that's an explicit null" };
  return {
    fault: Array.isArray(item)
      ? 'not supported: associative list with lists as elements'
      : "associative list without keys has an element that's a map type",
  };
}

/** The items of a list by what tells them apart, in order; those that nothing tells apart are left out. */
export function groupItems(items: readonly unknown[], list: ListType): Map<PathElement, unknown[]> {
  const groups = new Map<PathElement, unknown[]>();
  for (const item of items) {
    const { element } = identify(item, list);
    if (element === undefined) continue;
    const group = groups.get(element);
    if (group) group.push(item);
    else groups.set(element, [item]);
  }
  return groups;
}

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const asMap = (value: unknown): Readonly<Record<string, unknown>> => (isObject(value) ? value : {});

/** Nothing, null, or without content. Of two such, the one that is there counts as a whole. */
export const isBare = (content: readonly unknown[] | Readonly<Record<string, unknown>>): boolean =>
  Object.keys(content).length === 0;
