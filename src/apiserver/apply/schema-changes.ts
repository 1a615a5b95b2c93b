import { WHOLE_FIELD, withChildren } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { fieldName } from './path-element.ts';
import type { PathElement } from './path-element.ts';
import type { Type } from './types.ts';
import { keyType, shapeOf } from './types.ts';

/**
 * A set as the present schema has it: of what has become one piece since, whoever managed a part manages the whole.
 */
export function followSchema(set: FieldSet, type: Type): FieldSet {
  const shape = shapeOf(type, undefined);
  if (set.children.size === 0 || shape.is === 'scalar') return set;
  if (shape.is === 'list' ? shape.relation === 'atomic' : shape.atomic) return WHOLE_FIELD;
  return mapUnchanged(set, (child, element) => {
    const below = typeBelow(type, element);
    return below ? followSchema(child, below) : child;
  });
}

/** Also with the named fields on the way to its members, which are usually left out of a set; map entries are not. */
export function withNamedFields(set: FieldSet, type: Type): FieldSet {
  return mapUnchanged(set, (child, element) => {
    const name = fieldName(element);
    const full = withNamedFields(child, typeBelow(type, element) ?? {});
    const named = name !== undefined && child.children.size > 0 && type.map?.fields.has(name);
    return named && !full.member ? { ...full, member: true } : full;
  });
}

function typeBelow({ map, list }: Type, element: PathElement): Type | undefined {
  const name = fieldName(element);
  return name === undefined ? list?.item : map && keyType(map, name);
}

/** The set itself when nothing changes, so that unchanged parts stay shared. */
function mapUnchanged(set: FieldSet, map: (child: FieldSet, element: PathElement) => FieldSet): FieldSet {
  if (set.children.size === 0) return set;
  let changed = false;
  const mapped = withChildren(set, set.member, (child, element) => {
    const result = map(child, element);
    changed ||= result !== child;
    return result;
  });
  return changed ? mapped : set;
}
