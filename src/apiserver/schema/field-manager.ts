import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import type { Json } from '../object.ts';

export const MAX_FIELD_MANAGER_BYTES = 128;
const MAX_SUBRESOURCE_BYTES = 256;

/** As Go's unicode.IsPrint has it. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;

export const isPrintable = (text: string): boolean => PRINTABLE.test(text);

/** The rules for the name of a field manager. */
export function validateFieldManager(name: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(name) > MAX_FIELD_MANAGER_BYTES) {
    errors.push(fieldError.tooLong(field, MAX_FIELD_MANAGER_BYTES));
  }
  if (isPrintable(name)) return errors;
  let position = 0;
  for (const character of name) {
    if (!isPrintable(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      errors.push(fieldError.invalid(field, name, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(character);
  }
  return errors;
}

/** The rules for `metadata.managedFields`. */
export function validateManagedFields(entries: readonly Json[]): FieldError[] {
  return entries.flatMap((entry, i) => {
    const field = `metadata.managedFields[${i}]`;
    const { manager, subresource } = isObject(entry) ? entry : {};
    return [
      ...validateFieldManager(typeof manager === 'string' ? manager : '', `${field}.manager`),
      ...(typeof subresource === 'string' && Buffer.byteLength(subresource) > MAX_SUBRESOURCE_BYTES
        ? [fieldError.tooLong(`${field}.subresource`, MAX_SUBRESOURCE_BYTES)]
        : []),
    ];
  });
}

const TEXTS = ['manager', 'operation', 'apiVersion', 'fieldsType', 'subresource'];

/** Whether an entry of `metadata.managedFields` has the JSON types of one. */
export function isManagedFieldsEntry(entry: unknown): boolean {
  if (!isObject(entry)) return false;
  const { time, fieldsV1 } = entry;
  return (
    TEXTS.every((field) => typeof (entry[field] ?? '') === 'string') &&
    isObject(fieldsV1 ?? {}) &&
    (time === undefined || time === null || (typeof time === 'string' && !Number.isNaN(Date.parse(time))))
  );
}
