/**
 * `npm run test:crash`: the life of the quickstart's objects on real libvirt, once for each thing that can go wrong at
 * each of its boundaries (docs/reliability.md, "Crash points").
 */
import { parseArgs } from 'node:util';
import { campaign } from '../test/crash/campaign.ts';
import { type Fault, textOf } from '../test/crash/faults.ts';
import { type Course, courses } from '../test/crash/courses.ts';
import { broken, isSound, untried } from '../test/crash/soundness.ts';
import { tableOf } from '../test/crash/table.ts';
import { demoImage } from './demo-image.ts';
import { build } from './lib/build.ts';
import { main, step } from './lib/steps.ts';
import { installSystemPackages } from './setup.ts';

/** A life waits more than it works, but the emulated guests of a third one would only be in the way of two cores. */
const defaultSites = 2;

const usage = `usage: npm run test:crash [-- OPTION…]
  --only TEXT       one fault, as it is named in the output; may be repeated
  --matching REGEX  the faults whose names match
  --every N         each Nth of them
  --sites N         how many lives at once (default ${defaultSites})`;

async function crashPoints(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      matching: { type: 'string', default: '' },
      every: { type: 'string', default: '1' },
      sites: { type: 'string', default: String(defaultSites) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  await step('system packages', installSystemPackages);
  await step('demo image', demoImage);
  await step('building Purlin', build);
  const { only, matching, every } = values;
  const pattern = new RegExp(matching);
  const isWanted = (fault: Fault): boolean =>
    only ? only.includes(textOf(fault)) : pattern.test(textOf(fault));
  // A fault is named after the course of life that it is in.
  const isNeeded = ({ name }: Course): boolean => !only || only.some((text) => text.startsWith(`${name} `));
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const startedAt = performance.now();
  const findings = await campaign({
    scope: only || matching !== '' || every !== '1' ? 'sample' : 'whole',
    courses: courses.filter(isNeeded),
    choose: (faults) => faults.filter(isWanted).filter((_, index) => index % Number(every) === 0),
    sites: only ? 1 : Number(values.sites),
    signal: stop.signal,
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const minutes = (performance.now() - startedAt) / 60_000;
  process.stdout.write(`\n${tableOf(findings)}\n${minutes.toFixed(1)} minutes\n`);
  for (const fault of [...broken(findings), ...untried(findings)])
    process.stdout.write(`again: npm run test:crash -- --only '${textOf(fault)}'\n`);
  if (!isSound(findings)) throw new Error('not everything was tried and ended as in a clean life');
}

await main(crashPoints);
// Lives that were cut short still wait for what will not come any more.
process.exit();
