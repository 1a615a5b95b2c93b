import { isObject } from '../object.ts';
import { isEmpty } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { identify } from './list-items.ts';
import { fieldElement } from './path-element.ts';
import type { ListType, MapType, Type } from './types.ts';
import { keyType, shapeOf } from './types.ts';

/**
 * The value without the fields, items and entries of a set. A container that loses only what is in it stays, if
 * need be empty. Shares what it does not change.
 */
export function removeFields(value: unknown, set: FieldSet, type: Type): unknown {
  const shape = shapeOf(type, value);
  if (shape.is === 'scalar') return value;
  // What is one piece has no parts to remove.
  if (shape.is === 'list') {
    return Array.isArray(value) && shape.relation !== 'atomic' ? withoutItems(value, set, shape) : null;
  }
  return isObject(value) && !shape.atomic ? withoutEntries(value, set, shape) : null;
}

function withoutItems(items: readonly unknown[], set: FieldSet, list: ListType): unknown[] {
  const kept: unknown[] = [];
  for (const item of items) {
    const { element } = identify(item, list);
    const below = element === undefined ? undefined : set.children.get(element);
    if (!below?.member) kept.push(withoutParts(item, below, list.item));
  }
  return kept;
}

function withoutEntries(
  value: Readonly<Record<string, unknown>>,
  set: FieldSet,
  map: MapType,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    const below = set.children.get(fieldElement(key));
    if (!below?.member) kept[key] = withoutParts(entry, below, keyType(map, key) ?? {});
  }
  return kept;
}

function withoutParts(value: unknown, below: FieldSet | undefined, type: Type): unknown {
  if (!below || isEmpty(below)) return value;
  const rest = removeFields(value, below, type);
  if (rest !== null) return rest;
  return Array.isArray(value) ? [] : isObject(value) ? {} : null;
}
