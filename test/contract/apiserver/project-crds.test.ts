import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

const CRDS = new URL('../../../crds', import.meta.url).pathname;

// Each call of kubectl is a process, and the machine may be busy with other tests.
jest.setTimeout(120_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer(CRDS);
});
afterAll(() => api.stop());

test("the project's own kinds are served and explained", async () => {
  const { stdout } = await api.kubectl('api-resources', '--api-group=purlin.dev', '-o', 'name');
  const names = stdout.split('\n');
  expect(names).toEqual(
    expect.arrayContaining(['machines.purlin.dev', 'disks.purlin.dev', 'hosts.purlin.dev']),
  );
  for (const name of names) {
    const explained = await api.kubectl('explain', name, '--recursive');
    expect(explained.code).toBe(0);
    expect(explained.stdout).toMatch(/\n {2}spec\t/);
    expect((await api.kubectl('get', name)).code).toBe(0);
  }
});

test('Machines are among what kubectl get all shows, and what holds data is not deleted with it', async () => {
  const { stdout } = await api.kubectl('api-resources', '--categories=all', '-o', 'name');
  expect(stdout).toBe('machines.purlin.dev');
});

test('a definition is an object that can be read', async () => {
  const { stdout } = await api.kubectl(
    'wait',
    '--for=condition=Established',
    'crd/machines.purlin.dev',
    '--timeout=5s',
  );
  expect(stdout).toMatch(/condition met/);
});
