import type { FaultKind } from './fault-kinds.ts';
import { type Verdict, World, type WorldOptions } from './world.ts';

type Limits = NonNullable<WorldOptions['limits']>;

/**
 * Looks for a smaller world in which the same invariant breaks: fewer kinds of faults, fewer faults, fewer actions of
 * users. Greedy: what still breaks is kept, and tried smaller again.
 */
export async function shrink(options: WorldOptions, broken: Verdict): Promise<Verdict> {
  let [limits, smallest] = [options.limits ?? {}, broken];
  for (let progress = true; progress; ) {
    progress = false;
    for (const smaller of smallerThan(limits, smallest)) {
      const verdict = await new World({ ...options, limits: smaller }).run();
      if (verdict.broken?.invariant !== broken.broken?.invariant || verdict.steps >= smallest.steps) continue;
      [limits, smallest, progress] = [smaller, verdict, true];
      break;
    }
  }
  return smallest;
}

function smallerThan(limits: Limits, { faults }: Verdict): Limits[] {
  const kinds: FaultKind[] = [...faults.keys()];
  const count = [...faults.values()].reduce((sum, each) => sum + each, 0);
  const deeds = limits.deeds ?? 4;
  return [
    { ...limits, only: kinds },
    ...kinds.map((kind) => ({ ...limits, only: kinds.filter((each) => each !== kind) })),
    ...(count > 0
      ? [
          { ...limits, faults: count - 1 },
          { ...limits, faults: Math.floor(count / 2) },
        ]
      : []),
    ...(deeds > 0
      ? [
          { ...limits, deeds: deeds - 1 },
          { ...limits, deeds: Math.floor(deeds / 2) },
        ]
      : []),
  ];
}
