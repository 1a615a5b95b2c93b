/**
 * `npm run test:campaign`: every field of every kind, changed in every way that its schema suggests, on simulated hosts
 * and on real libvirt. `--simulated` or `--real` one half; `--only 'NAME'` one transition, or all whose names contain the
 * text, with their stories; `--every N` each Nth only; `--names` which there are.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCrdFiles } from '../src/apiserver/crd/files.ts';
import { subjectsOf, transitionsOf, uncovered } from '../test/campaign/campaign.ts';
import type { Transition } from '../test/campaign/generator/transitions.ts';
import type { Result } from '../test/campaign/play.ts';
import { chosenForReal } from '../test/campaign/real/choice.ts';
import { playForReal } from '../test/campaign/real/run.ts';
import { RealSite } from '../test/campaign/real/site.ts';
import { admittance } from '../test/campaign/simulated/admittance.ts';
import { SimulatedCampaign } from '../test/campaign/simulated/run.ts';
import { comparisonTable, complaint, neverCompared, table } from '../test/campaign/table.ts';
import { checkout } from './lib/checkout.ts';
import { build } from './lib/build.ts';
import { main, step } from './lib/steps.ts';
import { installSystemPackages } from './setup.ts';

const { values } = parseArgs({
  options: {
    simulated: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    only: { type: 'string' },
    every: { type: 'string', default: '1' },
    names: { type: 'boolean', default: false },
  },
});

const isWhole = values.only === undefined && values.every === '1';
const crds = join(checkout, 'crds');
const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function campaign(): Promise<void> {
  const subjects = subjectsOf(await readCrdFiles(crds));
  const all = transitionsOf(subjects);
  const holes = uncovered(subjects, all);
  if (holes.length > 0) throw new Error(`no transition changes ${holes.join(', ')}`);
  const chosen = named(all);
  if (values.names) return print(chosen.map(({ name }) => name).join('\n'));
  const both = !values.simulated && !values.real;
  if (values.simulated || both) await simulated(sampled(chosen));
  if (!values.real && !both) return;
  const forReal = values.only === undefined ? chosenForReal(chosen, await admittance(crds)) : chosen;
  await real(sampled(forReal));
}

/** One whose name is given in full is alone, although it may be a part of another's. */
function named(all: readonly Transition[]): readonly Transition[] {
  const { only } = values;
  if (only === undefined) return all;
  const exact = all.filter(({ name }) => name === only);
  return exact.length > 0 ? exact : all.filter(({ name }) => name.includes(only));
}

const sampled = (transitions: readonly Transition[]): Transition[] =>
  transitions.filter((_, index) => index % Number(values.every) === 0);

async function simulated(transitions: readonly Transition[]): Promise<void> {
  const startedAt = performance.now();
  const stage = await SimulatedCampaign.prepare(crds);
  const results: Result[] = [];
  for (const transition of transitions) {
    const result = await stage.play(transition);
    results.push(result);
    if (values.only !== undefined) print(stage.story.join('\n'));
    if (result.faults.length > 0) print(complaint(result));
  }
  summarise('simulated hosts', results, startedAt);
}

async function real(transitions: readonly Transition[]): Promise<void> {
  await step('system packages', installSystemPackages);
  await step('building Purlin', build);
  const startedAt = performance.now();
  const results: Result[] = [];
  await using site = await RealSite.start();
  const leave = (): void => void site[Symbol.asyncDispose]().finally(() => process.exit(1));
  // Also a second time: nothing may be left behind by impatience.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, leave);
  await playForReal(site, transitions, (result) => {
    results.push(result);
    if (results.length % 50 === 0) print(`… ${results.length} of ${transitions.length}`);
    if (result.faults.length > 0) print(complaint(result));
  });
  summarise('real libvirt', results, startedAt);
}

function summarise(where: string, results: readonly Result[], startedAt: number): void {
  const faulty = results.filter(({ faults }) => faults.length > 0).length;
  const seconds = (performance.now() - startedAt) / 1_000;
  print(`\n${table(results)}\n\n${comparisonTable(results)}\n`);
  print(`${results.length} transitions on ${where} in ${seconds.toFixed(0)} s, ${faulty} at fault`);
  // Of a few it may be that none can be compared.
  const unseen = isWhole ? neverCompared(results) : [];
  if (unseen.length > 0) print(`no S2 was compared with a fresh one of ${unseen.join(', ')}`);
  if (faulty > 0 || unseen.length > 0) process.exitCode = 1;
}

await main(campaign);
