/** Label selectors as objects (meta/v1 LabelSelector); those of query parameters are in ../selectors.ts. */
import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { own } from '../object.ts';
import { validateLabels } from '../schema/metadata.ts';

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly Requirement[];
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** One without any requirement selects everything. */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => own(labels, key) === value) &&
    matchExpressions.every((requirement) => meets(requirement, labels))
  );
}

function meets(
  { key, operator, values = [] }: Requirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = own(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

export function labelSelectorErrors(selector: LabelSelector, path: string): FieldError[] {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return [
    ...validateLabels(matchLabels, `${path}.matchLabels`),
    ...matchExpressions.flatMap((requirement, i) =>
      requirementErrors(requirement, `${path}.matchExpressions[${i}]`),
    ),
  ];
}

function requirementErrors({ key, operator, values = [] }: Requirement, path: string): FieldError[] {
  const errors = validateLabels({ [key]: '' }, `${path}.key`);
  const takesValues = operator === 'In' || operator === 'NotIn';
  if (!OPERATORS.includes(operator)) {
    errors.push(fieldError.invalid(`${path}.operator`, operator, 'not a valid selector operator'));
  } else if (takesValues && values.length === 0) {
    const why = "must be specified when `operator` is 'In' or 'NotIn'";
    errors.push(fieldError.required(`${path}.values`, why));
  } else if (!takesValues && values.length > 0) {
    const why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    errors.push(fieldError.forbidden(`${path}.values`, why));
  }
  return errors;
}
