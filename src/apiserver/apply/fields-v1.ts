import { isObject } from '../object.ts';
import type { JsonObject } from '../object.ts';
import { WHOLE_FIELD, sortedChildren } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { parseElement } from './path-element.ts';

const SELF = '.';

/** The set as `fieldsV1` of a managedFields entry, canonically sorted. */
export function serializeFields(set: FieldSet): JsonObject {
  const json: JsonObject = {};
  for (const [element, child] of sortedChildren(set)) {
    const below = serializeFields(child);
    json[element] = child.member && child.children.size > 0 ? { [SELF]: {}, ...below } : below;
  }
  return json;
}

/** Throws an Error for what is no `fieldsV1`. Kinds of steps that are not known are left out. */
export function parseFields(json: unknown): FieldSet {
  return { ...parseNode(json), member: false };
}

function parseNode(json: unknown): FieldSet {
  if (!isObject(json)) throw new Error('fieldsV1 must consist of objects');
  const children = new Map<string, FieldSet>();
  let member = false;
  for (const [key, value] of Object.entries(json)) {
    if (key === SELF) member = true;
    else {
      const element = parseElement(key);
      if (element !== undefined) children.set(element, parseNode(value));
    }
  }
  return children.size === 0 ? WHOLE_FIELD : { member, children };
}
