/** `x-kubernetes-list-type`: sets and maps need items that can be told apart. */
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { Node } from './walk.ts';

const LIST_TYPE = 'x-kubernetes-list-type';
const MAP_KEYS = 'x-kubernetes-list-map-keys';
const LIST_TYPES = ['atomic', 'set', 'map'];

export function validateLists({ schema, path }: Node): FieldError[] {
  const listType = schema[LIST_TYPE];
  const keys = schema[MAP_KEYS];
  const errors: FieldError[] = [];
  if (keys !== undefined && listType !== 'map') {
    const why = `must be map if ${MAP_KEYS} is non-empty`;
    errors.push(
      listType
        ? fieldError.invalid(`${path}.${LIST_TYPE}`, listType, why)
        : fieldError.required(`${path}.${LIST_TYPE}`, why),
    );
  }
  if (listType === undefined) return errors;
  if (!LIST_TYPES.includes(listType)) {
    errors.push(fieldError.notSupported(`${path}.${LIST_TYPE}`, listType, LIST_TYPES));
  }
  if (schema.type !== 'array') {
    errors.push(
      fieldError.invalid(`${path}.type`, schema.type ?? '', `must be array if ${LIST_TYPE} is specified`),
    );
    return errors;
  }
  const items = schema.items ?? {};
  if (listType === 'set') errors.push(...validateSet(items, `${path}.items`));
  if (listType === 'map') errors.push(...validateMap(items, keys ?? [], path));
  return errors;
}

/** Items of a set are compared as a whole, so a client must not be able to change a part of one. */
function validateSet(items: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (items.nullable) {
    errors.push(fieldError.forbidden(`${path}.nullable`, `cannot be nullable when ${LIST_TYPE} is set`));
  }
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    errors.push(
      fieldError.invalid(
        `${path}.x-kubernetes-map-type`,
        items['x-kubernetes-map-type'] ?? null,
        `must be atomic as item of a list with ${LIST_TYPE}=set`,
      ),
    );
  }
  if (items.type === 'array' && items[LIST_TYPE] !== undefined && items[LIST_TYPE] !== 'atomic') {
    errors.push(
      fieldError.invalid(
        `${path}.${LIST_TYPE}`,
        items[LIST_TYPE],
        `must be atomic as item of a list with ${LIST_TYPE}=set`,
      ),
    );
  }
  return errors;
}

function validateMap(items: Schema, keys: readonly string[], path: string): FieldError[] {
  const at = `${path}.items`;
  const errors: FieldError[] = [];
  if (items.nullable) {
    errors.push(fieldError.forbidden(`${at}.nullable`, `cannot be nullable when ${LIST_TYPE} is map`));
  }
  if (items.type !== 'object') {
    const why = `must be object if parent array's ${LIST_TYPE} is map`;
    errors.push(fieldError.invalid(`${at}.type`, items.type ?? '', why));
  }
  if (keys.length === 0) {
    errors.push(fieldError.required(`${path}.${MAP_KEYS}`, `must not be empty if ${LIST_TYPE} is map`));
  }
  return [...errors, ...keys.flatMap((key, i) => validateKey(key, i, keys, items, path))];
}

function validateKey(
  key: string,
  i: number,
  keys: readonly string[],
  items: Schema,
  path: string,
): FieldError[] {
  const field = `${path}.${MAP_KEYS}`;
  if (keys.indexOf(key) < i) return [fieldError.duplicate(`${field}[${i}]`, key)];
  const schema = items.properties?.[key];
  if (!schema) return [fieldError.invalid(field, keys, 'entries must all be names of item properties')];
  const at = `${path}.items.properties[${key}]`;
  const errors: FieldError[] = [];
  if (schema.type === 'array' || schema.type === 'object') {
    const why = `must be a scalar type if parent array's ${LIST_TYPE} is map`;
    errors.push(fieldError.invalid(`${at}.type`, schema.type, why));
  }
  if (schema.nullable) {
    const why = `this property is in ${MAP_KEYS}, so it cannot be nullable`;
    errors.push(fieldError.forbidden(`${at}.nullable`, why));
  }
  if (schema.default === undefined && !items.required?.includes(key)) {
    const why = `this property is in ${MAP_KEYS}, so it must have a default or be a required property`;
    errors.push(fieldError.required(`${at}.default`, why));
  }
  return errors;
}
