/**
 * `npm run bench`: Purlin's own cost, each figure against the same work done by hand in the same run where there is
 * such a thing. Prints a Markdown table. `--machines N` (50), `--rounds N` (10), `--idle-seconds N` (60).
 */
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { bridgeName } from '../src/values/links.ts';
import { ByHand } from './bench/by-hand.ts';
import { type Figure, markdown, median, milliseconds, percentile } from './bench/figures.ts';
import { childrenEnded, cpuSeconds, residentMebibytes } from './bench/processes.ts';
import { BenchSite } from './bench/site.ts';
import { build } from './lib/build.ts';
import { main, step } from './lib/steps.ts';
import { installSystemPackages } from './setup.ts';

const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '10' },
    'idle-seconds': { type: 'string', default: '60' },
  },
});
const machineCount = Number(values.machines);
const rounds = Number(values.rounds);
const idleSeconds = Number(values['idle-seconds']);
const PARALLEL = 8;

const api = { apiVersion: 'purlin.dev/v1alpha1' };

const machine = (name: string): object => ({
  ...api,
  kind: 'Machine',
  metadata: { name },
  spec: {
    memory: '80Mi',
    terminationGracePeriodSeconds: 0,
    disks: [{ name: 'root', template: { spec: { size: '256Mi', source: { imageRef: { name: 'demo' } } } } }],
    interfaces: [{ name: 'eth0', subnetRef: { name: 'bench' } }],
  },
});

async function bench(): Promise<void> {
  await step('system packages', installSystemPackages);
  await step('building Purlin', build);
  await using site = await BenchSite.create();
  const figures: Figure[] = [];
  await step('purlin up', () => site.up());
  await site.followStarts();
  await site.apply([
    { ...api, kind: 'Image', metadata: { name: 'demo' }, spec: { source: { file: site.image } } },
    { ...api, kind: 'Subnet', metadata: { name: 'bench' }, spec: { cidr: '10.77.0.0/22' } },
  ]);
  await site.run(['wait', '--for=condition=Ready', 'image/demo', 'subnet/bench', '--timeout=60s']);
  const subnetUid = await site.run(['get', 'subnet/bench', '-o', 'jsonpath={.metadata.uid}']);
  const bridge = bridgeName(subnetUid);

  const byHand = await ByHand.like(site, await startOne(site, 'sample'));
  figures.push(await step('one at a time', () => oneAtATime(site, byHand, bridge)));
  figures.push(await step('QEMU killed', () => healing(site)));
  await site.run(['delete', 'machine', '--all', '--timeout=120s']);
  figures.push(...(await step(`${machineCount} at once`, () => manyAtOnce(site, byHand, bridge))));
  figures.push(...(await step(`idle for ${idleSeconds} s`, () => idle(site))));
  figures.push(await step('start with 1,000 objects', () => startWithObjects(site)));
  process.stdout.write(`${markdown(figures)}\n`);
}

async function startOne(site: BenchSite, name: string): Promise<string> {
  const since = performance.now();
  await site.apply([machine(name)]);
  await site.starts(since, 1);
  return site.run(['get', `machine/${name}`, '-o', 'jsonpath={.metadata.uid}']);
}

/** (a) From the start of `kubectl apply` to libvirt's event that the domain runs. The two alternate. */
async function oneAtATime(site: BenchSite, byHand: ByHand, bridge: string): Promise<Figure> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const since = performance.now();
    const applied = site.apply([machine(`one-${round}`)]);
    const [running = Number.NaN] = await site.starts(since, 1);
    ours.push(running - since);
    await applied;
    await site.run(['delete', `machine/one-${round}`, '--timeout=60s']);
    theirs.push(await byHand.make(bridge));
    await byHand.removeAll();
  }
  const ratio = median(ours) / median(theirs);
  return {
    what: `(a) kubectl apply → domain running, median of ${rounds}`,
    value: `${milliseconds(median(ours))}: ${ratio.toFixed(2)} × by hand`,
    against: milliseconds(median(theirs)),
    aim: '≤ 1.25 ×',
  };
}

/** (e) From SIGKILL to libvirt's event that the domain runs again; a guest each, since one that dies again and again is started later and later. */
async function healing(site: BenchSite): Promise<Figure> {
  const times: number[] = [];
  const untilTold: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const uid = await startOne(site, `killed-${round}`);
    await site.run(['wait', '--for=condition=Ready', `machine/killed-${round}`, '--timeout=60s']);
    const pid = await site.qemuOf(uid);
    const since = performance.now();
    process.kill(pid, 'SIGKILL');
    const [running = Number.NaN] = await site.starts(since, 1);
    times.push(running - since);
    untilTold.push(site.stoppedAt(uid) - since);
  }
  return {
    what: '(e) QEMU killed → running again, median of 5',
    value: milliseconds(median(times)),
    against: `${milliseconds(median(untilTold))} until libvirt told that it had stopped`,
  };
}

/** (b) All applied by one kubectl; by hand, 8 at a time, which is how Purlin works. */
async function manyAtOnce(site: BenchSite, byHand: ByHand, bridge: string): Promise<Figure[]> {
  const handStarted = performance.now();
  const queue = Array.from({ length: machineCount }, (_, index) => index);
  const handMoments: number[] = [];
  const worker = async (): Promise<void> => {
    while (queue.pop() !== undefined) {
      await byHand.make(bridge);
      handMoments.push(performance.now() - handStarted);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  await byHand.removeAll();

  const since = performance.now();
  await site.apply(Array.from({ length: machineCount }, (_, index) => machine(`many-${index}`)));
  const moments = (await site.starts(since, machineCount)).map((moment) => moment - since);
  const rate = (all: number[]): string => `${((machineCount / Math.max(...all)) * 1000).toFixed(2)}/s`;
  return [
    {
      what: `(b) ${machineCount} Machines at once: throughput`,
      value: `${rate(moments)}: all after ${milliseconds(Math.max(...moments))}`,
      against: `${rate(handMoments)}: all after ${milliseconds(Math.max(...handMoments))}`,
    },
    {
      what: `(b) ${machineCount} Machines at once: p95 from apply to running`,
      value: milliseconds(percentile(moments, 95)),
      against: milliseconds(percentile(handMoments, 95)),
    },
  ];
}

/** (c), (d) After convergence, all guests booted: nothing is spawned, next to nothing computed. */
async function idle(site: BenchSite): Promise<Figure[]> {
  await site.run(['wait', '--for=condition=Ready', 'machine', '--all', '--timeout=300s']);
  await site.booted();
  await delay(10_000); // The last Events and status writes; what is measured is silence, not convergence.
  const pids = await site.ownProcesses();
  const [cpuBefore, childrenBefore] = [await cpuSeconds(pids), await childrenEnded(pids)];
  await delay(idleSeconds * 1000);
  const [cpuAfter, childrenAfter] = [await cpuSeconds(pids), await childrenEnded(pids)];
  const memory = await Promise.all(pids.map(residentMebibytes));
  const share = ((cpuAfter - cpuBefore) / idleSeconds) * 100;
  return [
    {
      what: `(c) idle with ${machineCount} Machines: CPU of all of Purlin`,
      value: `${share.toFixed(2)} % of a core`,
      aim: '< 1 %',
    },
    {
      what: `(c) idle with ${machineCount} Machines: child processes of Purlin that ended`,
      value: `${childrenAfter === childrenBefore ? 'none' : 'some'} in ${idleSeconds} s`,
      aim: 'none',
    },
    {
      what: '(d) memory of all of Purlin (PSS of supervisor, redis, control plane, agent)',
      value: `${memory.map((each) => each.toFixed(0)).join(' + ')} = ${memory.reduce((sum, each) => sum + each, 0).toFixed(0)} MiB`,
      aim: '≤ 200 MB',
    },
  ];
}

/** (f) Disks that wait for their first Machine: objects that the controllers must load and look at. */
async function startWithObjects(site: BenchSite): Promise<Figure> {
  const disks = Array.from({ length: 1000 }, (_, index) => ({
    ...api,
    kind: 'Disk',
    metadata: { name: `waiting-${index}` },
    spec: { size: '1Gi' },
  }));
  await site.apply(disks);
  await site.down();
  const times = [];
  for (let round = 0; round < 3; round += 1) {
    times.push(await site.up());
    await site.down();
  }
  await site.up();
  return {
    what: '(f) daemon start → ready with 1,000 further objects, median of 3',
    value: milliseconds(median(times)),
  };
}

await main(bench);
