/** `x-kubernetes-validations`: each rule must compile for its place in the schema, and none may cost too much. */
import { compilationFault, compileExpression } from '../../../cel/index.ts';
import type { SelfTypes, Shape } from '../../../cel/index.ts';
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { maxOccurrences, shapeOfSchema } from '../../schema/shape.ts';
import type { Schema, ValidationRule } from '../../schema/schema.ts';
import type { CustomResourceDefinition } from '../definition.ts';
import { aspectOf } from './hoisted.ts';
import { childrenOf } from './walk.ts';
import type { Node } from './walk.ts';

/** The limits of Kubernetes, for one rule over all the places where it may be evaluated, and for all of a schema. */
const MAX_RULE_COST = 10_000_000;
const MAX_TOTAL_COST = 100_000_000;

const COST = 'estimated rule cost';
const CONTRIBUTED =
  'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
/** So many are named as the reasons for the total, the worst first. */
const CONTRIBUTORS = 4;

const REMEDY =
  'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';

const REASONS = ['FieldValueInvalid', 'FieldValueForbidden', 'FieldValueRequired', 'FieldValueDuplicate'];

/** A place for rules: how often its value can occur, and the list above it whose items have no known past. */
interface Place extends Node {
  readonly occurrences: number;
  readonly uncorrelatable: string | undefined;
}

interface Judgement {
  readonly field: string;
  readonly errors: FieldError[];
  readonly cost: number;
}

export function validateExpressions({ spec }: CustomResourceDefinition): FieldError[] {
  return aspectOf(spec, 'schema').flatMap(({ value, path }) => {
    const schema = value?.openAPIV3Schema;
    if (!schema) return [];
    const root = `${path}.openAPIV3Schema`;
    const judged = placesOf({ schema, path: root, level: 'root', occurrences: 1, uncorrelatable: undefined })
      .filter((place) => place.schema['x-kubernetes-validations']?.length)
      .flatMap(judgePlace);
    const total = judged.reduce((sum, { cost }) => sum + cost, 0);
    const errors = judged.flatMap((one) => one.errors);
    if (total <= MAX_TOTAL_COST) return errors;
    const contributors = judged.toSorted((a, b) => b.cost - a.cost).slice(0, CONTRIBUTORS);
    return [
      ...contributors.map(({ field }) => fieldError.forbidden(field, CONTRIBUTED)),
      ...errors,
      tooCostly(
        root,
        total,
        MAX_TOTAL_COST,
        `x-kubernetes-validations ${COST} total for entire OpenAPIv3 schema`,
      ),
    ];
  });
}

function placesOf(place: Place): Place[] {
  const { schema, path, occurrences } = place;
  const below = childrenOf(place).map((child): Place => {
    const inList = child.level === 'items';
    const inMap = !inList && child.path.endsWith('.additionalProperties');
    const most = inList ? schema.maxItems : inMap ? schema.maxProperties : 1;
    const lost = inList && schema['x-kubernetes-list-type'] !== 'map';
    return {
      ...child,
      occurrences: Math.min(occurrences * (most ?? Infinity), maxOccurrences(child.schema)),
      uncorrelatable: place.uncorrelatable ?? (lost ? path : undefined),
    };
  });
  return [place, ...below.flatMap(placesOf)];
}

function judgePlace(place: Place): Judgement[] {
  const shape = shapeOfSchema(place.schema, place.level === 'root');
  return (place.schema['x-kubernetes-validations'] ?? []).map((rule, i) => {
    const at = `${place.path}.x-kubernetes-validations[${i}]`;
    const field = `${at}.rule`;
    if (!rule.rule?.trim()) {
      return { field, errors: [fieldError.required(field, 'rule is not specified')], cost: 0 };
    }
    const wording = wordingFaults(rule, at, place.schema);
    const broken = compilationFault(rule.rule);
    if (broken) return { field, errors: [...wording, fieldError.invalid(field, rule.rule, broken)], cost: 0 };
    const { errors, cost } = judgeRule(rule, at, place, shape);
    return { field, errors: [...wording, ...errors, ...messageFaults(rule, at, place.schema, shape)], cost };
  });
}

function judgeRule(
  rule: ValidationRule,
  at: string,
  place: Place,
  shape: Shape,
): Pick<Judgement, 'errors' | 'cost'> {
  const expression = compileExpression(rule.rule);
  const { fault, cost } = expression.check(shape, typesOf(place.schema, rule), 'bool');
  const field = `${at}.rule`;
  if (fault) return { errors: [fieldError.invalid(field, rule.rule, fault)], cost: 0 };
  const errors: FieldError[] = [];
  if (expression.usesOldSelf && place.uncorrelatable !== undefined) {
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`;
    errors.push(fieldError.invalid(field, rule.rule, why));
  }
  if (rule.optionalOldSelf && !expression.usesOldSelf) {
    const why = 'may not be set to true if the rule does not use oldSelf';
    errors.push(fieldError.invalid(`${at}.optionalOldSelf`, true, why));
  }
  const everywhere = cost * place.occurrences;
  if (everywhere > MAX_RULE_COST) errors.push(tooCostly(field, everywhere, MAX_RULE_COST, COST));
  return { errors, cost: everywhere };
}

function tooCostly(field: string, cost: number, limit: number, what: string): FieldError {
  const factor = cost / limit;
  const by = factor > 100 ? 'more than 100x' : `${factor.toFixed(1)}x`;
  return fieldError.forbidden(field, `${what} exceeds budget by factor of ${by} (${REMEDY})`);
}

function wordingFaults(rule: ValidationRule, at: string, schema: Schema): FieldError[] {
  const { message, reason, fieldPath } = rule;
  const errors: FieldError[] = [];
  if (message !== undefined && message.trim() === '') {
    errors.push(fieldError.invalid(`${at}.message`, message, 'message must be non-empty if specified'));
  } else if (message?.trim().includes('\n')) {
    errors.push(fieldError.invalid(`${at}.message`, message, 'message must not contain line breaks'));
  } else if (message === undefined && rule.rule?.trim().includes('\n')) {
    errors.push(
      fieldError.required(`${at}.message`, 'message must be specified if rule contains line breaks'),
    );
  }
  if (reason !== undefined && !REASONS.includes(reason)) {
    errors.push(fieldError.notSupported(`${at}.reason`, reason, REASONS));
  }
  if (fieldPath !== undefined && !leadsSomewhere(fieldPath, schema)) {
    const why = 'fieldPath must be a valid path: it must lead to a field of the schema that the rule is in';
    errors.push(fieldError.invalid(`${at}.fieldPath`, fieldPath, why));
  }
  return errors;
}

function messageFaults(rule: ValidationRule, at: string, schema: Schema, shape: Shape): FieldError[] {
  const { messageExpression } = rule;
  if (messageExpression === undefined) return [];
  const field = `${at}.messageExpression`;
  if (messageExpression.trim() === '') {
    return [fieldError.required(field, 'messageExpression must be non-empty if specified')];
  }
  const fault =
    compilationFault(messageExpression) ??
    compileExpression(messageExpression).check(shape, typesOf(schema, rule), 'string').fault;
  return fault ? [fieldError.invalid(field, messageExpression, fault)] : [];
}

/** Plain values have a type of their own in CEL; whatever has parts is typed by its fields. */
function typesOf({ type, format, ...schema }: Schema, rule: ValidationRule): SelfTypes {
  const special = ['byte', 'date', 'date-time', 'duration'].includes(format ?? '');
  const plain = !special && !schema['x-kubernetes-int-or-string'] && !schema.nullable;
  const self = (plain && type !== undefined && CEL_TYPES.get(type)) || 'dyn';
  return { self, oldSelf: rule.optionalOldSelf ? 'dyn' : self };
}

const CEL_TYPES: ReadonlyMap<string, SelfTypes['self']> = new Map([
  ['string', 'string'],
  ['integer', 'int'],
  ['boolean', 'bool'],
]);

/** `.spec.field`, `['key']`; no items of lists. */
function leadsSomewhere(path: string, schema: Schema): boolean {
  let at: Schema | undefined = schema;
  let rest = path;
  while (rest !== '') {
    const step = /^(?:\.([A-Za-z_][\w-]*)|\['((?:[^'\\]|\\.)*)'\])/.exec(rest);
    const name = step?.[1] ?? step?.[2];
    if (!step || name === undefined) return false;
    at =
      at?.properties?.[name] ??
      (typeof at?.additionalProperties === 'object' ? at.additionalProperties : undefined);
    if (!at) return false;
    rest = rest.slice(step[0].length);
  }
  return path !== '';
}
