/** Specs as plain JSON: reading, changing and naming one place in them. */
import type { Json, JsonObject } from '../../../src/apiserver/object.ts';

export type { Json, JsonObject };

/** Names of members and indexes of items, from the object's root. */
export type Path = readonly (string | number)[];

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const copyOf = <Value extends Json>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

export function valueAt(root: Json, path: Path): Json | undefined {
  let at: Json | undefined = root;
  for (const step of path) {
    if (typeof step === 'number') at = Array.isArray(at) ? at[step] : undefined;
    else at = isObject(at) ? at[step] : undefined;
  }
  return at;
}

/** A copy in which the place has another value, or, without one, is not there any more. */
export function withValue(root: JsonObject, path: Path, value: Json | undefined): JsonObject {
  const changed = copyOf(root);
  const holder = valueAt(changed, path.slice(0, -1));
  const last = path.at(-1);
  if (typeof last === 'string' && isObject(holder)) {
    if (value === undefined) delete holder[last];
    else holder[last] = copyOf(value);
  } else if (typeof last === 'number' && Array.isArray(holder)) {
    if (value === undefined) holder.splice(last, 1);
    else holder[last] = copyOf(value);
  } else {
    throw new Error(`there is nothing that holds ${path.join('.')}`);
  }
  return changed;
}

const LONGEST = 48;

/** A value as part of a name: short, and different for different values. */
export function shown(value: Json | undefined): string {
  if (value === undefined) return 'absent';
  const text = JSON.stringify(value);
  if (text.length <= LONGEST) return text;
  return `${text.slice(0, 24)}…${text.slice(-12)} (${text.length} characters)`;
}
