/** Server-side apply as a pure function of the live object, the configuration and who manages what. */
import { checkType } from './check.ts';
import { compare, isSame } from './compare.ts';
import { fieldsOf } from './extract.ts';
import { difference, equalSets, intersection, isEmpty, pathsOf, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { identityOf, withManager } from './managers.ts';
import type { Manager, Managers } from './managers.ts';
import { merge } from './merge.ts';
import { brought, managersBeforeFirstApply, withoutLost, withoutSystemFields } from './ownership.ts';
import type { Author, TypeOfVersion } from './ownership.ts';
import { displayPath } from './path-element.ts';
import { removeFields } from './remove.ts';
import { withNamedFields } from './schema-changes.ts';
import type { Type } from './types.ts';

export interface Application {
  /** Without its managedFields; only apiVersion and kind for an object that is to be created. */
  readonly live: unknown;
  readonly config: unknown;
  readonly managers: Managers;
  readonly typeOf: TypeOfVersion;
  readonly author: Author;
  /** Takes fields from other managers instead of refusing. */
  readonly force: boolean;
  readonly now: string;
}

/** The object and its managers after the configuration was applied. */
export interface Applied {
  readonly object: unknown;
  readonly managers: Managers;
}

/** One field that another manager has a different value for. */
export interface Conflict {
  readonly with: Manager;
  readonly field: string;
}

/** The configuration gives fields that others manage another value. */
export class ApplyConflicts extends Error {
  override readonly name = 'ApplyConflicts';
  readonly conflicts: readonly Conflict[];
  readonly #found: ReadonlyMap<Manager, FieldSet>;

  constructor(found: ReadonlyMap<Manager, FieldSet>) {
    super('apply has conflicts');
    this.#found = found;
    this.conflicts = [...found]
      .sort(([a], [b]) => (identityOf(a) < identityOf(b) ? -1 : 1))
      .flatMap(([manager, fields]) =>
        pathsOf(fields).map((path) => ({ with: manager, field: displayPath(path) })),
      );
  }

  /** Those that are left when conflicts over some fields are allowed; undefined for none. */
  except(allowed: FieldSet): ApplyConflicts | undefined {
    const left = [...this.#found]
      .map(([manager, fields]) => [manager, difference(fields, allowed)] as const)
      .filter(([, fields]) => !isEmpty(fields));
    return left.length > 0 ? new ApplyConflicts(new Map(left)) : undefined;
  }
}

/**
 * Lays the configuration over the live object, removes what the same manager applied before and nobody else
 * manages, and moves the ownership. Throws ApplyConflicts, and TypeFault for a configuration that its schema
 * does not allow.
 */
export function applyConfiguration(application: Application): Applied {
  const { live, config, typeOf, author, force, now } = application;
  const { manager, apiVersion, subresource } = author;
  const type = typeOf(apiVersion);
  if (!type) throw new Error(`no type for ${apiVersion}`);
  checkType(config, type);
  const known =
    application.managers.size > 0 ? application.managers : managersBeforeFirstApply(live, application);
  const before = brought(known, typeOf);
  const entry = { manager, operation: 'Apply', apiVersion, subresource } as const;
  const self = identityOf(entry);
  const last = before.get(self);

  const fields = author.ownable(fieldsOf(config, type));
  const managers = withManager(before, { ...entry, time: now, fields });
  const merged = merge(live, config, type);
  const object = last ? prune(merged, { last, managers, typeOf }) : merged;

  const made = compare(live, object, type);
  const change = { old: live, next: object, managers, typeOf, author, now };
  const losses = withoutLost(change, made, self);
  if (!force && losses.conflicts.size > 0) throw new ApplyConflicts(losses.conflicts);
  // Who changes nothing has not been at work.
  const time = isSame(made) ? last?.time : now;
  const mine = { ...entry, time, fields: withoutSystemFields(fields) };
  return { object, managers: withManager(losses.managers, mine) };
}

interface Pruning {
  /** What the same manager applied before. */
  readonly last: Manager;
  /** Everybody, with what the manager applies now. */
  readonly managers: Managers;
  readonly typeOf: TypeOfVersion;
}

/** Removes what was applied last time, is not applied now, and nobody else manages. */
function prune(merged: unknown, { last, managers, typeOf }: Pruning): unknown {
  const type = typeOf(last.apiVersion);
  if (!type) return merged;
  let pruned = removeFields(merged, withNamedFields(last.fields, type), type);
  for (const [version, managed] of managedByVersion(managers, last.apiVersion)) {
    const versionType = typeOf(version);
    if (versionType) pruned = withManaged(merged, pruned, managed, versionType);
  }
  return withDangling(merged, pruned, last.fields, type);
}

/** All that is managed, by version, the given version first. */
function managedByVersion(managers: Managers, first: string): Map<string, FieldSet> {
  const sets = new Map<string, FieldSet>();
  const all = [...managers.values()];
  for (const { apiVersion, fields } of [
    ...all.filter((one) => one.apiVersion === first),
    ...all.filter((one) => one.apiVersion !== first),
  ]) {
    const set = sets.get(apiVersion);
    sets.set(apiVersion, set ? union(set, fields) : fields);
  }
  return sets;
}

/** Puts back what was pruned although somebody manages it. */
function withManaged(merged: unknown, pruned: unknown, managed: FieldSet, type: Type): unknown {
  const kept = union(withNamedFields(fieldsOf(pruned, type), type), withNamedFields(managed, type));
  return removeFields(merged, difference(withNamedFields(fieldsOf(merged, type), type), kept), type);
}

/** Puts back what was pruned along with its parent although the manager never applied it. */
function withDangling(merged: unknown, pruned: unknown, last: FieldSet, type: Type): unknown {
  const gone = difference(
    withNamedFields(fieldsOf(merged, type), type),
    withNamedFields(fieldsOf(pruned, type), type),
  );
  return removeFields(merged, intersection(gone, withNamedFields(last, type)), type);
}

/** Whether two say the same but for times: then nothing was done, and the older times hold. */
export function sameManagers(a: Managers, b: Managers): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([identity, { fields, apiVersion }]) => {
    const other = b.get(identity);
    return other !== undefined && other.apiVersion === apiVersion && equalSets(fields, other.fields);
  });
}
