/** CEL expressions of Kubernetes schemas (`x-kubernetes-validations`). */
import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js';
import { kubernetesEnvironment, withLibraryNames } from './environment.ts';

export { compileRe2 } from './regex.ts';

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
}

let environment: Environment | undefined;

/** Parses an expression. Throws a ParseError that shows the place. */
export function compileExpression(text: string): Expression {
  environment ??= kubernetesEnvironment();
  const evaluate = environment.parse(withLibraryNames(text));
  return {
    usesOldSelf: /\boldSelf\b/.test(text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')),
    evaluate: (variables) => evaluate({ oldSelf: null, ...variables }) as unknown,
  };
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
