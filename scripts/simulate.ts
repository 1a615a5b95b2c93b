/**
 * `npm run simulate`: whole installations under faults, in simulated worlds that follow from a seed.
 * `--seeds N` (100) from `--from N` (1) on, `--stop` at the first that is broken, `--brief` in worlds with as little as
 * can be; `--coverage` fails when a fault never met an action or a branch of a planner was never reached (5,000 seeds
 * reach all), `--report FILE` leaves that to whoever puts several reports together; `--seed N` one seed, with its story;
 * `--mutants [--only TEXT]` defects put in on purpose, each of which must be caught; `--patch FILE` whether a diff is.
 */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import type { Verdict } from '../src/simulation/world.ts';
import { main } from './lib/steps.ts';
import type { CoverageReport } from './simulate/coverage.ts';
import { inCopyOfSource, MUTANT_SEEDS, runMutants, simulateUntilBroken } from './simulate/mutation-gate.ts';
import { PlannerCoverage } from './simulate/planner-coverage.ts';
import { summary } from './simulate/summary.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    stop: { type: 'boolean', default: false },
    brief: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    report: { type: 'string' },
    seed: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    patch: { type: 'string' },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function simulateSeeds(): Promise<void> {
  const wanted = values.coverage || values.report !== undefined;
  const planners = wanted ? await PlannerCoverage.begin() : undefined;
  const { verdicts } = await import('./simulate/seeds.ts');
  const startedAt = performance.now();
  const seen: Verdict[] = [];
  for await (const verdict of verdicts(Number(values.from), Number(values.seeds), values.brief)) {
    seen.push(verdict);
    if (!verdict.broken) continue;
    print(`seed ${verdict.seed}: ${verdict.broken.invariant}\n  ${verdict.broken.message}`);
    process.exitCode = 1;
    if (values.stop) break;
  }
  print(summary(seen, performance.now() - startedAt));
  if (planners) await report(seen, planners);
}

async function report(seen: readonly Verdict[], planners: PlannerCoverage): Promise<void> {
  const { coverageOf } = await import('./simulate/coverage.ts');
  const own: CoverageReport = {
    meetings: seen.flatMap(({ meetings }) => meetings.entries()),
    unreached: await planners.unreached(),
  };
  if (values.report !== undefined) return writeFile(values.report, JSON.stringify(own));
  const { table, missed } = coverageOf([own]);
  print([table, ...missed, `${missed.length} holes`].join('\n'));
  if (missed.length > 0) process.exitCode = 1;
}

/** One seed; where it is broken, the smallest world in which it still is, and its story. */
async function simulateOne(seed: number): Promise<void> {
  const { examine } = await import('./simulate/seeds.ts');
  const { verdict, smallest } = await examine(seed, values.brief);
  print(`seed ${seed}: ${verdict.broken?.invariant ?? 'everything holds'}; trace ${verdict.traceHash}`);
  if (!verdict.broken) return;
  process.exitCode = 1;
  print(`shrunk from ${describe(verdict)} to ${describe(smallest)}`);
  print(smallest.broken?.story.join('\n') ?? '');
  print(`${smallest.broken?.invariant}\n  ${smallest.broken?.message}`);
}

const describe = ({ steps, objects, faults }: Verdict): string =>
  `${steps} steps, ${objects} objects and faults [${[...faults.keys()].join(', ')}]`;

async function gate(): Promise<void> {
  const results = await runMutants(values.only, ({ mutant, by }) =>
    print(`${by ? '✓' : '✗'} ${mutant.name}: ${by ?? `not caught in ${MUTANT_SEEDS} seeds`}`),
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
  if (values.mutants) return gate();
  if (values.patch !== undefined) return simulatePatched(values.patch);
  if (values.seed !== undefined) return simulateOne(Number(values.seed));
  return simulateSeeds();
}

await main(simulate);
