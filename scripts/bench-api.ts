/**
 * `npm run bench:api`: the speed of the embedded API server and, where KUBECONFIG names one, of a genuine
 * kube-apiserver beside it: the two alternate. Prints a Markdown table.
 *
 *   --objects N (10000)  --rounds N (3)  --pids PID,PID  the genuine server's processes, whose memory is to be told
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { serverOf } from '../test/differential/client.ts';
import { NODE_FLAGS, SMALL_MALLOC } from '../src/compose/up.ts';
import type { Server } from './bench/api/client.ts';
import { Load, definition } from './bench/api/loads.ts';
import { table, milliseconds, median, percentile } from './bench/figures.ts';
import { residentSetMebibytes } from './bench/processes.ts';
import { build } from './lib/build.ts';
import { checkout } from './lib/checkout.ts';
import { main, step } from './lib/steps.ts';

const { values } = parseArgs({
  options: {
    objects: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    pids: { type: 'string', default: '' },
  },
});
const objects = Number(values.objects);
const rounds = Number(values.rounds);
const LISTED = Math.min(4200, objects);
const WATCHES = 1000;

/** One of the two that are compared. */
interface Contestant {
  readonly load: Load;
  readonly pids: readonly number[];
}

async function startEmbedded(
  dataDir: string,
): Promise<{ server: Server; child: ChildProcess; readyMs: number }> {
  const since = performance.now();
  const program = join(checkout, 'scripts/bench/api/server-process.mjs');
  const child = spawn(process.execPath, [...NODE_FLAGS, program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...SMALL_MALLOC },
  });
  if (!child.stdout) throw new Error('the server has no standard output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { server: JSON.parse(line) as Server, child, readyMs: performance.now() - since };
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function genuine(): Promise<Contestant | undefined> {
  const kubeconfig = process.env['KUBECONFIG'];
  if (!kubeconfig) return undefined;
  const { url, caPem, token } = await serverOf(kubeconfig);
  if (!token) throw new Error('the user of KUBECONFIG must have a token');
  return { load: new Load({ url, caPem, token }), pids: values.pids.split(',').filter(Boolean).map(Number) };
}

type Measure = (contestant: Contestant) => Promise<number>;

class Comparison {
  readonly rows: string[][] = [];
  readonly #contestants: readonly Contestant[];

  constructor(contestants: readonly Contestant[]) {
    this.#contestants = contestants;
  }

  /** Each in turn, so often; the medians, and their ratio. */
  async take(
    what: string,
    unit: 'per second' | 'ms' | 'MiB',
    aim: string,
    measure: Measure,
    times = rounds,
  ): Promise<void> {
    const medians = await step(what, async ({ note }) => {
      const taken: number[][] = this.#contestants.map(() => []);
      for (let round = 0; round < times; round++)
        for (const [i, contestant] of this.#contestants.entries()) taken[i]?.push(await measure(contestant));
      const each = taken.map(median);
      note(each.map((value) => shown(value, unit)).join(' against '));
      return each;
    });
    const [ours = Number.NaN, theirs] = medians;
    const ratio = theirs === undefined ? '' : `${(ours / theirs).toFixed(2)} ×`;
    this.rows.push([what, shown(ours, unit), theirs === undefined ? '' : shown(theirs, unit), ratio, aim]);
  }
}

function shown(value: number, unit: 'per second' | 'ms' | 'MiB'): string {
  if (Number.isNaN(value)) return '–';
  if (unit === 'ms') return value < 20 ? `${value.toFixed(1)} ms` : milliseconds(value);
  return unit === 'MiB' ? `${Math.round(value)} MiB` : `${Math.round(value).toLocaleString('en')}/s`;
}

const resident: Measure = async ({ pids }) => {
  if (pids.length === 0) return Number.NaN;
  const each = await Promise.all(pids.map(residentSetMebibytes));
  return each.reduce((sum, value) => sum + value, 0);
};

async function bench(): Promise<void> {
  await step('building Purlin', build);
  const directory = await mkdtemp(join(tmpdir(), 'purlin-bench-api-'));
  await mkdir(join(directory, 'crds'));
  let embedded = await startEmbedded(directory);
  let other: Contestant | undefined;
  try {
    other = await genuine();
    const ours: Contestant = { load: new Load(embedded.server), pids: [embedded.child.pid ?? 0] };
    const contestants = other ? [ours, other] : [ours];
    const comparison = new Comparison(contestants);
    for (const { load } of contestants) await define(load);
    await compare(comparison);
    const { bytes } = await ours.load.list(1);
    await ours.load.client.close();
    await stop(embedded.child);
    embedded = await startEmbedded(directory);
    comparison.rows.push([
      `start to ready with ${objects} objects`,
      milliseconds(embedded.readyMs),
      '',
      '',
      '',
    ]);
    const head = ['what', 'Purlin', 'kube-apiserver', 'ratio', 'aim'];
    process.stdout.write(
      `${table(head, comparison.rows)}\n\n${objects} objects are ${Math.round(bytes / 1024)} KiB as a list.\n`,
    );
  } finally {
    await other?.load.client.close();
    await stop(embedded.child);
    await rm(directory, { recursive: true });
  }
}

async function define({ client, served }: Load): Promise<void> {
  await client.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  // A moment later, where definitions do not take effect with the answer.
  while (!(await served())) await delay(100);
}

type Request = 'create' | 'get' | 'apply';

/** What is done, how many at a time, how often in a round. */
const RATES: readonly (readonly [what: Request, named: string, wide: number, count: number])[] = [
  ['create', 'creates', 1, 300],
  ['create', 'creates', 16, 1000],
  ['get', 'gets', 1, 600],
  ['get', 'gets', 16, 2000],
  ['apply', 'applies', 1, 300],
  ['apply', 'applies', 16, 1000],
];

const rateOf =
  (what: Request, wide: number, count: number): Measure =>
  ({ load }) =>
    load.rate(wide, count, load[what]);

async function compare(comparison: Comparison): Promise<void> {
  for (const [what, named, wide, count] of RATES) {
    const how = wide === 1 ? 'one by one' : `${wide} at once`;
    await comparison.take(`${named}, ${how}`, 'per second', '≥ 2 ×', rateOf(what, wide, count));
  }
  await comparison.take(`list of ${LISTED} objects`, 'ms', '≤ 0.5 ×', async ({ load }) => {
    await load.fill(LISTED);
    return (await load.list(3)).ms;
  });
  await comparison.take('watch latency of 50 watchers, p50', 'ms', '≤ 1 ×', async ({ load }) =>
    percentile(await load.watchLatencies(50, 40), 50),
  );
  await comparison.take('… p99', 'ms', '', async ({ load }) =>
    percentile(await load.watchLatencies(50, 40), 99),
  );
  await comparison.take(
    `memory with ${objects} objects`,
    'MiB',
    '≤ 150 MB',
    async (contestant) => {
      await contestant.load.fill(objects);
      return resident(contestant);
    },
    1,
  );
  let opened: (() => Promise<void>)[] = [];
  await comparison.take(
    `memory with ${WATCHES} watches open besides`,
    'MiB',
    'flat',
    async (contestant) => {
      opened.push(await contestant.load.openWatches(WATCHES, () => undefined));
      return resident(contestant);
    },
    1,
  );
  await comparison.take('creates one by one meanwhile', 'per second', '', rateOf('create', 1, 100), 1);
  await comparison.take('gets one by one meanwhile', 'per second', 'flat', rateOf('get', 1, 600), 1);
  for (const close of opened) await close();
  opened = [];
}

await main(bench);
