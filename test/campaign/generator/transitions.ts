import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import { type Blame, allBlame, blameOf } from './blame.ts';
import { type Field, fieldsOf } from './fields.ts';
import { type Json, type JsonObject, type Path, shown, withValue } from './json.ts';
import { type Candidate, type ChangeClass, type Wisdom, candidatesFor } from './values.ts';
import { mustBeRefused } from './verdict-of-schema.ts';

/** A kind with the specs that its transitions begin from, by name. */
export interface Subject {
  kind: string;
  /** Schema of the whole object, whose rules may speak of `spec`. */
  object: Schema;
  /** Schema of `spec`. */
  schema: Schema;
  bases: Readonly<Record<string, JsonObject>>;
  /** Objects that controllers make: users cannot make them well. */
  madeBy: 'users' | 'controllers';
}

/** One place of the object and what is written there; left out where there is no value. */
export interface Edit {
  path: Path;
  value?: Json;
}

/** How an object comes from one spec to the other: S0 is the base, S1 the changed one. */
export type Route =
  /** S0 → S1 → S0. */
  | 'reverted'
  /** Made as S1, then S0. */
  | 'made, then mended'
  /** S0 → S1, deleted, made as S0. */
  | 'deleted and made anew'
  /** S0 → S1 → S0 without waiting. */
  | 'reverted at once'
  /** Two fields in one change → S0. */
  | 'together'
  /** One field, then the other too: S2. */
  | 'one after the other'
  /** The same without waiting between. */
  | 'overtaken';

export interface Transition {
  /** Readable, stable, and of this transition alone. */
  name: string;
  kind: string;
  base: string;
  route: Route;
  changeClass: ChangeClass | 'pair';
  /** Patterns of the fields that are written. */
  patterns: string[];
  /** From the base to S1. */
  first: Edit[];
  /** From the base to S2; none for the base itself. */
  second: Edit[];
  /** Whether the schema alone says that S1 is no valid spec. */
  refused: boolean;
  /** Where a refusal of S1 may say that something is wrong. */
  blame: Blame;
}

/** One field of one base, changed. */
export interface Change {
  kind: string;
  base: string;
  field: Field;
  changeClass: ChangeClass;
  edit: Edit;
  refused: boolean;
  blame: Blame;
  /** `spec.cpus 2 → 0 (zero)`. */
  text: string;
}

/** Every single change of every base of a kind. */
export function changesOf(subject: Subject, wisdom: Wisdom): Change[] {
  const bases = Object.entries(subject.bases).map(([base, manifest]) => ({
    base,
    fields: fieldsOf(subject.schema, manifest),
  }));
  const donors = bases.flatMap(({ fields }) => fields);
  return bases.flatMap(({ base, fields }) =>
    fields.flatMap((field) => {
      const donated = donors
        .filter(({ pattern, value }) => pattern === field.pattern && value !== undefined)
        .flatMap(({ value }) => (value === undefined ? [] : [value]));
      return candidatesFor(field, wisdom, donated).map((each) => changeOf(subject, base, field, each));
    }),
  );
}

function changeOf(
  { kind, object }: Subject,
  base: string,
  field: Field,
  { value, changeClass }: Candidate,
): Change {
  const { path, text, value: before, schema, required } = field;
  const absent = value === undefined || value === null;
  const edit = value === undefined ? { path } : { path, value };
  return {
    kind,
    base,
    field,
    changeClass,
    edit,
    // A list has no absent items: null stays in it.
    refused: absent
      ? required || (value === null && typeof path.at(-1) === 'number')
      : mustBeRefused(value, schema),
    blame: blameOf(object, edit),
    text: `${text} ${shown(before)} → ${shown(value)} (${changeClass})`,
  };
}

export const applied = (manifest: JsonObject, edits: readonly Edit[]): JsonObject =>
  edits.reduce((spec, { path, value }) => withValue(spec, path, value), manifest);

/** Each change along each route that makes sense for it. */
export function singles(subject: Subject, changes: readonly Change[]): Transition[] {
  const routes: Route[] =
    subject.madeBy === 'users'
      ? ['reverted', 'made, then mended', 'deleted and made anew', 'reverted at once']
      : ['reverted'];
  return changes.flatMap((change) =>
    routes
      // What is not let in cannot be deleted or overtaken.
      .filter((route) => !change.refused || route === 'reverted' || route === 'made, then mended')
      .map((route) => ({
        name: `${change.kind} (${change.base}) ${change.text}, ${route}`,
        kind: change.kind,
        base: change.base,
        route,
        changeClass: change.changeClass,
        patterns: [change.field.pattern],
        first: [change.edit],
        second: [],
        refused: change.refused,
        blame: change.blame,
      })),
  );
}

/** What is most likely let in. */
const promising: ReadonlySet<ChangeClass> = new Set([
  'changed',
  'boundary',
  'removed',
  'added',
  'reference',
  'list',
]);

/** One mutable field in each of its valid ways; a pair takes one of each of two fields. */
export function pairs(
  changes: readonly Change[],
  pick: (choices: readonly Change[]) => Change,
): Transition[] {
  const valid = changes.filter(
    ({ field, refused, changeClass }) => !refused && !field.immutable && promising.has(changeClass),
  );
  const fields = [...new Set(valid.map(({ field }) => field))].filter(({ path }) => path.length > 1);
  return fields.flatMap((one, index) =>
    fields.slice(index + 1).flatMap((other) => {
      if (contains(one.path, other.path)) return [];
      const chosen = [one, other].map((field) => pick(valid.filter((change) => change.field === field)));
      return routesOfPair(chosen[0] as Change, chosen[1] as Change);
    }),
  );
}

const contains = (outer: Path, inner: Path): boolean => outer.every((step, index) => inner[index] === step);

function routesOfPair(one: Change, other: Change): Transition[] {
  const both = inOrder([one.edit, other.edit]);
  const common = {
    kind: one.kind,
    base: one.base,
    changeClass: 'pair' as const,
    patterns: [one.field.pattern, other.field.pattern],
    refused: false,
  };
  const name = (route: Route): string => `${one.kind} (${one.base}) ${one.text} and ${other.text}, ${route}`;
  return [
    {
      ...common,
      name: name('together'),
      route: 'together',
      first: both,
      second: [],
      blame: allBlame([one.blame, other.blame]),
    },
    ...(['one after the other', 'overtaken'] as const).map((route) => ({
      ...common,
      name: name(route),
      route,
      first: [one.edit],
      second: both,
      blame: one.blame,
    })),
  ];
}

/** Items of a list from its end on, so that one that is taken out does not move the other. */
const inOrder = (edits: Edit[]): Edit[] =>
  [...edits].sort((a, b) => {
    const at = a.path.findIndex((step, index) => step !== b.path[index]);
    const [first, second] = [a.path[at], b.path[at]];
    return typeof first === 'number' && typeof second === 'number' ? second - first : 0;
  });
