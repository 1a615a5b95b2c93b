/** Applies one defect after another to a copy of the source, and runs the simulation of the copy until it notices. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from '../lib/checkout.ts';
import { type ContractTest, editsOf, type Mutant } from './mutants/mutant.ts';
import { mutants } from './mutants.ts';
import type { Seeds } from './seeds.ts';

/** Within so many seeds every defect must be caught, where its remembered one does not catch it. */
export const MUTANT_SEEDS = 5_000;
/** So many that aim at what a defect takes to show are tried before. */
const AIMED_SEEDS = 100;

/** Brief worlds have no part in the gate. */
type OrdinarySeeds = Omit<Seeds, 'brief'>;

export interface Caught {
  mutant: Mutant;
  /** How it showed: seed and invariant; nothing when it was not noticed. */
  by: string | undefined;
}

/** Does something with a copy of the source that can be run, and may be changed. */
export async function inCopyOfSource<Result>(work: (copy: string) => Promise<Result>): Promise<Result> {
  const copy = await mkdtemp(join(tmpdir(), 'purlin-mutants-'));
  try {
    for (const part of [
      'src',
      'scripts',
      'crds',
      'test',
      'jest.config.js',
      'package.json',
      'tsconfig.json',
    ]) {
      await cp(join(checkout, part), join(copy, part), { recursive: true });
    }
    await symlink(join(checkout, 'node_modules'), join(copy, 'node_modules'));
    return await work(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/**
 * One copy of the source for each core, each with one defect at a time.
 *
 * @param matching only those whose name has this in it
 */
export async function runMutants(matching: string, onResult: (result: Caught) => void): Promise<Caught[]> {
  const waiting = mutants.filter(({ name }) => name.includes(matching));
  const results: Caught[] = [];
  const worker = (): Promise<void> =>
    inCopyOfSource(async (copy) => {
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
        const result = { mutant, by: await catchMutant(copy, mutant) };
        results.push(result);
        onResult(result);
      }
    });
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), waiting.length) }, worker));
  return results;
}

/** What catches a defect must hold without it: that is tried, too. */
async function catchMutant(copy: string, mutant: Mutant): Promise<string | undefined> {
  const { name, contract } = mutant;
  const look = async (): Promise<Caught['by']> =>
    contract === undefined ? brokenSeed(copy, mutant) : brokenContract(copy, contract);
  const by = await withDefect(copy, mutant, look);
  if (by === undefined) return undefined;
  const seed = /^seed (\d+):/.exec(by)?.[1];
  const anyway = contract
    ? await brokenContract(copy, contract)
    : seed === undefined
      ? undefined
      : await simulateBatch(copy, { from: Number(seed), count: 1 });
  if (anyway !== undefined) throw new Error(`${name}: ${anyway}, also without it`);
  return by;
}

async function withDefect<Result>(
  copy: string,
  mutant: Mutant,
  work: () => Promise<Result>,
): Promise<Result> {
  const originals = new Map<string, string>();
  for (const { file, from, to } of editsOf(mutant)) {
    const path = join(copy, file);
    const original = await readFile(path, 'utf8');
    if (original.split(from).length !== 2)
      throw new Error(`${mutant.name}: its text does not stand once in ${file}`);
    if (!originals.has(path)) originals.set(path, original);
    await writeFile(
      path,
      original.replace(from, () => to),
    );
  }
  try {
    return await work();
  } finally {
    for (const [path, original] of originals) await writeFile(path, original);
  }
}

/** The remembered one, one that aims at what the defect takes, or the first that is broken. */
async function brokenSeed(copy: string, { seed, aim }: Mutant): Promise<string | undefined> {
  const first: OrdinarySeeds[] = [];
  if (seed !== undefined) first.push({ from: seed, count: 1 });
  if (aim !== undefined) first.push({ from: 1, count: AIMED_SEEDS, aim });
  for (const seeds of first) {
    const broken = await simulateBatch(copy, seeds);
    if (broken !== undefined) return broken;
  }
  return simulateUntilBroken(copy);
}

/** @returns the suite and the test, if that fails */
async function brokenContract(copy: string, { suite, test }: ContractTest): Promise<string | undefined> {
  const jest = [join(checkout, 'node_modules/jest/bin/jest.js'), '--selectProjects', 'contract'];
  const only = ['--runTestsByPath', suite, '--testNamePattern', test];
  const { exitCode, stderr } = await execa(
    process.execPath,
    ['--experimental-vm-modules', ...jest, ...only],
    { cwd: copy, reject: false, timeout: BATCH_MS },
  );
  if (exitCode === 0) return undefined;
  const [, failed] = /^ {2}● (.*)$/m.exec(stderr) ?? [];
  if (failed === undefined) throw new Error(`${suite} does not run: ${stderr.slice(0, 500)}`);
  return `${suite}: ${failed.trim()}`;
}

/** Runs the simulation of a checkout. @returns the first seed that is broken and how, if one is */
export async function simulateUntilBroken(directory: string): Promise<string | undefined> {
  for (let from = 1; from <= MUTANT_SEEDS; from += BATCH) {
    const broken = await simulateBatch(directory, { from, count: BATCH });
    if (broken !== undefined) return broken;
  }
  return undefined;
}

/** So many worlds take far less than {@link BATCH_MS} wherever they end at all. */
const BATCH = 100;
const BATCH_MS = 600_000;

async function simulateBatch(
  directory: string,
  { from, count, aim }: OrdinarySeeds,
): Promise<string | undefined> {
  const aimed = aim === undefined ? [] : ['--aim', aim];
  const range = ['--from', String(from), '--seeds', String(count), '--stop', ...aimed];
  const { exitCode, stdout, stderr, timedOut } = await execa(
    process.execPath,
    ['scripts/simulate.ts', ...range],
    { cwd: directory, reject: false, timeout: BATCH_MS },
  );
  if (exitCode === 0) return undefined;
  if (timedOut) return `a world that never ends, one of ${count} from ${from} on`;
  const [broken] = /^seed \d+: .*$/m.exec(stdout) ?? [];
  // A change that does not even run was not noticed by anybody.
  if (broken === undefined) throw new Error(`the changed source does not run: ${stderr.slice(0, 500)}`);
  return broken;
}
