/** Which fields a refusal of a change may name, as the schema relates them to the one that was changed. */
import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import type { Json, Path } from './json.ts';

export interface Blame {
  /** These, and whatever is in them: what was written. */
  within: string[];
  /** These alone: where a rule that has to do with what was written says that it is broken. */
  exactly: string[];
}

/** What is written, and where; without a value the place is not there any more. */
interface Writing {
  path: Path;
  value?: Json;
}

/** @param schema of the whole object */
export function blameOf(schema: Schema, edit: Writing): Blame {
  const places = placesOn(schema, edit.path);
  const exactly = places.flatMap(({ at, schema: here, rest }) =>
    (here['x-kubernetes-validations'] ?? [])
      .filter(({ rule }) => concerns(rule, rest))
      // `.gateway`, from where the rule stands.
      .map(({ fieldPath }) => `${pathText(at)}${fieldPath ?? ''}`.replace(/^\./, '')),
  );
  return { within: [pathText(written(edit, places))], exactly };
}

export const allBlame = (parts: readonly Blame[]): Blame => ({
  within: parts.flatMap(({ within }) => within),
  exactly: parts.flatMap(({ exactly }) => exactly),
});

export const isBlamed = ({ within, exactly }: Blame, field: string): boolean =>
  exactly.includes(field) ||
  within.some((place) => field === place || field.startsWith(`${place}.`) || field.startsWith(`${place}[`));

/** One schema on the way from the root to a field, and what is left of the way. */
interface Place {
  at: Path;
  schema: Schema;
  rest: Path;
}

function placesOn(root: Schema, path: Path): Place[] {
  const places: Place[] = [];
  let schema: Schema | undefined = root;
  for (let depth = 0; schema && depth <= path.length; depth += 1) {
    places.push({ at: path.slice(0, depth), schema, rest: path.slice(depth) });
    const step = path[depth];
    schema = step === undefined ? undefined : below(schema, step);
  }
  return places;
}

function below(
  { items, properties, additionalProperties }: Schema,
  step: string | number,
): Schema | undefined {
  if (typeof step === 'number') return items;
  return properties?.[step] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
}

/** An item that goes moves the others, and one under another name may be in the way of any of them. */
function written({ path, value }: Writing, places: readonly Place[]): Path {
  const list = path.findLastIndex((step) => typeof step === 'number');
  if (list === -1) return path;
  const keys = places[list]?.schema['x-kubernetes-list-map-keys'] ?? [];
  const isItem = list === path.length - 1;
  const movesOthers = isItem && (value === undefined || keys.length > 0);
  const renames = list === path.length - 2 && keys.includes(String(path.at(-1)));
  return movesOthers || renames ? path.slice(0, list) : path;
}

/** `self.spec.format`, but of `self.cidr.matches(` only `self.cidr`; `self` alone is all of it. */
const mention = /\b(?:self|oldSelf)((?:\.\w+(?!\w*\())*)/g;

/** Whether a rule reads what is at the end of the way, something around it or something in it. */
function concerns(rule: string, way: Path): boolean {
  return [...rule.matchAll(mention)].some(([, members = '']) =>
    members
      .split('.')
      .slice(1)
      .every((member, index) => index >= way.length || way[index] === member),
  );
}

/** As the API server writes it: `spec.disks[0].name`. */
const pathText = (path: Path): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .slice(1);
