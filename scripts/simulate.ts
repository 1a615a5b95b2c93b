/** `npm run simulate`: whole installations under faults, in simulated worlds that follow from a seed. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import type { Verdict } from '../src/simulation/world.ts';
import { main } from './lib/steps.ts';
import type { CoverageReport } from './simulate/coverage.ts';
import type { Mutant } from './simulate/mutants/mutant.ts';
import { inCopyOfSource, MUTANT_SEEDS, runMutants, simulateUntilBroken } from './simulate/mutation-gate.ts';
import { PlannerCoverage } from './simulate/planner-coverage.ts';
import type { Seeds } from './simulate/seeds.ts';
import { summary } from './simulate/summary.ts';

const usage = `usage: npm run simulate [-- OPTION…]
  --seeds N        so many seeds (default 100)
  --from N         beginning with this one (default 1)
  --stop           end at the first that is broken
  --brief          in worlds with as little as can be
  --aim FAULT      only seeds that try to bring this about, or, as FAULT/ACTION, this during an action
  --coverage       fail when a fault never met an action, or a branch of a planner was never reached (5,000 seeds reach all)
  --report FILE    leave that to whoever puts several reports together
  --seed N         one seed; where it is broken, the smallest world in which it still is, and its story
  --mutants        defects put in on purpose, each of which must be caught
  --only TEXT      those with this in their names
  --patch FILE     whether the defect that a diff puts in is caught`;

const options = {
  seeds: { type: 'string', default: '100' },
  from: { type: 'string', default: '1' },
  stop: { type: 'boolean', default: false },
  brief: { type: 'boolean', default: false },
  aim: { type: 'string' },
  coverage: { type: 'boolean', default: false },
  report: { type: 'string' },
  seed: { type: 'string' },
  mutants: { type: 'boolean', default: false },
  only: { type: 'string', default: '' },
  patch: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** A number of an option; what is none would silently be no seed at all. */
function whole(option: 'from' | 'seed' | 'seeds', text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`--${option} ${text} is not a whole number from 1 on`);
  return number;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

interface Wanted {
  /** Ends at the first that is broken. */
  stop: boolean;
  coverage: boolean;
  report?: string | undefined;
}

async function simulateSeeds(seeds: Seeds, { stop, coverage, report }: Wanted): Promise<void> {
  const planners = coverage || report !== undefined ? await PlannerCoverage.begin() : undefined;
  const { verdicts } = await import('./simulate/seeds.ts');
  const startedAt = performance.now();
  const seen: Verdict[] = [];
  for await (const verdict of verdicts(seeds)) {
    seen.push(verdict);
    if (!verdict.broken) continue;
    print(`seed ${verdict.seed}: ${verdict.broken.invariant}\n  ${verdict.broken.message}`);
    process.exitCode = 1;
    if (stop) break;
  }
  print(summary(seen, performance.now() - startedAt));
  if (planners) await judge(seen, planners, report);
}

async function judge(seen: readonly Verdict[], planners: PlannerCoverage, report?: string): Promise<void> {
  const { coverageOf } = await import('./simulate/coverage.ts');
  const own: CoverageReport = {
    meetings: seen.flatMap(({ meetings }) => meetings.entries()),
    unreached: await planners.unreached(),
  };
  if (report !== undefined) return writeFile(report, JSON.stringify(own));
  const { table, missed } = coverageOf([own]);
  print([table, ...missed, `${missed.length} holes`].join('\n'));
  if (missed.length > 0) process.exitCode = 1;
}

/** One seed; where it is broken, the smallest world in which it still is, and its story. */
async function simulateOne(seed: number, brief: boolean): Promise<void> {
  const { examine } = await import('./simulate/seeds.ts');
  const { verdict, smallest } = await examine(seed, brief);
  print(`seed ${seed}: ${verdict.broken?.invariant ?? 'everything holds'}; trace ${verdict.traceHash}`);
  if (!verdict.broken) return;
  process.exitCode = 1;
  print(`shrunk from ${describe(verdict)} to ${describe(smallest)}`);
  print(smallest.broken?.story.join('\n') ?? '');
  print(`${smallest.broken?.invariant}\n  ${smallest.broken?.message}`);
}

const describe = ({ steps, objects, faults }: Verdict): string =>
  `${steps} steps, ${objects} objects and faults [${[...faults.keys()].join(', ')}]`;

const triedOn = ({ contract }: Mutant): string =>
  contract === undefined ? `in ${MUTANT_SEEDS} seeds` : `by ${contract.suite}`;

async function gate(only: string): Promise<void> {
  const results = await runMutants(only, ({ mutant, by }) =>
    print(`${by ? '✓' : '✗'} ${mutant.name}: ${by ?? `not caught ${triedOn(mutant)}`}`),
  );
  const caught = results.filter(({ by }) => by !== undefined).length;
  print(`${caught} of ${results.length} defects caught`);
  if (caught < results.length) process.exitCode = 1;
}

/** Applies a diff to a copy of the source and tells whether the simulation notices. */
async function simulatePatched(file: string): Promise<void> {
  await inCopyOfSource(async (copy) => {
    await execa('git', ['apply', resolve(file)], { cwd: copy });
    const by = await simulateUntilBroken(copy);
    print(by ? `caught by ${by}` : `not caught in ${MUTANT_SEEDS} seeds`);
  });
}

async function simulate(): Promise<void> {
  const { values } = parseArgs({ options });
  const { brief, aim, seed } = values;
  if (values.help) return print(usage);
  if (values.mutants) return gate(values.only);
  if (values.patch !== undefined) return simulatePatched(values.patch);
  if (seed !== undefined) return simulateOne(whole('seed', seed), brief);
  const [from, count] = [whole('from', values.from), whole('seeds', values.seeds)];
  return simulateSeeds({ from, count, brief, aim }, values);
}

await main(simulate);
