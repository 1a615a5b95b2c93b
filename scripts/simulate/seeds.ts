/** Runs simulated worlds. Imported late, so that the coverage of the planners is counted from their first line on. */
import { join } from 'node:path';
import { pino } from 'pino';
import { kinds } from '../../src/kinds/registry.ts';
import { readCollections } from '../../src/simulation/collections.ts';
import { shrink } from '../../src/simulation/shrink.ts';
import { type Verdict, World, type WorldOptions } from '../../src/simulation/world.ts';
import { checkout } from '../lib/checkout.ts';

async function worldOptions(brief: boolean): Promise<Omit<WorldOptions, 'seed'>> {
  return {
    brief,
    kinds,
    collections: await readCollections(join(checkout, 'crds')),
    logger: pino({ level: process.env['PURLIN_SIMULATE_LOG'] ?? 'silent' }),
  };
}

/** One verdict after the other. */
export async function* verdicts(from: number, seeds: number, brief: boolean): AsyncGenerator<Verdict> {
  const options = await worldOptions(brief);
  for (let seed = from; seed < from + seeds; seed += 1) yield new World({ ...options, seed }).run();
}

/** One seed; where it is broken, also the smallest world in which it still is. */
export async function examine(
  seed: number,
  brief: boolean,
): Promise<{ verdict: Verdict; smallest: Verdict }> {
  const options = { ...(await worldOptions(brief)), seed };
  const verdict = await new World(options).run();
  return { verdict, smallest: verdict.broken ? await shrink(options, verdict) : verdict };
}
