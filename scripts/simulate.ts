/**
 * `npm run simulate`: whole installations under faults, in simulated worlds that follow from a seed.
 * `--seeds N` (100) from `--from N` (1) on, `--stop` at the first that is broken; `--seed N` one seed, with its story;
 * `--mutants [--only TEXT]` defects put in on purpose, each of which must be caught; `--patch FILE` whether a diff is.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { pino } from 'pino';
import { kinds } from '../src/kinds/registry.ts';
import { readCollections } from '../src/simulation/collections.ts';
import { shrink } from '../src/simulation/shrink.ts';
import { type Verdict, World, type WorldOptions } from '../src/simulation/world.ts';
import { checkout } from './lib/checkout.ts';
import { main } from './lib/steps.ts';
import { inCopyOfSource, MUTANT_SEEDS, runMutants, simulateUntilBroken } from './simulate/mutation-gate.ts';
import { summary } from './simulate/summary.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    stop: { type: 'boolean', default: false },
    seed: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    patch: { type: 'string' },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function worldOptions(): Promise<Omit<WorldOptions, 'seed'>> {
  return {
    kinds,
    collections: await readCollections(join(checkout, 'crds')),
    logger: pino({ level: process.env['PURLIN_SIMULATE_LOG'] ?? 'silent' }),
  };
}

async function simulateSeeds(): Promise<void> {
  const options = await worldOptions();
  const from = Number(values.from);
  const startedAt = performance.now();
  const verdicts: Verdict[] = [];
  for (let seed = from; seed < from + Number(values.seeds); seed += 1) {
    const verdict = await new World({ ...options, seed }).run();
    verdicts.push(verdict);
    if (!verdict.broken) continue;
    print(`seed ${seed}: ${verdict.broken.invariant}\n  ${verdict.broken.message}`);
    process.exitCode = 1;
    if (values.stop) break;
  }
  print(summary(verdicts, performance.now() - startedAt));
}

/** One seed; where it is broken, the smallest world in which it still is, and its story. */
async function simulateOne(seed: number): Promise<void> {
  const options = await worldOptions();
  const verdict = await new World({ ...options, seed }).run();
  print(`seed ${seed}: ${verdict.broken?.invariant ?? 'everything holds'}; trace ${verdict.traceHash}`);
  if (!verdict.broken) return;
  process.exitCode = 1;
  const smallest = await shrink({ ...options, seed }, verdict);
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
