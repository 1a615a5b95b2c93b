import { expect } from '@jest/globals';
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
