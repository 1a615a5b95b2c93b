/** Evaluates `x-kubernetes-validations` over a value and its previous state. */
import { compileExpression, escapeField, optional } from '../../cel/index.ts';
import type { Expression, Variables } from '../../cel/index.ts';
import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { equalJson } from '../../values/equal.ts';
import { previousField, previousItem } from './correlate.ts';
import type { Schema, ValidationRule } from './schema.ts';

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly condition: Expression;
  readonly message: Expression | undefined;
}

const compiled = new WeakMap<Schema, CompiledRule[]>();
const contains = new WeakMap<Schema, boolean>();

/** What the rules of one object may cost together, and one rule at one place, in the units of the estimates. */
const OBJECT_BUDGET = 10_000_000;
const CALL_LIMIT = 1_000_000;

/** What is left of it. One that is used up ends the evaluation of rules. */
interface Budget {
  left: number;
}

/** All violations below a value, in the order of the schema. Rules that cost too much are a violation. */
export function validateRules(value: unknown, old: unknown, schema: Schema, path = ''): FieldError[] {
  return visit(value, old, schema, path, { left: OBJECT_BUDGET });
}

function visit(value: unknown, old: unknown, schema: Schema, path: string, budget: Budget): FieldError[] {
  if (value === undefined || value === null || budget.left < 0 || !hasRules(schema)) return [];
  const errors: FieldError[] = [];
  const rules = rulesOf(schema);
  if (rules.length > 0) {
    const self = toCel(value, schema);
    const oldSelf = old === undefined || old === null ? undefined : toCel(old, schema);
    const unchanged = oldSelf !== undefined && equalJson(value, old);
    for (const rule of rules) {
      // What was let in before a rule existed may stay as it is.
      if (unchanged && !rule.condition.usesOldSelf) continue;
      errors.push(...evaluate(rule, value, { self, oldSelf }, path, budget));
      if (budget.left < 0) return errors;
    }
  }
  for (const child of children(value, old, schema, path)) errors.push(...visit(...child, budget));
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

/** Whether there is any rule in a schema. */
export function hasRules(schema: Schema): boolean {
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
  path: string,
  budget: Budget,
): FieldError[] {
  if (condition.usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) return [];
  const variables = { self, oldSelf: rule.optionalOldSelf ? optional(oldSelf) : oldSelf };
  const field = path + (rule.fieldPath ?? '') || '<nil>';
  const shown = typeof value === 'object' ? WHOLE : value;
  const overrun = charge(budget, condition.costOf(variables), rule);
  if (overrun) return [violation({ rule: rule.rule }, trimDot(field), shown, overrun)];
  try {
    if (condition.evaluate(variables) === true) return [];
  } catch (error) {
    const why = (error as Error).message.split('\n', 1)[0];
    return [
      violation({ rule: rule.rule }, trimDot(field), shown, `rule evaluation error: ${rule.rule}: ${why}`),
    ];
  }
  return [violation(rule, trimDot(field), shown, messageOf(rule, message, variables))];
}

/** Takes the cost before it is spent; tells what is wrong when there is not enough. */
function charge(budget: Budget, cost: number, { rule }: ValidationRule): string | undefined {
  const overrun =
    cost > CALL_LIMIT
      ? `no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`
      : budget.left < cost
        ? 'validation failed due to running out of cost budget, no further validation rules will be run'
        : undefined;
  budget.left = overrun ? -1 : budget.left - cost;
  return overrun;
}

/** What a message does not repeat: an object or a list. */
const WHOLE = Symbol('an object or a list');

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
      return fieldError.duplicate(field, value === WHOLE ? 'object' : value);
    case 'FieldValueInvalid':
    case undefined:
      return value === WHOLE
        ? { reason: 'FieldValueInvalid', field, message: `Invalid value: ${message}` }
        : fieldError.invalid(field, value, message);
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
