/** What each function and operator costs by itself, given the shapes of its receiver and arguments. */
import { either, list, scalar, text } from './shape.ts';
import type { Shape } from './shape.ts';

export interface CallCost {
  readonly cost: number;
  readonly shape: Shape;
}

type Formula = (shapes: readonly [Shape, Shape, Shape]) => CallCost;

/** Reading a character, and one of a regular expression. */
const READ = 0.1;
const PATTERN = 0.25;

const read = (characters: number): number => Math.ceil(characters * READ);

const constant: Formula = () => ({ cost: 1, shape: scalar });
const firstRead: Formula = ([a]) => ({ cost: 1 + read(a.size), shape: scalar });
const rewritten: Formula = ([a]) => ({ cost: 1 + read(a.size), shape: text(a.size) });
const compared: Formula = ([a, b]) => ({ cost: 1 + read(Math.min(a.total(), b.total())), shape: scalar });
const searched: Formula = ([a, b]) => ({ cost: 1 + read(a.size) * read(b.size), shape: scalar });
const wholeList: Formula = ([a]) => ({ cost: 1 + a.size + read(a.total()), shape: a.values() });
const pairs: Formula = ([a, b]) => ({ cost: 1 + a.size * b.size, shape: scalar });
const matched: Formula = ([a, b]) => ({
  cost: 1 + read(a.size + 1) * Math.ceil(b.size * PATTERN),
  shape: text(a.size),
});

const FORMULAS: Readonly<Record<string, Formula>> = {
  '==': compared,
  '!=': compared,
  '<': compared,
  '<=': compared,
  '>': compared,
  '>=': compared,
  '+': ([a, b]) => ({ cost: 1 + read(a.size + b.size), shape: joined(a, b) }),
  in: ([, b]) => ({ cost: 1 + b.size, shape: scalar }),
  dyn: ([a]) => ({ cost: 1, shape: a }),
  value: ([a]) => ({ cost: 1, shape: a }),
  orValue: ([a, b]) => ({ cost: 1, shape: either(a, b) }),
  or: ([a, b]) => ({ cost: 1, shape: either(a, b) }),
  startsWith: ([, b]) => ({ cost: 1 + read(b.size), shape: scalar }),
  endsWith: ([, b]) => ({ cost: 1 + read(b.size), shape: scalar }),
  contains: searched,
  indexOf: searched,
  lastIndexOf: searched,
  matchesRe2: matched,
  find: matched,
  findAll: (all) => ({ ...matched(all), shape: list(all[0].size, text(all[0].size)) }),
  split: ([a]) => ({ cost: 1 + read(a.size), shape: list(a.size + 1, text(a.size)) }),
  join: ([a, b]) => {
    const size = a.total() + a.size * b.size;
    return { cost: 1 + read(size), shape: text(size) };
  },
  replace: ([a, , to]) => {
    const size = a.size + (a.size + 1) * to.size;
    return { cost: 1 + read(size), shape: text(size) };
  },
  lowerAscii: rewritten,
  upperAscii: rewritten,
  reverse: rewritten,
  trim: rewritten,
  substring: rewritten,
  string: ([a]) => ({ cost: 1 + read(a.size), shape: text(Math.max(a.size, 24)) }),
  format: ([a, b]) => ({ cost: 1 + read(a.size + b.total()), shape: text(a.size + b.total()) }),
  isSorted: wholeList,
  sum: wholeList,
  min: wholeList,
  max: wholeList,
  quantity: firstRead,
  isQuantity: firstRead,
  ip: firstRead,
  isIP: firstRead,
  ip_isCanonical: firstRead,
  cidr: firstRead,
  isCIDR: firstRead,
  url: firstRead,
  isURL: firstRead,
  validate: ([, b]) => ({ cost: 1 + read(b.size), shape: list(1, text(100)) }),
  // A question to the authorizer, as Kubernetes prices it: two fit into one expression.
  check: () => ({ cost: 350_000, shape: scalar }),
  sets_contains: pairs,
  sets_equivalent: ([a, b]) => ({ cost: 1 + 2 * a.size * b.size, shape: scalar }),
  sets_intersects: pairs,
};

/** Two texts, or two lists. */
const joined = (a: Shape, b: Shape): Shape => ({
  ...either(a, b),
  size: a.size + b.size,
  total: () => a.total() + b.total(),
});

/** A function that is not listed takes one step, whatever it is given. */
export function callCost(name: string, shapes: readonly Shape[]): CallCost {
  const [a = scalar, b = scalar, c = scalar] = shapes;
  const formula = Object.hasOwn(FORMULAS, name) ? FORMULAS[name] : undefined;
  return (formula ?? constant)([a, b, c]);
}
