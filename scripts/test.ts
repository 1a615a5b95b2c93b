/** `npm test`: installs what the tests need, then runs all of them; arguments are passed on to jest. */
import { availableParallelism } from 'node:os';
import { execa } from 'execa';
import { demoImage } from './demo-image.ts';
import { checkout } from './lib/checkout.ts';
import { build } from './lib/build.ts';
import { pinnedClient } from './lib/pinned-clients.ts';
import { main, step } from './lib/steps.ts';
import { installSystemPackages } from './setup.ts';

/** Emulated guests keep a core busy while they boot, so more workers than cores would only make them time out. */
const workers = Math.max(2, Math.floor(availableParallelism() / 2));

async function test(): Promise<void> {
  await step('system packages', installSystemPackages);
  // The API is tested with the newer kubectl, everything else with the older one: two versions in one run.
  const [kubectl, helm] = await step('pinned kubectl and Helm', () =>
    Promise.all([pinnedClient('kubectl'), pinnedClient('helm'), pinnedClient('kubectl-1.33')]),
  );
  await step('demo image', demoImage);
  await step('building Purlin', build);
  const nodeOptions = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jest = [...nodeOptions, 'node_modules/jest/bin/jest.js', `--maxWorkers=${workers}`];
  const { exitCode } = await execa(process.execPath, [...jest, ...process.argv.slice(2)], {
    cwd: checkout,
    env: {
      PURLIN_TEST_KUBECTL: kubectl,
      PURLIN_TEST_HELM: helm,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
    reject: false,
  });
  process.exitCode = exitCode ?? 1;
}

await main(test);
