import { asList, asMap, groupItems, identify, isBare } from './list-items.ts';
import type { PathElement } from './path-element.ts';
import { TypeFault } from './check.ts';
import type { ListType, MapType, Type } from './types.ts';
import { keyType, shapeOf } from './types.ts';

/**
 * The live value with a configuration laid over it: nothing is removed, and leaves are the configuration's where
 * it has them. Either may be absent. Shares what it does not change.
 */
export function merge(live: unknown, config: unknown, type: Type): unknown {
  if (config === undefined) return live;
  const shape = shapeOf(type, config);
  if (shape.is === 'scalar') return config;
  if (shape.is === 'list') {
    if (shape.relation === 'atomic' || (isBare(asList(live)) && isBare(asList(config)))) return config;
    return mergeItems(asList(live), asList(config), shape);
  }
  if (shape.atomic || (isBare(asMap(live)) && isBare(asMap(config)))) return config;
  return mergeEntries(asMap(live), asMap(config), shape);
}

function mergeEntries(
  live: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
  map: MapType,
): unknown {
  const merged: Record<string, unknown> = { ...live };
  for (const [key, value] of Object.entries(config)) {
    const type = keyType(map, key);
    if (type) merged[key] = merge(live[key], value, type);
  }
  return merged;
}

/** A list of which items are told apart, item by item. */
interface Items {
  readonly order: readonly PathElement[];
  readonly values: readonly unknown[];
  readonly byElement: ReadonlyMap<PathElement, unknown[]>;
}

/**
 * Items of both lists, each once. Those in both keep the configuration's order; those of the live list alone keep
 * their place as far as that order allows.
 */
function mergeItems(live: readonly unknown[], config: readonly unknown[], list: ListType): unknown[] {
  const left = itemsOf(live, list);
  const right = itemsOf(config, list);
  const merged: unknown[] = [];
  const done = new Set<PathElement>();
  const shared = right.order.filter((element) => left.byElement.has(element));
  const take = (element: PathElement, mine: unknown) => {
    const theirs = right.byElement.get(element)?.[0];
    merged.push(merge(mine, theirs, list.item));
  };
  // Of live duplicates none is merged with the configuration's item, which replaces them all.
  const liveItem = (element: PathElement) => {
    const group = left.byElement.get(element) ?? [];
    return group.length > 1 ? null : group[0];
  };
  let [l, r, nextShared] = [0, 0, 0];
  while (l < left.order.length || r < right.order.length) {
    const mine = left.order[l];
    const theirs = right.order[r];
    if (mine !== undefined && mine === theirs) {
      done.add(mine);
      take(mine, liveItem(mine));
      l++;
      r++;
      nextShared++;
    } else if (
      mine !== undefined &&
      theirs !== undefined &&
      right.byElement.has(mine) &&
      nextShared < shared.length &&
      shared[nextShared] !== mine
    ) {
      // In both, but its turn is another one.
      l++;
    } else if (mine !== undefined && !right.byElement.has(mine)) {
      merged.push(left.values[l]);
      l++;
    } else {
      if (mine !== undefined && done.has(mine)) l++;
      if (theirs === undefined) continue;
      done.add(theirs);
      take(theirs, liveItem(theirs));
      if (shared[nextShared] === theirs) nextShared++;
      r++;
    }
  }
  return merged;
}

function itemsOf(values: readonly unknown[], list: ListType): Items {
  const order = values.map((value, i) => {
    const { element, fault } = identify(value, list);
    if (element === undefined) throw new TypeFault(`element ${i}: ${fault}`);
    return element;
  });
  return { order, values, byElement: groupItems(values, list) };
}
