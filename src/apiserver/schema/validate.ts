import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { equalJson } from '../../values/equal.ts';
import { previousField, previousItem } from './correlate.ts';
import { validFormat } from './formats.ts';
import { compileRe2 } from '../../cel/regex.ts';
import { resolved } from './reference.ts';
import type { Schema } from './schema.ts';

/**
 * Checks a value against a structural schema and returns every fault, worded like a real API server
 * (k8s.io/kube-openapi/pkg/validation) so that users and tools read what they know. Parts that are as they were
 * in `old` are not checked: a schema that became stricter must not keep anybody from changing the rest, or
 * from removing a finalizer.
 */
export function validateSchema(value: unknown, schema: Schema, path = '', old?: unknown): FieldError[] {
  const errors: FieldError[] = [];
  check(value, schema, { path, old, errors });
  return errors;
}

/** Where a check is, what was there before, and what was found so far. */
interface Place {
  readonly path: string;
  readonly old: unknown;
  readonly errors: FieldError[];
}

const inBody = (path: string): string => `${path || 'object'} in body`;

function check(value: unknown, given: Schema, place: Place): void {
  const schema = resolved(given);
  const { path, old, errors } = place;
  if (value === undefined || (old !== undefined && equalJson(value, old))) return;
  if (value === null) {
    if (!schema.nullable && schema.type) errors.push(wrongType(path, schema.type, 'null'));
    return;
  }
  checkEnum(value, schema, path, errors);
  if (!checkType(value, schema, path, errors)) return;
  if (typeof value === 'number') checkNumber(value, schema, path, errors);
  else if (typeof value === 'string') checkString(value, schema, path, errors);
  else if (Array.isArray(value)) checkArray(value, schema, place);
  else if (isObject(value)) checkObject(value, schema, place);
  checkJunctors(value, schema, place);
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return value === null ? 'null' : typeof value;
}

function wrongType(path: string, wanted: string, actual: string): FieldError {
  return fieldError.typeInvalid(
    path || '<nil>',
    actual,
    `${inBody(path)} must be of type ${wanted}: ${JSON.stringify(actual)}`,
  );
}

function checkType(value: unknown, schema: Schema, path: string, errors: FieldError[]): boolean {
  const actual = typeName(value);
  if (schema['x-kubernetes-int-or-string']) {
    if (actual === 'integer' || actual === 'string') return true;
    errors.push(wrongType(path, 'integer,string', actual));
    return false;
  }
  const wanted = schema.type;
  if (!wanted || wanted === actual || (wanted === 'number' && actual === 'integer')) return true;
  errors.push(wrongType(path, wanted, actual));
  return false;
}

function checkEnum(value: unknown, { enum: allowed }: Schema, path: string, errors: FieldError[]): void {
  if (allowed && !allowed.some((one) => equalJson(one, value))) {
    errors.push(fieldError.notSupported(path, value, allowed));
  }
}

function checkNumber(value: number, schema: Schema, path: string, errors: FieldError[]): void {
  const fail = (why: string) => errors.push(fieldError.invalid(path, value, `${inBody(path)} ${why}`));
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined) {
    if (schema.exclusiveMinimum ? value <= minimum : value < minimum) {
      fail(`should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
    }
  }
  if (maximum !== undefined) {
    if (schema.exclusiveMaximum ? value >= maximum : value > maximum) {
      fail(`should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
    }
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    fail(`should be a multiple of ${multipleOf}`);
  }
}

function checkString(value: string, schema: Schema, path: string, errors: FieldError[]): void {
  const { minLength, maxLength, pattern, format } = schema;
  const fail = (why: string): void => {
    errors.push(fieldError.invalid(path, value, `${inBody(path)} ${why}`));
  };
  const length = minLength === undefined && maxLength === undefined ? 0 : Array.from(value).length;
  // A value of the wrong length is not matched further, which also bounds the work of its pattern.
  if (minLength !== undefined && length < minLength)
    return fail(`should be at least ${minLength} chars long`);
  if (maxLength !== undefined && length > maxLength)
    return void errors.push(fieldError.tooLong(path, maxLength));
  if (pattern !== undefined && !compileRe2(pattern).test(value)) fail(`should match '${pattern}'`);
  if (format !== undefined && !validFormat(format, value)) {
    const why = `${inBody(path)} must be of type ${format}: ${JSON.stringify(value)}`;
    errors.push(fieldError.typeInvalid(path, value, why));
  }
}

function checkArray(value: unknown[], schema: Schema, { path, old, errors }: Place): void {
  const { minItems, maxItems, items } = schema;
  if (minItems !== undefined && value.length < minItems) {
    errors.push(
      fieldError.invalid(path, value.length, `${inBody(path)} should have at least ${minItems} items`),
    );
  }
  if (maxItems !== undefined && value.length > maxItems) {
    return void errors.push(fieldError.tooMany(path, value.length, maxItems));
  }
  if (
    schema.uniqueItems &&
    value.some((one, i) => value.slice(0, i).some((other) => equalJson(one, other)))
  ) {
    errors.push(fieldError.invalid(path, value.length, `${inBody(path)} shouldn't contain duplicates`));
  }
  for (const [i, item] of items ? value.entries() : []) {
    check(item, items ?? {}, { path: `${path}[${i}]`, old: previousItem(item, old, schema), errors });
  }
  checkListType(value, schema, path, errors);
}

/** Sets and maps hold each key once. */
function checkListType(value: unknown[], schema: Schema, path: string, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  if (listType !== 'set' && listType !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Set<string>();
  for (const [i, item] of value.entries()) {
    const key =
      listType === 'map' && isObject(item)
        ? Object.fromEntries(
            keys.filter((name) => item[name] !== undefined).map((name) => [name, item[name]]),
          )
        : item;
    const text = JSON.stringify(key);
    if (seen.has(text)) errors.push(fieldError.duplicate(`${path}[${i}]`, key));
    seen.add(text);
  }
}

function checkObject(value: Record<string, unknown>, schema: Schema, { path, old, errors }: Place): void {
  const { required, properties, additionalProperties, minProperties, maxProperties } = schema;
  const at = (name: string) => (path ? `${path}.${name}` : name);
  for (const name of required ?? []) {
    if (value[name] === undefined) errors.push(fieldError.required(at(name)));
  }
  if (schema['x-kubernetes-embedded-resource']) errors.push(...embeddedFaults(value, at));
  const names = Object.keys(value);
  if (minProperties !== undefined && names.length < minProperties) {
    errors.push(
      fieldError.invalid(
        path,
        names.length,
        `${inBody(path)} should have at least ${minProperties} properties`,
      ),
    );
  }
  if (maxProperties !== undefined && names.length > maxProperties) {
    errors.push(fieldError.tooMany(path, names.length, maxProperties));
  }
  for (const name of names) {
    const known = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    const sub = known ?? (isObject(additionalProperties) ? (additionalProperties as Schema) : undefined);
    if (sub) check(value[name], sub, { path: at(name), old: previousField(old, name), errors });
  }
}

/** An object within an object says what it is. */
function embeddedFaults(value: Record<string, unknown>, at: (name: string) => string): FieldError[] {
  const unnamed = ['apiVersion', 'kind'].flatMap((name) => {
    const given = value[name];
    if (given === undefined || given === '') return [fieldError.required(at(name), 'must not be empty')];
    return typeof given === 'string' ? [] : [fieldError.invalid(at(name), given, 'must be a string')];
  });
  const { metadata } = value;
  return metadata === undefined || isObject(metadata)
    ? unnamed
    : [...unnamed, fieldError.invalid(at('metadata'), metadata, 'must be an object')];
}

function checkJunctors(value: unknown, schema: Schema, place: Place): void {
  const { path, errors } = place;
  const passes = (sub: Schema) => validateSchema(value, sub, path).length === 0;
  const fail = (why: string) =>
    errors.push(
      fieldError.invalid(path || '<nil>', isObject(value) ? 'object' : value, `${inBody(path)} must ${why}`),
    );
  for (const sub of schema.allOf ?? []) check(value, sub, place);
  if (schema.anyOf && !schema['x-kubernetes-int-or-string'] && !schema.anyOf.some(passes)) {
    fail('validate at least one schema (anyOf)');
  }
  if (schema.oneOf) {
    const passing = schema.oneOf.filter(passes).length;
    if (passing !== 1) {
      const found = passing === 0 ? 'Found none valid' : `Found ${passing} valid alternatives`;
      fail(`validate one and only one schema (oneOf). ${found}`);
    }
  }
  if (schema.not && passes(schema.not)) fail('not validate the schema (not)');
}
