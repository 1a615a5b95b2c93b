/** A sample of the campaign; `npm run test:campaign` plays all of it. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { checkout } from '../../scripts/lib/checkout.ts';

/** In a process of its own, as the simulated worlds are, and after everybody else. */
const campaign = async (...args: string[]): Promise<string> => {
  const command = [process.execPath, '--disable-warning=ExperimentalWarning'];
  const script = join(checkout, 'scripts/campaign.ts');
  const options = { reject: false, cwd: checkout } as const;
  return (await execa('nice', ['-n', '19', ...command, script, ...args], options)).stdout;
};

test('on simulated hosts each transition ends as its specs say', async () => {
  const said = await campaign('--simulated', '--every', '23');
  expect(said).toMatch(/^\d{3} transitions on simulated hosts in \d+ s, 0 at fault$/m);
}, 300_000);

test('and so it does on real libvirt', async () => {
  const said = await campaign('--real', '--every', '37');
  expect(said).toMatch(/^1\d transitions on real libvirt in \d+ s, 0 at fault$/m);
}, 600_000);
