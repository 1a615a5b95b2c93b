/**
 * What an expression costs at most, in the units of Kubernetes: about one for each step of its evaluation, and a tenth
 * for each character that is read. The same walk estimates by what a schema allows and by what an object holds.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { callCost } from './function-cost.ts';
import { either, list, scalar, text, unknown } from './shape.ts';
import type { Shape } from './shape.ts';

export interface Estimate {
  readonly cost: number;
  /** Fields that the expression reads although the shape has none of this name. */
  readonly missing: readonly { readonly name: string; readonly position: number }[];
}

interface Known {
  readonly cost: number;
  readonly shape: Shape;
}

type Scope = ReadonlyMap<string, Shape>;

const LOOPS = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);
/** Each turn of a loop has its own condition and step besides the body. */
const TURN = 2;
const NEW_LIST = 10;
const NEW_MAP = 30;

export function estimate(ast: ASTNode, variables: Scope): Estimate {
  const walk = new Walk();
  const { cost } = walk.visit(ast, variables);
  return { cost: Math.ceil(cost), missing: walk.missing };
}

class Walk {
  readonly missing: { name: string; position: number }[] = [];

  visit(node: ASTNode, scope: Scope): Known {
    switch (node.op) {
      case 'value':
        return { cost: 0, shape: literal(node.args) };
      case 'id':
        return { cost: 1, shape: scope.get(node.args) ?? unknown };
      case '.':
      case '.?':
        return this.#field(node, node.args[0], node.args[1], scope);
      case '[]':
      case '[?]':
        return this.#index(node, node.args, scope);
      case 'call':
        return this.#call(node.args[0], undefined, node.args[1], scope);
      case 'rcall':
        return this.#method(node.args, scope);
      case 'list': {
        const items = node.args.map((item) => this.visit(item, scope));
        const item = items.map(({ shape }) => shape).reduce(either, scalar);
        return { cost: NEW_LIST + sum(items), shape: list(items.length, item) };
      }
      case 'map': {
        const entries = node.args.flatMap((entry) => entry.map((part) => this.visit(part, scope)));
        return { cost: NEW_MAP + sum(entries), shape: unknown };
      }
      case '?:': {
        const [condition, yes, no] = node.args.map((part) => this.visit(part, scope)) as [
          Known,
          Known,
          Known,
        ];
        return { cost: condition.cost + Math.max(yes.cost, no.cost) + 1, shape: either(yes.shape, no.shape) };
      }
      case '!_':
      case '-_':
        return { cost: this.visit(node.args, scope).cost + 1, shape: scalar };
      case '||':
      case '&&':
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
      case 'in':
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        return this.#call(node.op, undefined, node.args, scope);
    }
  }

  #field(node: ASTNode, receiver: ASTNode, name: string, scope: Scope): Known {
    const of = this.visit(receiver, scope);
    const shape = of.shape.field(name);
    if (!shape) this.missing.push({ name, position: node.end - name.length });
    return { cost: of.cost + 1, shape: shape ?? unknown };
  }

  #index(node: ASTNode, [receiver, index]: readonly [ASTNode, ASTNode], scope: Scope): Known {
    if (index.op === 'value' && typeof index.args === 'string') {
      const of = this.visit(receiver, scope);
      return { cost: of.cost + 1, shape: of.shape.field(index.args) ?? of.shape.values() };
    }
    const parts = [this.visit(receiver, scope), this.visit(index, scope)];
    return { cost: sum(parts) + 1, shape: parts[0]?.shape.values() ?? unknown };
  }

  #method([name, receiver, args]: [string, ASTNode, ASTNode[]], scope: Scope): Known {
    if (receiver.op === 'id' && receiver.args === 'cel' && name === 'bind') return this.#bind(args, scope);
    if (LOOPS.has(name)) return this.#loop(name, receiver, args, scope);
    return this.#call(name, receiver, args, scope);
  }

  #bind([variable, value, body]: ASTNode[], scope: Scope): Known {
    if (variable?.op !== 'id' || !value || !body) return { cost: 1, shape: unknown };
    const bound = this.visit(value, scope);
    const inner = this.visit(body, new Map([...scope, [variable.args, bound.shape]]));
    return { cost: bound.cost + inner.cost + 1, shape: inner.shape };
  }

  #loop(name: string, receiver: ASTNode, [variable, ...bodies]: ASTNode[], scope: Scope): Known {
    const range = this.visit(receiver, scope);
    if (variable?.op !== 'id') return { cost: range.cost, shape: unknown };
    const element = range.shape.elements();
    const inner = new Map([...scope, [variable.args, element]]);
    const turns = bodies.map((body) => this.visit(body, inner));
    const cost = range.cost + range.shape.size * (sum(turns) + TURN) + 1;
    if (name === 'filter') return { cost, shape: list(range.shape.size, element) };
    return { cost, shape: name === 'map' ? list(range.shape.size, turns.at(-1)?.shape ?? unknown) : scalar };
  }

  #call(name: string, receiver: ASTNode | undefined, args: readonly ASTNode[], scope: Scope): Known {
    const all = [...(receiver ? [receiver] : []), ...args].map((part) => this.visit(part, scope));
    const own = callCost(
      name,
      all.map(({ shape }) => shape),
    );
    return { cost: sum(all) + own.cost, shape: own.shape };
  }
}

const sum = (parts: readonly Known[]): number => parts.reduce((total, { cost }) => total + cost, 0);

const literal = (value: unknown): Shape => (typeof value === 'string' ? text(value.length) : scalar);
