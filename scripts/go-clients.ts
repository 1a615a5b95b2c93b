/**
 * Runs programs written with client-go and controller-runtime against the embedded API server, or against the one of
 * KUBECONFIG. They are test/clients/go, built by the machine's own Go, or already built in PURLIN_TEST_GO_CLIENTS.
 *
 *   npm run test:go-clients
 */
import { join } from 'node:path';
import { execa } from 'execa';
import { withEmbeddedServer } from '../test/differential/embedded.ts';
import { cacheDir, checkout } from './lib/checkout.ts';
import { main, step } from './lib/steps.ts';

async function clients(): Promise<string | undefined> {
  const given = process.env['PURLIN_TEST_GO_CLIENTS'];
  if (given) return given;
  const { failed } = await execa('go', ['version'], { reject: false });
  if (failed) return undefined;
  const binary = join(cacheDir, 'bin', 'go-clients');
  await step('building the clients', () =>
    execa('go', ['build', '-o', binary, '.'], { cwd: join(checkout, 'test/clients/go') }),
  );
  return binary;
}

const run = async (binary: string, kubeconfig: string): Promise<number> => {
  const options = { env: { KUBECONFIG: kubeconfig }, stdout: 'inherit', reject: false } as const;
  const { exitCode, stderr } = await execa(binary, [], options);
  if (exitCode !== 0) process.stderr.write(`${stderr}\n`);
  return exitCode ?? 1;
};

await main(async () => {
  const binary = await clients();
  if (!binary) {
    console.log('skipped: there is no Go here, and PURLIN_TEST_GO_CLIENTS names no program');
    return;
  }
  const given = process.env['KUBECONFIG'];
  process.exitCode = given
    ? await run(binary, given)
    : await withEmbeddedServer(({ kubeconfigPath }) => run(binary, kubeconfigPath));
});
