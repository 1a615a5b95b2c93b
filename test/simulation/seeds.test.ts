/** Whole installations under faults, a batch of seeds a test; `npm run simulate -- --seed N` tells the story of one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { checkout } from '../../scripts/lib/checkout.ts';
import { coverageOf, readReports } from '../../scripts/simulate/coverage.ts';

const batches = 10;
/** Each in a process of its own: these worlds are the last to end, and would leave the other core idle. */
const processes = 2;
const seedsInProcess = 250;
const script = join(checkout, 'scripts/simulate.ts');

/**
 * In a process of its own, because jest's module registry and realm would slow every step down; and after everybody
 * else, because guests that boot beside it must answer in time, and it need not.
 */
const simulate = (...args: string[]) =>
  execa('nice', ['-n', '19', process.execPath, '--disable-warning=ExperimentalWarning', script, ...args], {
    reject: false,
    cwd: checkout,
  });

describe('simulated worlds', () => {
  const firstSeeds = Array.from({ length: batches * processes }, (_, index) => index * seedsInProcess + 1);
  let reports: string;
  const reportFrom = (seed: number): string => join(reports, `${seed}.json`);

  beforeAll(async () => {
    reports = await mkdtemp(join(tmpdir(), 'purlin-seeds-'));
  });
  afterAll(async () => {
    await rm(reports, { recursive: true });
  });

  const worldsFrom = async (first: number): Promise<string> => {
    const seeds = ['--from', String(first), '--seeds', String(seedsInProcess)];
    return (await simulate(...seeds, '--report', reportFrom(first))).stdout;
  };

  const medians = (told: string): number[] =>
    (/^median: .*$/m.exec(told)?.[0].match(/\d+/g) ?? []).map(Number);

  test.each(firstSeeds.filter((_, index) => index % processes === 0))(
    'seeds from %i: no promise is broken, everything converges and falls silent',
    async (from) => {
      const firsts = firstSeeds.filter((first) => first >= from).slice(0, processes);
      for (const told of await Promise.all(firsts.map(worldsFrom))) {
        expect(told).toContain(`${seedsInProcess} seeds, 0 broken`);
        const [hosts, objects, steps, faults] = medians(told);
        expect(hosts).toBeGreaterThanOrEqual(3);
        expect(objects).toBeGreaterThanOrEqual(20);
        expect(steps).toBeGreaterThanOrEqual(300);
        expect(faults).toBeGreaterThanOrEqual(5);
      }
    },
    900_000,
  );

  test('together they met every fault during every action, and reached every branch of every planner', async () => {
    expect(coverageOf(await readReports(firstSeeds.map(reportFrom))).missed).toEqual([]);
  });

  test('a seed leads to the same story each time, another one to another', async () => {
    const trace = async (seed: string) =>
      /trace ([0-9a-f]{64})/.exec((await simulate('--seed', seed)).stdout)?.[1];
    const [first, again, other] = await Promise.all([trace('7'), trace('7'), trace('8')]);
    expect(first).toBeDefined();
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  }, 60_000);

  test('a defect that was put in is caught', async () => {
    const { stdout } = await simulate('--mutants', '--only', 'of before the agent was restarted');
    expect(stdout).toContain('1 of 1 defects caught');
  }, 120_000);
});
