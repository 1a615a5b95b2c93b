import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

type Kubectl = (...args: string[]) => Promise<string>;

/** kubectl that must succeed and gives what it printed, and one that must fail and gives what it complained of. */
export const expecting = (api: () => TestServer): { ok: Kubectl; fails: Kubectl } => ({
  ok: async (...args) => {
    const { code, stdout, stderr } = await api().kubectl(...args);
    expect({ args, code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  },
  fails: async (...args) => {
    const { code, stderr } = await api().kubectl(...args);
    expect({ args, code }).not.toMatchObject({ code: 0 });
    return stderr;
  },
});

/** A server for the tests of one file, with kubectl. Each call of that is a process, and the machine may be busy. */
export function servedTests(crdsDir?: string): { api: () => TestServer; ok: Kubectl; fails: Kubectl } {
  let server: TestServer;
  jest.setTimeout(120_000);
  beforeAll(async () => {
    server = await startTestServer(crdsDir);
  });
  afterAll(() => server.stop());
  const api = () => server;
  return { api, ...expecting(api) };
}

/** Waits for what the server comes to by itself. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await new Promise(setImmediate);
  }
}
