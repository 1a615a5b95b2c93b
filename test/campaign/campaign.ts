/** All transitions of all kinds: what the CRDs and the cast lead to. */
import type { CustomResourceDefinition } from '../../src/apiserver/crd/definition.ts';
import { Random } from '../../src/simulation/random.ts';
import { leads, madeByControllers, wisdom } from './cast.ts';
import { patternsOf } from './generator/fields.ts';
import { type Subject, type Transition, changesOf, pairs, singles } from './generator/transitions.ts';

/** @throws for a kind without a base: a new kind needs an entry in the cast */
export function subjectsOf(crds: readonly CustomResourceDefinition[]): Subject[] {
  return crds.map(({ spec: { names, versions } }) => {
    const { kind } = names;
    const object = versions.find(({ storage }) => storage)?.schema?.openAPIV3Schema;
    const schema = object?.properties?.['spec'];
    const lead = leads[kind];
    if (!lead || !object || !schema)
      throw new Error(`kind ${kind} has no leading actor in test/campaign/cast.ts`);
    const madeBy = madeByControllers.has(kind) ? 'controllers' : 'users';
    return { kind, object, schema, bases: lead.bases, madeBy };
  });
}

/** Which values meet in a pair is chosen by chance, the same each time. */
const SEED = 1;

export function transitionsOf(subjects: readonly Subject[]): Transition[] {
  const random = new Random(SEED);
  const all = subjects.flatMap((subject) => {
    const changes = changesOf(subject, wisdom);
    const bases = Object.keys(subject.bases);
    return [
      ...singles(subject, changes),
      ...bases.flatMap((base) =>
        pairs(
          changes.filter((change) => change.base === base),
          (choices) => random.pick(choices),
        ),
      ),
    ];
  });
  return [...new Map(all.map((each) => [each.name, each])).values()];
}

/** Fields of a CRD for which no transition was generated, as `Kind spec.field`. */
export function uncovered(subjects: readonly Subject[], transitions: readonly Transition[]): string[] {
  const reached = new Set(
    transitions.flatMap(({ kind, patterns }) => patterns.map((pattern) => `${kind} ${pattern}`)),
  );
  return subjects
    .flatMap(({ kind, schema }) => patternsOf(schema).map((pattern) => `${kind} ${pattern}`))
    .filter((field) => !reached.has(field));
}
