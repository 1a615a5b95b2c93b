/** What one policy says of one request with one set of parameters. Pure. */
import type { AdmissionExpression, AdmissionValues } from '../../../cel/admission.ts';
import { EXPRESSIONS_BUDGET, OutOfBudget, conditionsHold, evaluated, spend } from '../expressions.ts';
import type { Budget } from '../expressions.ts';
import type { Validation } from '../spec.ts';
import type { CompiledPolicy, CompiledValidation } from './compile.ts';

/** A validation that does not hold, or that could not be told and counts as such. */
export interface Failure {
  /** Its place among the validations. */
  readonly index: number;
  readonly message: string;
  /** Empty unless the policy says one. */
  readonly reason: string;
}

export interface Verdict {
  readonly failures: readonly Failure[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** What went wrong with annotations, which is denied whatever the binding says. */
  readonly annotationFaults: readonly string[];
}

const MAX_MESSAGE_BYTES = 5 * 1024;
const NOTHING: Verdict = { failures: [], annotations: [], annotationFaults: [] };

/** With `failurePolicy: Ignore`, what could not be told counts as holding. */
export function evaluatePolicy(policy: CompiledPolicy, given: AdmissionValues): Verdict {
  const { spec, validations } = policy;
  const broken = (index: number, error: unknown): Failure[] =>
    spec.failurePolicy === 'Ignore' ? [] : [{ index, message: (error as Error).message, reason: '' }];
  try {
    if (!conditionsHold(policy.conditions, given)) return NOTHING;
  } catch (error) {
    return { ...NOTHING, failures: broken(0, error) };
  }
  const budget: Budget = { left: EXPRESSIONS_BUDGET };
  const values = withVariables(policy, given, budget);
  const failures: Failure[] = [];
  for (const [index, one] of validations.entries()) {
    try {
      if (evaluated(one.condition, values, budget) === true) continue;
    } catch (error) {
      if (error instanceof OutOfBudget) return { ...NOTHING, failures: broken(0, error) };
      failures.push(...broken(index, error));
      continue;
    }
    failures.push({ index, message: messageOf(one, values, budget), reason: one.validation.reason ?? '' });
  }
  return { failures, ...annotate(policy, given) };
}

/** Composed variables are evaluated when something asks for them, once. */
function withVariables(policy: CompiledPolicy, given: AdmissionValues, budget: Budget): AdmissionValues {
  const variables = {};
  const values = { ...given, variables };
  for (const { name, expression } of policy.variables) {
    let outcome: (() => unknown) | undefined;
    const get = (): unknown => {
      outcome ??= outcomeOf(name, expression, values, budget);
      return outcome();
    };
    Object.defineProperty(variables, name, { enumerable: true, get });
  }
  return values;
}

function outcomeOf(
  name: string,
  expression: AdmissionExpression,
  values: AdmissionValues,
  budget: Budget,
): () => unknown {
  try {
    const value = spend(expression, values, budget);
    return () => value;
  } catch (error) {
    const failure =
      error instanceof OutOfBudget
        ? error
        : new Error(`composited variable "${name}" fails to evaluate: ${(error as Error).message}`);
    return () => {
      throw failure;
    };
  }
}

function messageOf(
  { validation, message }: CompiledValidation,
  values: AdmissionValues,
  budget: Budget,
): string {
  return (message && spokenMessage(message, values, budget)) || plainMessage(validation);
}

/** Undefined for what cannot be shown: then the plain message stands in. */
function spokenMessage(
  expression: AdmissionExpression,
  values: AdmissionValues,
  budget: Budget,
): string | undefined {
  try {
    const text = spend(expression, values, budget);
    if (typeof text !== 'string' || text.trim().includes('\n')) return undefined;
    return Buffer.byteLength(text.trim()) > MAX_MESSAGE_BYTES ? undefined : text.trim();
  } catch (error) {
    return error instanceof OutOfBudget ? `failed messageExpression: ${error.message}` : undefined;
  }
}

const plainMessage = ({ message, expression = '' }: Validation): string =>
  message?.trim() || `failed expression: ${expression.trim()}`;

function annotate(
  policy: CompiledPolicy,
  given: AdmissionValues,
): Pick<Verdict, 'annotations' | 'annotationFaults'> {
  const budget: Budget = { left: EXPRESSIONS_BUDGET };
  const values = withVariables(policy, given, budget);
  const annotations: { key: string; value: string }[] = [];
  const annotationFaults: string[] = [];
  for (const { key, value } of policy.annotations) {
    try {
      const text = evaluated(value, values, budget);
      if (text === null) continue;
      if (typeof text !== 'string') {
        throw new TypeError(
          `valueExpression '${value.text}' resulted in unsupported return type: it must be either string or null.`,
        );
      }
      if (text.trim()) annotations.push({ key, value: text.trim() });
    } catch (error) {
      if (policy.spec.failurePolicy !== 'Ignore') annotationFaults.push((error as Error).message);
    }
  }
  return { annotations, annotationFaults };
}
