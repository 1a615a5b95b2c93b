/**
 * How ownership moves when an object changes: k8s.io/apimachinery/pkg/util/managedfields and
 * sigs.k8s.io/structured-merge-diff/merge.
 */
import { compare, isSame } from './compare.ts';
import type { Comparison } from './compare.ts';
import { NO_FIELDS, difference, fieldSet, intersection, isEmpty, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { NO_MANAGERS, capUpdaters, identityOf, withManager, withoutIdle } from './managers.ts';
import type { Manager, Managers } from './managers.ts';
import { followSchema } from './schema-changes.ts';
import type { Type } from './types.ts';

/** The type of the kind's objects in one version; undefined when that version is no longer served. */
export type TypeOfVersion = (apiVersion: string) => Type | undefined;

/** Which fields a request may own at all; what it cannot write it does not own. */
export type Ownable = (fields: FieldSet) => FieldSet;

/** Who makes a change, and through which version and subresource. */
export interface Author {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string;
  readonly ownable: Ownable;
}

export interface Change {
  /** Without its managedFields; undefined for a new object. */
  readonly old: unknown;
  readonly next: unknown;
  readonly managers: Managers;
  readonly typeOf: TypeOfVersion;
  readonly author: Author;
  /** An RFC 3339 time of whole seconds. */
  readonly now: string;
}

/** Fields that belong to the system whoever writes them. */
const SYSTEM_FIELDS = fieldSet([
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
]);

export const withoutSystemFields = (fields: FieldSet): FieldSet => difference(fields, SYSTEM_FIELDS);

/** Who manages what after a create, update or patch: the author what changed, everybody else that no more. */
export function trackUpdate(change: Change): Managers {
  const { author, now, typeOf } = change;
  const type = typeOf(author.apiVersion);
  if (!type) return change.managers;
  const made = compare(change.old, change.next, type);
  if (isSame(made)) return change.managers;
  const managers = brought(change.managers, typeOf);
  const left = withoutLost({ ...change, managers }, made).managers;
  const fields = withoutSystemFields(author.ownable(union(made.modified, made.added)));
  if (isEmpty(fields)) return left;
  const { manager, apiVersion, subresource } = author;
  const entry = { manager: manager || 'unknown', operation: 'Update', apiVersion, subresource } as const;
  const before = left.get(identityOf(entry))?.fields ?? NO_FIELDS;
  return capUpdaters(withManager(left, { ...entry, time: now, fields: union(fields, before) }));
}

/** Who manages what after a change by the system, which owns nothing: nobody manages what it removed. */
export function trackRemovals({ old, next, managers, typeOf }: Omit<Change, 'author' | 'now'>): Managers {
  const left = [...managers].map(([identity, manager]) => {
    const type = typeOf(manager.apiVersion);
    const fields = type ? difference(manager.fields, compare(old, next, type).removed) : manager.fields;
    return [identity, { ...manager, fields }] as const;
  });
  return withoutIdle(new Map(left));
}

/** Who managed what of an object that was written before anybody kept track. */
export function managersBeforeFirstApply(
  live: unknown,
  { author, typeOf, now }: Pick<Change, 'author' | 'typeOf' | 'now'>,
): Managers {
  const unknown = { ...author, manager: 'before-first-apply' };
  return trackUpdate({ old: {}, next: live, managers: NO_MANAGERS, typeOf, author: unknown, now });
}

/** Managers in the form that the present schemas give their sets. */
export function brought(managers: Managers, typeOf: TypeOfVersion): Managers {
  const followed = [...managers].map(([identity, manager]) => {
    const type = typeOf(manager.apiVersion);
    return [identity, type ? { ...manager, fields: followSchema(manager.fields, type) } : manager] as const;
  });
  return new Map(followed);
}

/** What others lose by a change, and what of it they did not give up themselves. */
export interface Losses {
  readonly managers: Managers;
  readonly conflicts: ReadonlyMap<Manager, FieldSet>;
}

/**
 * Takes from all but the author what the change gave another value or removed. A manager whose version is no
 * longer served is forgotten.
 */
export function withoutLost(
  { old, next, managers, typeOf, author }: Change,
  made: Comparison,
  self?: string,
): Losses {
  const versions = new Map([[author.apiVersion, ownableChanges(made, author)]]);
  const conflicts = new Map<Manager, FieldSet>();
  const left = new Map<string, Manager>();
  for (const [identity, manager] of managers) {
    if (identity === self) {
      left.set(identity, manager);
      continue;
    }
    const type = typeOf(manager.apiVersion);
    if (!type) continue;
    const seen = versions.get(manager.apiVersion) ?? ownableChanges(compare(old, next, type), author);
    versions.set(manager.apiVersion, seen);
    const taken = intersection(manager.fields, union(seen.modified, seen.added));
    if (!isEmpty(taken)) conflicts.set(manager, taken);
    const fields = difference(difference(manager.fields, taken), seen.removed);
    left.set(identity, { ...manager, fields });
  }
  return { managers: withoutIdle(left), conflicts };
}

const ownableChanges = ({ added, modified, removed }: Comparison, { ownable }: Author): Comparison => ({
  added: ownable(added),
  modified: ownable(modified),
  removed: ownable(removed),
});
