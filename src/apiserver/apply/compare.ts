import { equalJson } from '../../values/equal.ts';
import { FieldSetBuilder, isEmpty } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { asList, asMap, groupItems, isBare } from './list-items.ts';
import { fieldElement } from './path-element.ts';
import type { PathElement } from './path-element.ts';
import type { ListType, MapType, Shape, Type } from './types.ts';
import { keyType, shapeOf } from './types.ts';

/** How one value differs from another; no field is in more than one of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Where a comparison is, and what it has found so far. */
interface Walk {
  readonly path: PathElement[];
  readonly added: FieldSetBuilder;
  readonly modified: FieldSetBuilder;
  readonly removed: FieldSetBuilder;
}

export function compare(old: unknown, next: unknown, type: Type): Comparison {
  const walk: Walk = {
    path: [],
    added: new FieldSetBuilder(),
    modified: new FieldSetBuilder(),
    removed: new FieldSetBuilder(),
  };
  visit(old, next, type, walk);
  return { added: walk.added.build(), modified: walk.modified.build(), removed: walk.removed.build() };
}

export const isSame = ({ added, modified, removed }: Comparison): boolean =>
  isEmpty(added) && isEmpty(modified) && isEmpty(removed);

/** Compares two values of which one may be absent. */
function visit(old: unknown, next: unknown, type: Type, walk: Walk): void {
  if (old === next) return;
  const before = shapeOf(type, old);
  const after = shapeOf(type, next);
  if (next === undefined) {
    if (!visitAs(before, old, next, walk)) walk.removed.insert(walk.path);
  } else if (old === undefined) {
    if (!visitAs(after, old, next, walk)) walk.added.insert(walk.path);
  } else {
    // A value that took on another form is compared in both.
    if (before.is !== after.is) visitAs(before, old, next, walk);
    visitAs(after, old, next, walk);
  }
}

/** Whether the values were taken as one piece. */
function visitAs(shape: Shape, old: unknown, next: unknown, walk: Walk): boolean {
  if (shape.is === 'scalar') return visitLeaf(old, next, walk);
  if (shape.is === 'list') {
    const [before, after] = [asList(old), asList(next)];
    // Two without content are one piece: that keeps null and empty apart.
    if (shape.relation === 'atomic' || (isBare(before) && isBare(after))) return visitLeaf(old, next, walk);
    visitItems(before, after, shape, walk);
    return false;
  }
  const [before, after] = [asMap(old), asMap(next)];
  if (shape.atomic || (isBare(before) && isBare(after))) return visitLeaf(old, next, walk);
  visitEntries(before, after, shape, walk);
  return false;
}

function visitLeaf(old: unknown, next: unknown, walk: Walk): true {
  if (old === undefined) walk.added.insert(walk.path);
  else if (next === undefined) walk.removed.insert(walk.path);
  else if (!equalJson(old, next)) walk.modified.insert(walk.path);
  return true;
}

function visitEntries(
  old: Readonly<Record<string, unknown>>,
  next: Readonly<Record<string, unknown>>,
  map: MapType,
  walk: Walk,
): void {
  for (const key of Object.keys(old)) visitEntry(key, old[key], next[key], map, walk);
  for (const key of Object.keys(next)) {
    if (old[key] === undefined) visitEntry(key, undefined, next[key], map, walk);
  }
}

function visitEntry(key: string, old: unknown, next: unknown, map: MapType, walk: Walk): void {
  const type = keyType(map, key);
  if (!type || old === next) return;
  walk.path.push(fieldElement(key));
  visit(old, next, type, walk);
  walk.path.pop();
}

function visitItems(old: readonly unknown[], next: readonly unknown[], list: ListType, walk: Walk): void {
  const before = groupItems(old, list);
  const after = groupItems(next, list);
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    walk.path.push(element);
    visitItem(before.get(element) ?? [], after.get(element) ?? [], list.item, walk);
    walk.path.pop();
  }
}

/** Items that nothing tells apart are one piece together. */
function visitItem(old: readonly unknown[], next: readonly unknown[], type: Type, walk: Walk): void {
  if (old.length <= 1 && next.length <= 1) visit(old[0], next[0], type, walk);
  else if (old.length > 1 && next.length > 1) {
    if (!equalJson(old, next)) walk.modified.insert(walk.path);
  } else if (old.length > 1) {
    visit(undefined, next[0], type, walk);
    walk.removed.insert(walk.path);
  } else {
    visit(old[0], undefined, type, walk);
    walk.added.insert(walk.path);
  }
}
