/** Expressions of admission: what policies and match conditions say of a request. */
import type { ASTNode, Environment, ParseResult } from '@marcbachmann/cel-js';
import { registerAuthorizer } from './authorizer.ts';
import { estimate } from './cost.ts';
import { asWritten, kubernetesEnvironment, withLibraryNames } from './environment.ts';
import { located } from './located.ts';
import { shapeOf } from './shape.ts';

export { Authorizer } from './authorizer.ts';
export type { AccessQuestions } from './authorizer.ts';

/** What an expression sees, by name: `object`, `oldObject`, `request`, … */
export type AdmissionValues = Readonly<Record<string, unknown>>;

export interface AdmissionExpression {
  readonly text: string;
  /** Throws an Error when the evaluation fails; its message is worded like cel-go's. */
  evaluate(values: AdmissionValues): unknown;
  /** What the evaluation of these values costs at most. */
  costOf(values: AdmissionValues): number;
}

/** What is declared besides `object`, `oldObject`, `request` and `namespaceObject`. */
export interface AdmissionScope {
  readonly params: 'declared' | 'absent';
  readonly authorizer: 'declared' | 'absent';
  /** Names of composed variables with their types; undefined where there can be none. */
  readonly variables?: ReadonlyMap<string, string>;
}

export interface AdmissionChecked {
  /** In the layout of cel-go. */
  readonly fault: string | undefined;
  /** The type of the result; `dyn` if it is known only at run time, or if there is a fault. */
  readonly type: string;
}

const GVK = { group: 'string', version: 'string', kind: 'string' };
const GVR = { group: 'string', version: 'string', resource: 'string' };
const REQUEST = {
  kind: GVK,
  resource: GVR,
  subResource: 'string',
  requestKind: GVK,
  requestResource: GVR,
  requestSubResource: 'string',
  name: 'string',
  namespace: 'string',
  operation: 'string',
  userInfo: { username: 'string', uid: 'string', groups: 'list<string>', extra: 'map<string, list<string>>' },
  dryRun: 'bool',
  options: 'dyn',
};

const OBJECTS = ['object', 'oldObject', 'namespaceObject'];

let running: Environment | undefined;

/** Every variable there can be, typed at run time. */
function runtimeEnvironment(): Environment {
  const environment = kubernetesEnvironment();
  registerAuthorizer(environment);
  for (const name of [...OBJECTS, 'request', 'params', 'variables'])
    environment.registerVariable(name, 'dyn');
  return environment.registerVariable('authorizer', 'Authorizer');
}

/** An expression that was checked when it was written. One that does not parse after all fails when it is evaluated. */
export function compileAdmission(text: string): AdmissionExpression {
  running ??= runtimeEnvironment();
  try {
    return expressionOf(text, running.parse(withLibraryNames(text)));
  } catch (error) {
    const evaluate = (): never => {
      throw new Error(runtimeFault(error), { cause: error });
    };
    return { text, evaluate, costOf: () => 0 };
  }
}

function expressionOf(text: string, evaluate: ParseResult): AdmissionExpression {
  return {
    text,
    evaluate: (values) => {
      try {
        return evaluate(values) as unknown;
      } catch (error) {
        throw new Error(runtimeFault(error), { cause: error });
      }
    },
    costOf: (values) => {
      const shapes = Object.entries(values).map(([name, value]) => [name, shapeOf([value])] as const);
      return estimate(evaluate.ast, new Map(shapes)).cost;
    },
  };
}

/** Syntax, variables and functions that do not exist, operands and a result of the wrong type. */
export function checkAdmission(
  text: string,
  scope: AdmissionScope,
  results: readonly ('bool' | 'string' | 'null')[],
): AdmissionChecked {
  const renamed = withLibraryNames(text);
  const environment = environmentOf(scope);
  const { valid, type = 'dyn', error } = environment.check(renamed);
  if (!valid) {
    const { summary = 'invalid', node } = error ?? {};
    // A field is blamed at the dot before it.
    const position = asWritten(renamed, node?.pos ?? 0) - Number(UNKNOWN_FIELD.test(summary));
    return { fault: located(text, position, compileFault(summary)), type: 'dyn' };
  }
  const unknown = type === 'dyn' && !isSelection(environment.parse(renamed).ast);
  if (unknown || results.length === 0 || results.some((one) => one === type)) {
    return { fault: undefined, type };
  }
  const [only, ...others] = results;
  const names = results.map((one) => (one === 'null' ? 'null_type' : one));
  const wanted = others.length > 0 ? `one of [${names.join(' ')}]` : only;
  return { fault: `must evaluate to ${wanted} but got ${typeInGo(type)}`, type: 'dyn' };
}

/** `list<string>` is `list(string)` to users of cel-go. */
const typeInGo = (type: string): string => type.replaceAll('<', '(').replaceAll('>', ')');

/** A plain field has no type of its own; of what functions make of one, this checker knows less than cel-go. */
const isSelection = ({ op }: ASTNode): boolean => op === '.' || op === '[]' || op === 'id';

function environmentOf({ params, authorizer, variables }: AdmissionScope): Environment {
  const environment = kubernetesEnvironment();
  registerAuthorizer(environment);
  for (const name of OBJECTS) environment.registerVariable(name, 'dyn');
  environment.registerVariable('request', { schema: REQUEST });
  if (params === 'declared') environment.registerVariable('params', 'dyn');
  if (authorizer === 'declared') environment.registerVariable('authorizer', 'Authorizer');
  if (variables) environment.registerVariable('variables', { schema: Object.fromEntries(variables) });
  return environment;
}

const UNKNOWN_FIELD = /^No such key: (.*)$/;

function compileFault(summary: string): string {
  const variable = /^Unknown variable: (.*)$/.exec(summary)?.[1];
  if (variable !== undefined) return `undeclared reference to '${variable}' (in container '')`;
  const field = UNKNOWN_FIELD.exec(summary)?.[1];
  return field === undefined ? summary : `undefined field '${field}'`;
}

function runtimeFault(error: unknown): string {
  const { summary, message } = error as { summary?: string; message: string };
  const text = summary ?? message;
  if (text.startsWith('No such key: index out of bounds'))
    return text.replace(/^No such key: /, '').replace(/, index (\d+).*/, ': $1');
  return text.replace(/^No such key: /, 'no such key: ').replace(/^no such overload: .*/, 'no such overload');
}
