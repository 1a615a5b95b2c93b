/**
 * `npm run simulate`: whole installations under faults, in simulated worlds that follow from a seed.
 * `--seeds N` (100) seeds from `--from N` (1) on; `--seed N` one seed, with its story.
 */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { pino } from 'pino';
import { kinds } from '../src/kinds/registry.ts';
import { readCollections } from '../src/simulation/collections.ts';
import { emptyImage } from '../src/simulation/image.ts';
import { type Verdict, World, type WorldOptions } from '../src/simulation/world.ts';
import { checkout } from './lib/checkout.ts';
import { main } from './lib/steps.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
});

async function simulate(): Promise<void> {
  const options: Omit<WorldOptions, 'seed'> = {
    kinds,
    collections: await readCollections(join(checkout, 'crds')),
    image: emptyImage(),
    logger: pino({ level: process.env['PURLIN_SIMULATE_LOG'] ?? 'silent' }),
  };
  const [from, count] = values.seed ? [Number(values.seed), 1] : [Number(values.from), Number(values.seeds)];
  const startedAt = performance.now();
  const verdicts: Verdict[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const verdict = await new World({ ...options, seed }).run();
    verdicts.push(verdict);
    if (!verdict.broken) continue;
    const { invariant, message, story } = verdict.broken;
    process.stdout.write(`seed ${seed}: ${invariant}\n  ${message}\n`);
    if (values.seed) process.stdout.write(`${story.join('\n')}\n`);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const broken = verdicts.filter((verdict) => verdict.broken).length;
  const median = (read: (verdict: Verdict) => number): number =>
    verdicts.map(read).sort((a, b) => a - b)[verdicts.length >> 1] ?? 0;
  const faults = ({ faults: fired }: Verdict): number => [...fired.values()].reduce((sum, n) => sum + n, 0);
  process.stdout.write(
    `${verdicts.length} seeds, ${broken} broken, ${(verdicts.length / seconds).toFixed(1)} a second; median ` +
      `${median(({ hosts }) => hosts)} hosts, ${median(({ objects }) => objects)} objects, ` +
      `${median(({ steps }) => steps)} steps, ${median(faults)} faults\n`,
  );
  if (values.seed) process.stdout.write(`trace ${verdicts[0]?.traceHash}\n`);
  if (broken > 0) process.exitCode = 1;
}

await main(simulate);
