import { Optional } from '@marcbachmann/cel-js';
import type { ASTNode } from '@marcbachmann/cel-js';

/** As much of the library's evaluator and type checker as a macro needs. */
interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}
interface Checker {
  check(node: ASTNode, context: unknown): unknown;
  getType(name: string): unknown;
}

interface Macro {
  readonly args: readonly ASTNode[];
  readonly receiver: ASTNode;
  readonly field: string;
}

/**
 * The macro `has(e.f)` for any expression `e`; the library's own takes a plain path only, without `list[0]`. Fields
 * on the way must be there, as in CEL.
 */
export function hasField({ args }: { args: readonly ASTNode[] }): object {
  const [argument] = args;
  if (!argument || (argument.op !== '.' && argument.op !== '.?')) {
    throw new SyntaxError('invalid argument to has() macro: it takes a field selection such as self.field');
  }
  const [receiver, field] = argument.args;
  return {
    args,
    receiver,
    field,
    async: false,
    typeCheck: (checker: Checker, macro: Macro, context: unknown) => {
      checker.check(macro.receiver, context);
      return checker.getType('bool');
    },
    evaluate: (evaluator: Evaluator, macro: Macro, context: unknown) =>
      holds(evaluator.run(macro.receiver, context), macro.field),
  };
}

function holds(value: unknown, field: string): boolean {
  if (value instanceof Optional) return value.hasValue() && holds(value.value(), field);
  if (value instanceof Map) return value.has(field);
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`has() of a field of something without fields: ${field}`);
  return Object.hasOwn(value, field) && (value as Record<string, unknown>)[field] !== undefined;
}
