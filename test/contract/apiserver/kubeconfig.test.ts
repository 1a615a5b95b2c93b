/** `purlin kubeconfig` for users and ServiceAccounts, tried with kubectl. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(120_000);

const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname;

let api: TestServer;
/** A data directory as `purlin up` makes it, around the server of the test. */
let dataDir: string;
beforeAll(async () => {
  api = await startTestServer();
  await api.kubectl('wait', '--for=create', 'serviceaccount/default');
  dataDir = await mkdtemp(join(tmpdir(), 'purlin-installation-'));
  await symlink(api.dataDir, join(dataDir, 'api'));
  await copyFile(api.server.kubeconfigPath, join(dataDir, 'kubeconfig'));
});
afterAll(async () => {
  await api.stop();
  await rm(dataDir, { recursive: true });
});

async function purlin(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = [
    '--disable-warning=ExperimentalWarning',
    MAIN,
    'kubeconfig',
    '--data-dir',
    dataDir,
    ...args,
  ];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, { reject: false });
  return { code: exitCode ?? -1, stdout, stderr };
}

/** Runs kubectl with what `purlin kubeconfig` printed, and nothing else. */
async function kubectlAs(kubeconfig: string, ...args: string[]): Promise<string> {
  const file = join(dataDir, 'other');
  await writeFile(file, kubeconfig);
  const { stdout, stderr } = await api.kubectl('--kubeconfig', file, ...args);
  return stdout + stderr;
}

test('a user with groups works in the namespace that is given, and in no other', async () => {
  await api.kubectl('create', 'namespace', 'team-a');
  await api.kubectl('create', 'rolebinding', 'a', '--clusterrole=edit', '--group=team-a', '-n', 'team-a');
  const { code, stdout } = await purlin(
    '--user=jane',
    '--group=team-a',
    '--group=devs',
    '--namespace=team-a',
  );
  expect(code).toBe(0);
  expect(await kubectlAs(stdout, 'auth', 'whoami')).toMatch(
    /Username +jane\nGroups +\[team-a devs system:authenticated\]/,
  );
  expect(await kubectlAs(stdout, 'create', 'configmap', 'mine')).toBe('configmap/mine created');
  expect(await kubectlAs(stdout, 'get', 'configmaps', '-n', 'default')).toMatch(
    /configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "default"/,
  );
});

test('a ServiceAccount works in its own namespace until it is deleted', async () => {
  await api.kubectl('create', 'namespace', 'team-b');
  await api.kubectl('create', 'serviceaccount', 'deployer', '-n', 'team-b');
  const binding = ['deployer', '--clusterrole=edit', '--serviceaccount=team-b:deployer', '-n', 'team-b'];
  await api.kubectl('create', 'rolebinding', ...binding);
  const { code, stdout } = await purlin('--serviceaccount=team-b/deployer', '--expires=12h');
  expect(code).toBe(0);
  expect(await kubectlAs(stdout, 'create', 'configmap', 'mine')).toBe('configmap/mine created');
  await api.kubectl('delete', 'serviceaccount', 'deployer', '-n', 'team-b');
  expect(await kubectlAs(stdout, 'get', 'configmaps')).toMatch(/Unauthorized/);
});

test('without a name it is the administrator’s', async () => {
  expect(await kubectlAs((await purlin()).stdout, 'auth', 'whoami')).toMatch(/system:masters/);
});

test.each([
  [['--serviceaccount=default/nobody'], /serviceaccounts "nobody" not found/],
  [['--serviceaccount=default'], /write NAMESPACE\/NAME/],
  [['--serviceaccount=default/default', '--expires=1m'], /may not specify a duration less than 10 minutes/],
  [['--expires=soon', '--user=x'], /a duration is a number with m, h or d/],
  [['--user='], /a name of a user or a group is empty/],
  [['--group=x'], /groups are given to a user; add --user/],
  [['--user=x', '--serviceaccount=a/b'], /a user or a ServiceAccount, not both/],
])('%s is refused, and nothing is printed', async (args, message) => {
  const { code, stdout, stderr } = await purlin(...args);
  expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
});
