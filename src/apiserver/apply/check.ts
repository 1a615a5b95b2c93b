import { isObject } from '../object.ts';
import { identify } from './list-items.ts';
import { displayElement, fieldElement } from './path-element.ts';
import type { ListType, MapType, ScalarType, Type } from './types.ts';
import { isScalar, keyType, shapeOf } from './types.ts';

/** A value is not of its type; the message says where and why, worded like structured-merge-diff. */
export class TypeFault extends Error {
  override readonly name = 'TypeFault';
}

/** Throws a TypeFault with every place at which a value does not fit its type. */
export function checkType(value: unknown, type: Type): void {
  const faults: string[] = [];
  visit(value, type, '', faults);
  if (faults.length === 0) return;
  throw new TypeFault(
    faults.length === 1 ? faults[0] : ['errors:', ...faults.map((one) => `  ${one}`)].join('\n'),
  );
}

function visit(value: unknown, type: Type, path: string, faults: string[]): void {
  if (value === null) return;
  const shape = shapeOf(type, value);
  switch (shape.is) {
    case 'scalar':
      return visitScalar(value, shape, path, faults);
    case 'list':
      return visitItems(value, shape, path, faults);
    case 'map':
      return visitEntries(value, shape, path, faults);
  }
}

const TYPES: Record<Exclude<ScalarType['accepts'], 'any scalar'>, string> = {
  numeric: 'number',
  string: 'string',
  boolean: 'boolean',
};

const EXPECTED: Record<ScalarType['accepts'], string> = {
  numeric: 'numeric (int or float)',
  string: 'string',
  boolean: 'boolean',
  'any scalar': 'any scalar',
};

function visitScalar(value: unknown, { accepts }: ScalarType, path: string, faults: string[]): void {
  const fits = accepts === 'any scalar' ? isScalar(value) : typeof value === TYPES[accepts];
  if (!fits) faults.push(at(path, `expected ${EXPECTED[accepts]}, got ${JSON.stringify(value)}`));
}

function visitItems(value: unknown, list: ListType, path: string, faults: string[]): void {
  if (!Array.isArray(value)) {
    faults.push(at(path, `expected list, got ${JSON.stringify(value)}`));
    return;
  }
  const seen = new Set<string>();
  for (const [i, item] of value.entries()) {
    if (list.relation === 'atomic') {
      visit(item, list.item, `${path}[${i}]`, faults);
      continue;
    }
    const { element, fault } = identify(item, list);
    if (element === undefined) {
      faults.push(at(path, `element ${i}: ${fault}`));
      return;
    }
    const shown = displayElement(element);
    if (seen.has(element)) faults.push(at(path, `duplicate entries for key ${shown}`));
    seen.add(element);
    visit(item, list.item, path + shown, faults);
  }
}

function visitEntries(value: unknown, map: MapType, path: string, faults: string[]): void {
  if (!isObject(value)) {
    faults.push(at(path, `expected map, got ${JSON.stringify(value)}`));
    return;
  }
  for (const [key, entry] of Object.entries(value)) {
    const below = path + displayElement(fieldElement(key));
    const type = keyType(map, key);
    if (type) visit(entry, type, below, faults);
    else faults.push(at(below, 'field not declared in schema'));
  }
}

const at = (path: string, fault: string): string => (path ? `${path}: ${fault}` : fault);
