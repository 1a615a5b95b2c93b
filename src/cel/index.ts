/** CEL expressions of Kubernetes schemas (`x-kubernetes-validations`). */
import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js';
import { estimate } from './cost.ts';
import type { Estimate } from './cost.ts';
import { asWritten, kubernetesEnvironment, withLibraryNames } from './environment.ts';
import { located } from './located.ts';
import { shapeOf } from './shape.ts';
import type { Shape } from './shape.ts';

export { compileRe2 } from './regex.ts';
export { MAX_REQUEST_BYTES, list, scalar, text, unknown } from './shape.ts';
export type { Shape } from './shape.ts';

/** What an expression sees. `oldSelf` is absent on creation; with `optionalOldSelf` it is an optional. */
export interface Variables {
  readonly self: unknown;
  readonly oldSelf?: unknown;
}

export interface Expression {
  /** Whether it compares with the previous value: then it is evaluated on updates only. */
  readonly usesOldSelf: boolean;
  /** Throws an Error when the evaluation fails (no such key, division by zero, …). */
  evaluate(variables: Variables): unknown;
  /** What is wrong with it when `self` has this shape, and what it costs at most. */
  check(self: Shape, types: SelfTypes, result: 'bool' | 'string'): Checked;
  /** What the evaluation of these values costs at most. */
  costOf(variables: Variables): number;
}

/** What is known of the variables' types; `dyn` is nothing. */
export interface SelfTypes {
  readonly self: PlainType;
  readonly oldSelf: PlainType;
}

type PlainType = 'string' | 'int' | 'bool' | 'dyn';

export interface Checked {
  /** In the layout of cel-go, which shows the place. */
  readonly fault: string | undefined;
  readonly cost: number;
}

/** Rules are typed at run time: a schema's fields are `dyn` here. For a check the variables may have a type. */
const environmentOfRules = (self: PlainType, oldSelf: PlainType): Environment =>
  kubernetesEnvironment().registerVariable('self', self).registerVariable('oldSelf', oldSelf);

let environment: Environment | undefined;

/** Parses an expression. Throws a ParseError that shows the place. */
export function compileExpression(text: string): Expression {
  environment ??= environmentOfRules('dyn', 'dyn');
  const renamed = withLibraryNames(text);
  const evaluate = environment.parse(renamed);
  const estimateFor = (self: Shape, oldSelf: Shape): Estimate =>
    estimate(
      evaluate.ast,
      new Map([
        ['self', self],
        ['oldSelf', oldSelf],
      ]),
    );
  return {
    usesOldSelf: /\boldSelf\b/.test(text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')),
    evaluate: (variables) => evaluate({ oldSelf: null, ...variables }) as unknown,
    check: (self, types, result) => {
      const { cost, missing } = estimateFor(self, self);
      return { cost, fault: typeFault(renamed, text, types, result) ?? missingFault(missing, renamed, text) };
    },
    costOf: ({ self, oldSelf }) => estimateFor(shapeOf([self]), shapeOf([plain(oldSelf)])).cost,
  };
}

const plain = (value: unknown): unknown =>
  value instanceof Optional ? (value.hasValue() ? value.value() : undefined) : value;

/** Variables and functions that do not exist, operands of the wrong type, a result of the wrong type. */
function typeFault(
  renamed: string,
  text: string,
  types: SelfTypes,
  result: 'bool' | 'string',
): string | undefined {
  const { valid, type, error } = typedEnvironment(types).check(renamed);
  if (!valid) return located(text, asWritten(renamed, error?.node?.pos ?? 0), error?.summary ?? 'invalid');
  return type === result || type === 'dyn' ? undefined : `cel expression must evaluate to a ${result}`;
}

const typed = new Map<string, Environment>();

function typedEnvironment({ self, oldSelf }: SelfTypes): Environment {
  const key = `${self} ${oldSelf}`;
  const made = typed.get(key) ?? environmentOfRules(self, oldSelf);
  typed.set(key, made);
  return made;
}

function missingFault(missing: Estimate['missing'], renamed: string, text: string): string | undefined {
  const [first] = missing;
  return first && located(text, asWritten(renamed, first.position), `undefined field '${first.name}'`);
}

/** Throws a ParseError as a message that shows the place, in the layout of cel-go. */
export function compilationFault(text: string): string | undefined {
  try {
    compileExpression(text);
    return undefined;
  } catch (error) {
    const { summary, message, node } = error as { summary?: string; message: string; node?: { pos: number } };
    return located(text, asWritten(withLibraryNames(text), node?.pos ?? 0), summary ?? message);
  }
}

/** `oldSelf` of a rule with `optionalOldSelf: true`. */
export const optional = (value: unknown): unknown =>
  value === undefined ? Optional.none() : Optional.of(value);

/** CEL's reserved words cannot be selected as fields. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** The name by which a rule selects a field whose own name is no CEL identifier. */
export function escapeField(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}
