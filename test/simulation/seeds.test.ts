/** Whole installations under faults, a batch of seeds a test; `npm run simulate -- --seed N` tells the story of one. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { checkout } from '../../scripts/lib/checkout.ts';

const batches = Number(process.env['PURLIN_SIMULATE_BATCHES'] ?? 20);
const seedsInBatch = 250;
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
  test.each(Array.from({ length: batches }, (_, batch) => batch * seedsInBatch + 1))(
    'seeds from %i: no promise is broken, everything converges and falls silent',
    async (from) => {
      const { stdout } = await simulate('--from', String(from), '--seeds', String(seedsInBatch));
      expect(stdout).toContain(`${seedsInBatch} seeds, 0 broken`);
    },
    900_000,
  );

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
