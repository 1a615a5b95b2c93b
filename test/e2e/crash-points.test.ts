/**
 * A sample of `npm run test:crash`, which tries everything that can go wrong at each boundary of a life: here each
 * twelfth fault of the quickstart's own life, but for those that freeze a process for longer than its locks last.
 */
import { expect, jest, test } from '@jest/globals';
import { campaign } from '../crash/campaign.ts';
import { courses } from '../crash/courses.ts';
import { isSound } from '../crash/soundness.ts';
import { tableOf } from '../crash/table.ts';

jest.setTimeout(900_000);

test('a life ends like a clean one, whatever goes wrong in it', async () => {
  const told: string[] = [];
  const findings = await campaign({
    scope: 'sample',
    courses: courses.filter(({ name }) => name === 'short'),
    choose: (faults) =>
      faults.filter(({ kind }) => !kind.startsWith('frozen')).filter((_, index) => index % 12 === 0),
    sites: 1,
    say: (line) => told.push(line),
  });
  if (!isSound(findings)) throw new Error([...told, tableOf(findings)].join('\n'));
  expect(findings.tried.length).toBeGreaterThan(25);
});
