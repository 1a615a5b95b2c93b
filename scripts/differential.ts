/**
 * Sends the same scripted requests to the embedded API server and to a genuine one, and tells where they answer
 * differently. The genuine one is that of KUBECONFIG, or without it the recorded answers of one.
 *
 *   npm run test:differential [-- --only NAME] [-- --open] [-- --record]
 *
 * `--open` shows besides what is known to differ and to be mended.
 * `--record` plays them to the server of KUBECONFIG only, and keeps its answers as what is expected.
 */
import { parseArgs } from 'node:util';
import { serverOf } from '../test/differential/client.ts';
import { disagreements } from '../test/differential/compare.ts';
import { OPEN } from '../test/differential/differences.ts';
import { withEmbeddedServer } from '../test/differential/embedded.ts';
import { readExpectations, recordExpectations } from '../test/differential/expectations.ts';
import { play } from '../test/differential/run.ts';
import { SCENARIOS } from '../test/differential/scenarios/index.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    open: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
});
const scenarios = SCENARIOS.filter(({ name }) => values.only?.includes(name) ?? true);
const kubeconfig = process.env['KUBECONFIG'];

if (values.record) {
  if (!kubeconfig) throw new Error('--record needs KUBECONFIG to point at a genuine server');
  for (const [name, answers] of await play(await serverOf(kubeconfig), scenarios))
    await recordExpectations(name, answers);
  process.exit(0);
}

const genuine = kubeconfig ? await play(await serverOf(kubeconfig), scenarios) : undefined;
const embedded = await withEmbeddedServer((server) => play(server, scenarios));
let requests = 0;
let differing = 0;
let known = 0;
for (const { name, steps } of scenarios) {
  const expected = genuine?.get(name) ?? (await readExpectations(name));
  const all = disagreements(name, expected, embedded.get(name) ?? {});
  const found = all.filter(({ known }) => known === undefined);
  known += new Set(all.map(({ step }) => step)).size - new Set(found.map(({ step }) => step)).size;
  requests += steps.length;
  differing += new Set(found.map(({ step }) => step)).size;
  const shown = values.open ? all.filter(({ known }) => known === undefined || OPEN.includes(known)) : found;
  for (const { step, path, expected: wanted, actual } of shown)
    console.log(`${name}, ${step}: ${path}\n  expected ${short(wanted)}\n  answered ${short(actual)}`);
}
console.log(
  `${requests} requests of ${scenarios.length} scenarios, compared with ${genuine ? 'the server of KUBECONFIG' : 'recorded answers'}: ${known} differ as is known, ${differing} otherwise`,
);
process.exitCode = differing === 0 ? 0 : 1;

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
