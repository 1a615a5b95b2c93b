/** Helm 4: charts with definitions, hooks, custom and built-in objects; `--wait` waits. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { execa } from 'execa';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

// Each call of Helm is a process, and the machine may be busy with other tests.
jest.setTimeout(120_000);

const CHART = new URL('./charts/fleet', import.meta.url).pathname;
const BOATS = '/apis/fleet.example.com/v1/namespaces/port/boats';
const MERGE = { 'content-type': 'application/merge-patch+json' };

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

function start(...args: string[]) {
  const binary = process.env['PURLIN_TEST_HELM'] ?? 'helm';
  const home = join(api.dataDir, 'helm');
  const env = { KUBECONFIG: api.server.kubeconfigPath, HOME: home, HELM_NAMESPACE: 'port' };
  return execa(binary, [...args, ...(args[0] === 'install' ? ['--create-namespace'] : [])], {
    env,
    extendEnv: false,
    reject: false,
    timeout: 100_000,
  });
}

/** Runs Helm and expects success; returns what it printed. */
const ok = (...args: string[]): Promise<string> => success(start(...args));

/** Waits for a run of Helm and expects success without complaints; returns what it printed. */
async function success(run: ReturnType<typeof start>): Promise<string> {
  const { command, exitCode, stdout, stderr } = await run;
  const complaints = stderr.split('\n').filter((line) => line !== '' && !endsItsOwnWatch.test(line));
  expect({ command, exitCode, complaints }).toEqual({ command, exitCode: 0, complaints: [] });
  return stdout;
}

/** client-go says so when Helm has seen what it waits for, and ends its watch just as an event comes. */
const endsItsOwnWatch = /reflector\.go.*watch ended with error.*context canceled/;

async function boats(): Promise<Record<string, unknown>> {
  const { body } = await api.call('GET', BOATS);
  const items = body['items'] as unknown as { metadata: { name: string }; spec: { color: string } }[];
  return Object.fromEntries(items.map(({ metadata, spec }) => [metadata.name, spec.color]));
}

const exists = async (path: string): Promise<boolean> => (await api.call('GET', path)).status === 200;

test('a release is installed, upgraded, rolled back and uninstalled', async () => {
  expect(await ok('install', 'one', CHART, '--wait')).toContain('2 boats, red.');
  expect(await boats()).toEqual({ 'one-0': 'red', 'one-1': 'red' });
  expect(await exists('/api/v1/namespaces/port/configmaps/one-before-1')).toBe(true);
  await ok('upgrade', 'one', CHART, '--set', 'color=blue,boats=3', '--wait');
  expect(await boats()).toEqual({ 'one-0': 'blue', 'one-1': 'blue', 'one-2': 'blue' });
  await ok('rollback', 'one', '1', '--wait');
  expect(await boats()).toEqual({ 'one-0': 'red', 'one-1': 'red' });
  expect(JSON.parse(await ok('history', 'one', '--output', 'json'))).toMatchObject([
    { revision: 1, status: 'superseded' },
    { revision: 2, status: 'superseded' },
    { revision: 3, status: 'deployed', description: 'Rollback to 1' },
  ]);
  await ok('uninstall', 'one', '--wait');
  expect(await boats()).toEqual({});
  expect(await exists('/api/v1/namespaces/port/secrets/one-key')).toBe(false);
  // What a chart defines outlives its releases.
  expect(
    await exists('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.fleet.example.com'),
  ).toBe(true);
});

test('what the server refuses is told, and the release stays as it was', async () => {
  await ok('install', 'refused', CHART);
  const { exitCode, stderr } = await start('upgrade', 'refused', CHART, '--set', 'color=purple');
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    'Boat.fleet.example.com "refused-0" is invalid: spec.color: Unsupported value: "purple": supported values: "red", "green", "blue"',
  );
  expect(JSON.parse(await ok('history', 'refused', '--output', 'json'))).toMatchObject([
    { revision: 1, status: 'deployed' },
    { revision: 2, status: 'failed' },
  ]);
  await ok('uninstall', 'refused');
});

test('fields that somebody else took are not taken back without force', async () => {
  await ok('install', 'shared', CHART, '--set', 'boats=1');
  await api.call('PATCH', `${BOATS}/shared-0?fieldManager=captain`, { spec: { color: 'green' } }, MERGE);
  const { exitCode, stderr } = await start('upgrade', 'shared', CHART, '--set', 'boats=1,color=blue');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('conflict with "captain" using fleet.example.com/v1: .spec.color');
  await ok('upgrade', 'shared', CHART, '--set', 'boats=1,color=blue', '--force-conflicts');
  expect(await boats()).toEqual({ 'shared-0': 'blue' });
  await ok('uninstall', 'shared');
});

test('an upgrade that waits ends when the change was observed, an uninstall when nothing is left', async () => {
  await ok('install', 'slow', CHART, '--set', 'boats=1,hold=true');
  const observe = (observedGeneration: number) =>
    api.call('PATCH', `${BOATS}/slow-0/status`, { status: { observedGeneration } }, MERGE);
  await observe(1);
  // Each time a whole other run of Helm passes, which is more than it needs to end when it does not wait.
  const ended = { upgrade: false, uninstall: false };

  const changes = await api.watch(`${BOATS}?watch=1`);
  const upgrade = start('upgrade', 'slow', CHART, '--set', 'boats=1,hold=true,color=blue', '--wait');
  void upgrade.then(() => (ended.upgrade = true));
  await until(changes, ({ metadata }) => metadata['generation'] === 2);
  await ok('list');
  expect(ended.upgrade).toBe(false);
  await observe(2);
  await success(upgrade);

  const uninstall = start('uninstall', 'slow', '--wait');
  void uninstall.then(() => (ended.uninstall = true));
  await until(changes, ({ metadata }) => metadata['deletionTimestamp'] !== undefined);
  await ok('list');
  expect(ended.uninstall).toBe(false);
  await api.call('PATCH', `${BOATS}/slow-0`, { metadata: { finalizers: null } }, MERGE);
  await success(uninstall);
  changes.close();
  expect(await boats()).toEqual({});
});

async function until(
  changes: Awaited<ReturnType<TestServer['watch']>>,
  wanted: (object: { metadata: Record<string, unknown> }) => boolean,
): Promise<void> {
  for (;;) {
    const event = await changes.next();
    if (!event) throw new Error('the watch ended');
    if (wanted(event.object)) return;
  }
}
