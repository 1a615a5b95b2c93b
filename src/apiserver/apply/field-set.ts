/** Sets of fields and their algebra: sigs.k8s.io/structured-merge-diff/fieldpath. */
import { compareElements } from './path-element.ts';
import type { FieldPath, PathElement } from './path-element.ts';

/**
 * A tree of fields, never changed once built; equal parts are shared. A field and what is below it are members
 * independently of each other. No node is empty except a root.
 */
export interface FieldSet {
  readonly member: boolean;
  readonly children: ReadonlyMap<PathElement, FieldSet>;
}

export const NO_FIELDS: FieldSet = { member: false, children: new Map() };
export const WHOLE_FIELD: FieldSet = { member: true, children: new Map() };

export const isEmpty = ({ member, children }: FieldSet): boolean => !member && children.size === 0;

/** Paths are added to a set one by one; parents are not members unless added too. */
export class FieldSetBuilder {
  readonly #root: MutableFieldSet = { member: false, children: new Map() };

  /** The empty path, which stands for the whole object, is no field. */
  insert(path: FieldPath): void {
    if (path.length === 0) return;
    let node = this.#root;
    for (const element of path) {
      let child = node.children.get(element);
      if (!child) {
        child = { member: false, children: new Map() };
        node.children.set(element, child);
      }
      node = child;
    }
    node.member = true;
  }

  build(): FieldSet {
    return this.#root;
  }
}

interface MutableFieldSet {
  member: boolean;
  children: Map<PathElement, MutableFieldSet>;
}

export function fieldSet(paths: Iterable<FieldPath>): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.build();
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const children = new Map(a.children);
  for (const [element, set] of b.children) {
    const mine = children.get(element);
    children.set(element, mine ? union(mine, set) : set);
  }
  return { member: a.member || b.member, children };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return withChildren(a, a.member && b.member, (set, element) => {
    const other = b.children.get(element);
    return other ? intersection(set, other) : NO_FIELDS;
  });
}

/** What is in `a` and not in `b`; a child stays when only its parent is in `b`, and the reverse. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a) || isEmpty(b)) return a;
  return withChildren(a, a.member && !b.member, (set, element) => {
    const other = b.children.get(element);
    return other ? difference(set, other) : set;
  });
}

/** Without the fields of `b` and all that is below them. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (b.member) return NO_FIELDS;
  return withChildren(a, a.member, (set, element) => {
    const other = b.children.get(element);
    return other ? recursiveDifference(set, other) : set;
  });
}

/** One field with all that is below it. */
export function only(set: FieldSet, element: PathElement): FieldSet {
  return withChildren(set, false, (child, at) => (at === element ? child : NO_FIELDS));
}

/** The same tree with its children mapped; those that become empty go. */
export function withChildren(
  { children }: FieldSet,
  member: boolean,
  map: (child: FieldSet, element: PathElement) => FieldSet,
): FieldSet {
  const mapped = new Map<PathElement, FieldSet>();
  for (const [element, child] of children) {
    const result = map(child, element);
    if (!isEmpty(result)) mapped.set(element, result);
  }
  return { member, children: mapped };
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.member !== b.member || a.children.size !== b.children.size) return false;
  for (const [element, set] of a.children) {
    const other = b.children.get(element);
    if (!other || !equalSets(set, other)) return false;
  }
  return true;
}

export function hasPath(set: FieldSet, path: FieldPath): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) node = node?.children.get(element);
  return node?.member ?? false;
}

/** Every member's path, in canonical order: those of one level before what is below them. */
export function pathsOf(set: FieldSet, prefix: FieldPath = []): FieldPath[] {
  const sorted = sortedChildren(set).map(([element, child]) => [[...prefix, element], child] as const);
  return [
    ...sorted.filter(([, { member }]) => member).map(([path]) => path),
    ...sorted.flatMap(([path, child]) => pathsOf(child, path)),
  ];
}

export const sortedChildren = ({ children }: FieldSet): [PathElement, FieldSet][] =>
  [...children].sort(([a], [b]) => compareElements(a, b));
