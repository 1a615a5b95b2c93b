/** How large what is sent, and what would be stored, may be: every later step goes through all of it. */
import { badRequest, tooLarge } from '../errors.ts';

/** What our own recursion relies on. */
export const MAX_DEPTH = 200;
/** Fields and items, all counted. Managing the fields of so many takes most of a second on a slow machine. */
export const MAX_VALUES = 60_000;
/** As much as etcd takes. */
export const MAX_OBJECT_BYTES = 1_572_864;
/** YAML takes many times as long to parse as JSON: the worst of this size most of a second. */
export const MAX_YAML_BYTES = 128 * 1024;

/** Throws 400 for what is nested too deep or plays with prototypes, 413 for too many values. Gives it back. */
export function bounded<Value>(value: Value): Value {
  measure(value);
  return value;
}

/** Throws 413 also for an object that takes too much room, roughly counted. */
export function requireStorable(object: object): void {
  const bytes = measure(object);
  if (bytes > MAX_OBJECT_BYTES)
    throw tooLarge(`the object would take ${bytes} bytes: limit is ${MAX_OBJECT_BYTES}`);
}

/** How many bytes it takes as JSON, at least. */
function measure(root: unknown): number {
  let bytes = 0;
  let values = 0;
  const visit = (value: unknown, depth: number): void => {
    values += 1;
    if (values > MAX_VALUES) throw tooLarge(`there are more than ${MAX_VALUES} fields and items`);
    if (typeof value === 'string') bytes += value.length + 3;
    if (typeof value !== 'object' || value === null) return;
    if (depth > MAX_DEPTH) throw badRequest(`the body is nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) for (const item of value) visit(item, depth + 1);
    else {
      for (const key of Object.keys(value)) {
        if (key === '__proto__') throw badRequest('the key "__proto__" is not allowed');
        bytes += key.length + 4;
        visit((value as Record<string, unknown>)[key], depth + 1);
      }
    }
  };
  visit(root, 0);
  return bytes;
}
