import type { FieldError } from '../errors.ts';
import type { Schema } from './schema.ts';

/** Evaluates the schema's `x-kubernetes-validations`. */
export function validateRules(_value: unknown, _old: unknown, _schema: Schema): FieldError[] {
  return [];
}
