import { isObject } from '../object.ts';
import { FieldSetBuilder } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { asList, asMap, groupItems } from './list-items.ts';
import type { ListType, MapType, Type } from './types.ts';
import { keyType, shapeOf } from './types.ts';
import { fieldElement } from './path-element.ts';
import type { PathElement } from './path-element.ts';

/** Where a walk over a value is, and what it has found. */
interface Walk {
  readonly path: PathElement[];
  readonly found: FieldSetBuilder;
}

/** Every leaf, list item and map entry that a value mentions: what its applier manages. */
export function fieldsOf(value: unknown, type: Type): FieldSet {
  const walk: Walk = { path: [], found: new FieldSetBuilder() };
  visit(value, type, walk);
  return walk.found.build();
}

function visit(value: unknown, type: Type, walk: Walk): void {
  const shape = shapeOf(type, value);
  switch (shape.is) {
    case 'scalar':
      return walk.found.insert(walk.path);
    case 'list':
      return shape.relation === 'atomic' ? walk.found.insert(walk.path) : visitItems(value, shape, walk);
    case 'map':
      return shape.atomic ? walk.found.insert(walk.path) : visitEntries(value, shape, walk);
  }
}

function visitItems(value: unknown, list: ListType, walk: Walk): void {
  for (const [element, items] of groupItems(asList(value), list)) {
    walk.path.push(element);
    // Of items that nothing tells apart, nobody manages the parts.
    if (items.length === 1) visit(items[0], list.item, walk);
    walk.found.insert(walk.path);
    walk.path.pop();
  }
}

function visitEntries(value: unknown, map: MapType, walk: Walk): void {
  for (const [key, entry] of Object.entries(asMap(value))) {
    const type = keyType(map, key);
    if (entry === undefined || !type) continue;
    walk.path.push(fieldElement(key));
    visit(entry, type, walk);
    const bare = entry === null || (isObject(entry) && Object.keys(entry).length === 0);
    if (bare || !map.fields.has(key)) walk.found.insert(walk.path);
    walk.path.pop();
  }
}
