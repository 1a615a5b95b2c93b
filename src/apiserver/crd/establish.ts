/**
 * Which definitions are in force: their names must not clash with those of others. As in Kubernetes, names that
 * were accepted once stay with their definition, and a definition that was established once stays in force.
 */
import { timestamp } from '../../values/time.ts';
import type { Resource } from '../resource.ts';
import { isTrue, withCondition } from './definition.ts';
import type { CrdCondition, CrdNames, CrdStatus, CustomResourceDefinition } from './definition.ts';

/** What one definition comes to. */
export interface Verdict {
  readonly crd: CustomResourceDefinition;
  readonly status: CrdStatus;
  /** The names to serve it by; undefined when it is not in force. */
  readonly serveAs: CrdNames | undefined;
}

/** The names in use within one group; resources and kinds do not get in each other's way. */
interface Taken {
  readonly resources: Set<string>;
  readonly kinds: Set<string>;
}

type Condition = Omit<CrdCondition, 'lastTransitionTime'>;

/** Judges all definitions together; older ones go first. `builtins` have their names already. */
export function establish(
  definitions: readonly CustomResourceDefinition[],
  builtins: readonly Resource[],
  now: Date,
): Verdict[] {
  const claims = new Map<string, Taken>();
  const taken = (group: string): Taken => {
    const known = claims.get(group) ?? { resources: new Set(), kinds: new Set() };
    claims.set(group, known);
    return known;
  };
  for (const builtin of builtins) claim(taken(builtin.group), builtin);
  for (const { spec, status } of definitions) claim(taken(spec.group), status?.acceptedNames ?? {});
  return definitions.toSorted(byAge).map((crd) => {
    const names = taken(crd.spec.group);
    const verdict = judge(crd, names, timestamp(now));
    claim(names, verdict.status.acceptedNames ?? {});
    return verdict;
  });
}

function claim({ resources, kinds }: Taken, names: Partial<CrdNames> | Resource): void {
  const { plural, singular, shortNames = [], kind, listKind } = names;
  for (const name of [plural, singular, ...shortNames]) if (name) resources.add(name);
  for (const name of [kind, listKind]) if (name) kinds.add(name);
}

function byAge(a: CustomResourceDefinition, b: CustomResourceDefinition): number {
  const age = (crd: CustomResourceDefinition) =>
    `${crd.metadata.creationTimestamp ?? ''} ${crd.metadata.name ?? ''}`;
  return age(a) < age(b) ? -1 : 1;
}

function judge(crd: CustomResourceDefinition, taken: Taken, at: string): Verdict {
  const { conflict, names } = accept(crd, taken);
  const established = isTrue(crd.status, 'Established') || !conflict;
  const namesAccepted: Condition = conflict ?? {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  };
  let conditions = withCondition(crd.status?.conditions ?? [], namesAccepted, at);
  if (!isTrue(crd.status, 'Established')) {
    conditions = withCondition(conditions, established ? ESTABLISHED : NOT_ACCEPTED, at);
  }
  return {
    crd,
    status: { ...crd.status, acceptedNames: names, conditions },
    serveAs: established && isComplete(names) ? names : undefined,
  };
}

const ESTABLISHED: Condition = {
  type: 'Established',
  status: 'True',
  reason: 'InitialNamesAccepted',
  message: 'the initial names have been accepted',
};

const NOT_ACCEPTED: Condition = {
  type: 'Established',
  status: 'False',
  reason: 'NotAccepted',
  message: 'not all names are accepted',
};

const isComplete = (names: Partial<CrdNames>): names is CrdNames => Boolean(names.plural && names.kind);

/** Takes each wanted name that is free; the last clash is the one reported. */
function accept(
  { spec, status }: CustomResourceDefinition,
  { resources, kinds }: Taken,
): { conflict: Condition | undefined; names: Partial<CrdNames> } {
  const wanted = spec.names;
  const old = status?.acceptedNames ?? {};
  const names: Partial<CrdNames> = { plural: '', kind: '', ...old };
  let conflict: Condition | undefined;
  const clash = (what: string, name: string) => {
    const message = `${JSON.stringify(name)} is already in use`;
    conflict = { type: 'NamesAccepted', status: 'False', reason: `${what}Conflict`, message };
  };
  const take = (field: 'plural' | 'singular' | 'kind' | 'listKind', what: string, others: Set<string>) => {
    const name = wanted[field];
    if (name === undefined) return;
    if (name === old[field] || !others.has(name)) names[field] = name;
    else clash(what, name);
  };
  take('plural', 'Plural', resources);
  take('singular', 'Singular', resources);
  const lost = wanted.shortNames?.find((one) => !old.shortNames?.includes(one) && resources.has(one));
  if (lost !== undefined) clash('ShortNames', lost);
  else assign(names, 'shortNames', wanted.shortNames);
  take('kind', 'Kind', kinds);
  take('listKind', 'ListKind', kinds);
  assign(names, 'categories', wanted.categories);
  return { conflict, names };
}

function assign(
  names: Partial<CrdNames>,
  field: 'shortNames' | 'categories',
  value: string[] | undefined,
): void {
  if (value) names[field] = value;
  else delete names[field];
}
