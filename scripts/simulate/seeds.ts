/** Runs simulated worlds. Imported late, so that the coverage of the planners is counted from their first line on. */
import { join } from 'node:path';
import { pino } from 'pino';
import { kinds } from '../../src/kinds/registry.ts';
import { readCollections } from '../../src/simulation/collections.ts';
import { faultKinds } from '../../src/simulation/fault-kinds.ts';
import type { Aim } from '../../src/simulation/faults.ts';
import { allMeetings } from '../../src/simulation/meetings.ts';
import { aimOf } from '../../src/simulation/plan-of-seed.ts';
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

/** Which worlds are to be run. */
export interface Seeds {
  from: number;
  count: number;
  /** Worlds with as little as can be. */
  brief?: boolean;
  /** Only those that try to bring about this: a kind of fault, or one during an action, as `fault/action`. */
  aim?: string | undefined;
}

/** One verdict after the other. */
export async function* verdicts({ from, count, brief = false, aim }: Seeds): AsyncGenerator<Verdict> {
  const options = await worldOptions(brief);
  if (aim !== undefined && !allMeetings.some((meeting) => isAt(aim, meeting))) throw new Error(unmet(aim));
  for (let seed = from, left = count; left > 0; seed += 1) {
    if (aim !== undefined && !isAt(aim, aimOf(seed))) continue;
    yield new World({ ...options, seed }).run();
    left -= 1;
  }
}

const isAt = (aim: string, at: Aim | undefined): boolean =>
  at !== undefined && (aim === at.fault || aim === `${at.fault}/${at.action}`);

const unmet = (aim: string): string =>
  `no seed aims at ${aim}: name a kind of fault or, as fault/action, one during an action that it can meet; the kinds are ${faultKinds.join(', ')}`;

/** One seed; where it is broken, also the smallest world in which it still is. */
export async function examine(
  seed: number,
  brief: boolean,
): Promise<{ verdict: Verdict; smallest: Verdict }> {
  const options = { ...(await worldOptions(brief)), seed };
  const verdict = await new World(options).run();
  return { verdict, smallest: verdict.broken ? await shrink(options, verdict) : verdict };
}
