/** Evaluates `x-kubernetes-validations` over a value and its previous state. */
import { compileExpression, compileRe2, escapeField, optional } from '../../cel/index.ts';
import type { Expression, Variables } from '../../cel/index.ts';
import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject, sameJson } from '../object.ts';
import { previousField, previousItem } from './correlate.ts';
import type { Schema, ValidationRule } from './schema.ts';

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly condition: Expression;
  readonly message: Expression | undefined;
}

const compiled = new WeakMap<Schema, CompiledRule[]>();
const contains = new WeakMap<Schema, boolean>();

/** Compiles every rule and pattern of a schema. Throws an Error that names the place at fault. */
export function compileSchema(schema: Schema, path = ''): void {
  try {
    rulesOf(schema);
    if (schema.pattern !== undefined) compileRe2(schema.pattern);
  } catch (error) {
    throw new Error(`the schema of ${path || 'the root'}: ${(error as Error).message}`, { cause: error });
  }
  for (const [name, sub] of childSchemas(schema)) compileSchema(sub, `${path}.${name}`);
}

/** All violations below a value, in the order of the schema. */
export function validateRules(value: unknown, old: unknown, schema: Schema, path = ''): FieldError[] {
  if (value === undefined || value === null || !hasRules(schema)) return [];
  const errors: FieldError[] = [];
  const rules = rulesOf(schema);
  if (rules.length > 0) {
    const self = toCel(value, schema);
    const oldSelf = old === undefined || old === null ? undefined : toCel(old, schema);
    const unchanged = oldSelf !== undefined && sameJson(value, old);
    for (const rule of rules) {
      // What was let in before a rule existed may stay as it is.
      if (unchanged && !rule.condition.usesOldSelf) continue;
      errors.push(...evaluate(rule, value, { self, oldSelf }, schema, path));
    }
  }
  for (const child of children(value, old, schema, path)) errors.push(...validateRules(...child));
  return errors;
}

function rulesOf(schema: Schema): CompiledRule[] {
  let rules = compiled.get(schema);
  if (!rules) {
    rules = (schema['x-kubernetes-validations'] ?? []).map((rule) => ({
      rule,
      condition: compileExpression(rule.rule),
      message: rule.messageExpression ? compileExpression(rule.messageExpression) : undefined,
    }));
    compiled.set(schema, rules);
  }
  return rules;
}

function hasRules(schema: Schema): boolean {
  let found = contains.get(schema);
  if (found === undefined) {
    found =
      Boolean(schema['x-kubernetes-validations']?.length) ||
      childSchemas(schema).some(([, sub]) => hasRules(sub));
    contains.set(schema, found);
  }
  return found;
}

function childSchemas({ properties, items, additionalProperties }: Schema): [string, Schema][] {
  return [
    ...Object.entries(properties ?? {}),
    ...(items ? [['items', items] as [string, Schema]] : []),
    ...(isObject(additionalProperties) ? [['*', additionalProperties as Schema] as [string, Schema]] : []),
  ];
}

function evaluate(
  { rule, condition, message }: CompiledRule,
  value: unknown,
  { self, oldSelf }: Variables,
  schema: Schema,
  path: string,
): FieldError[] {
  if (condition.usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) return [];
  const variables = { self, oldSelf: rule.optionalOldSelf ? optional(oldSelf) : oldSelf };
  const field = path + (rule.fieldPath ?? '') || '<nil>';
  const shown = isObject(value) ? 'object' : Array.isArray(value) ? 'array' : value;
  try {
    if (condition.evaluate(variables) === true) return [];
  } catch (error) {
    const why = (error as Error).message.split('\n', 1)[0];
    return [fieldError.invalid(trimDot(field), shown, `rule evaluation error: ${rule.rule}: ${why}`)];
  }
  return [violation(rule, trimDot(field), shown, messageOf(rule, message, variables))];
}

const trimDot = (path: string): string => path.replace(/^\./, '');

function messageOf(rule: ValidationRule, expression: Expression | undefined, variables: Variables): string {
  const fallback = rule.message ?? `failed rule: ${rule.rule.replace(/\s+/g, ' ').trim()}`;
  if (!expression) return fallback;
  try {
    const text = expression.evaluate(variables);
    return typeof text === 'string' && text.trim() !== '' && !text.includes('\n') ? text : fallback;
  } catch {
    return fallback;
  }
}

function violation(rule: ValidationRule, field: string, value: unknown, message: string): FieldError {
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return fieldError.forbidden(field, message);
    case 'FieldValueRequired':
      return fieldError.required(field, message);
    case 'FieldValueDuplicate':
      return fieldError.duplicate(field, value);
    case 'FieldValueInvalid':
    case undefined:
      return fieldError.invalid(field, value, message);
  }
}

type Child = [value: unknown, old: unknown, schema: Schema, path: string];

/** The parts of a value with the previous state of each, as far as the schema says which belong together. */
function children(value: unknown, old: unknown, schema: Schema, path: string): Child[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items
      ? value.map((item, i) => [item, previousItem(item, old, schema), items, `${path}[${i}]`])
      : [];
  }
  if (!isObject(value)) return [];
  return Object.keys(value).flatMap((name): Child[] => {
    const sub = propertySchema(schema, name);
    const at =
      schema.properties && Object.hasOwn(schema.properties, name) ? `${path}.${name}` : `${path}[${name}]`;
    return sub ? [[value[name], previousField(old, name), sub, at.replace(/^\./, '')]] : [];
  });
}

function propertySchema({ properties, additionalProperties }: Schema, name: string): Schema | undefined {
  if (properties && Object.hasOwn(properties, name)) return properties[name];
  return isObject(additionalProperties) ? (additionalProperties as Schema) : undefined;
}

/** JSON to CEL values: integers are 64-bit, field names are escaped, unknown fields are not visible. */
function toCel(value: unknown, schema: Schema): unknown {
  if (typeof value === 'number') {
    return schema.type === 'number' || !Number.isInteger(value) ? value : BigInt(value);
  }
  if (typeof value === 'string') return fromText(value, schema.format);
  if (Array.isArray(value)) return value.map((item) => toCel(item, schema.items ?? {}));
  if (!isObject(value)) return value;
  const { properties } = schema;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      properties && Object.hasOwn(properties, name) ? escapeField(name) : name,
      toCel(item, propertySchema(schema, name) ?? {}),
    ]),
  );
}

/** Formats that Kubernetes hands to CEL as types of their own. */
function fromText(value: string, format: string | undefined): unknown {
  if (format === 'date-time' || format === 'date') return new Date(value);
  return format === 'byte' ? Buffer.from(value, 'base64') : value;
}
