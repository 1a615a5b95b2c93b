import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import type { Schema } from '../../schema/schema.ts';
import type { CustomResourceDefinition } from '../definition.ts';
import { aspectOf } from './hoisted.ts';

const MAX_FIELDS = 8;
const SELECTABLE_TYPES = ['string', 'integer', 'boolean'];

/** Fields that lists can be narrowed down by: few, and plain values of the schema. */
export function validateSelectableFields({ spec }: CustomResourceDefinition): FieldError[] {
  const versions = spec.versions ?? [];
  return aspectOf({ ...spec, versions }, 'selectableFields').flatMap(({ value = [], version, path }) => {
    if (value.length > MAX_FIELDS) return [fieldError.tooMany(path, value.length, MAX_FIELDS)];
    const schema = version.schema?.openAPIV3Schema;
    const paths = value.map(({ jsonPath }) => jsonPath);
    return paths.flatMap((jsonPath, i) => {
      const field = `${path}[${i}].jsonPath`;
      if (!jsonPath) return [fieldError.required(field)];
      if (paths.indexOf(jsonPath) < i) return [fieldError.duplicate(field, jsonPath)];
      const fault = faultOf(jsonPath, schema ?? {});
      return fault ? [fieldError.invalid(field, jsonPath, fault)] : [];
    });
  });
}

function faultOf(path: string, schema: Schema): string | undefined {
  if (!/^(\.[A-Za-z0-9_$-]+)+$/.test(path))
    return 'is an invalid path: must be field names, such as .spec.color';
  const [root, ...rest] = path.split('.').slice(1);
  if (root === 'metadata') return 'must not point to fields in metadata';
  let at = root === undefined ? undefined : schema.properties?.[root];
  for (const name of rest) at = at?.properties?.[name];
  if (!at) return 'is an invalid path: does not refer to a valid field';
  return at.type && SELECTABLE_TYPES.includes(at.type)
    ? undefined
    : `must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.`;
}
