/** However many start at once with a data directory whose owner was killed, one gets it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = new URL('./lock-holder-process.ts', import.meta.url).pathname;
const AT_ONCE = 6;
const ROUNDS = 4;

interface Holder {
  readonly child: ChildProcess;
  line(): Promise<string>;
}

let directory: string;
let holders: Holder[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purlin-lock-'));
  holders = [];
});
afterEach(async () => {
  await Promise.all(holders.map(killed));
  rmSync(directory, { recursive: true });
});

function start(which: string): Holder {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, which, socket()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const holder = { child, line: async () => (await lines.next()).value as string };
  holders.push(holder);
  return holder;
}

const socket = (): string => join(directory, 'some.sock');

async function killed({ child }: Holder): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill('SIGKILL');
  await over;
}

test.each(['store', 'control'])(
  'the %s socket has one owner',
  async (which) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const rivals = Array.from({ length: AT_ONCE }, () => start(which));
      expect(new Set(await Promise.all(rivals.map((rival) => rival.line())))).toEqual(new Set(['ready']));
      for (const { child } of rivals) child.stdin?.write('go\n');
      const answers = await Promise.all(rivals.map((rival) => rival.line()));
      expect(answers.sort()).toEqual([...Array<string>(AT_ONCE - 1).fill('AlreadyRunning'), 'held']);
      await Promise.all(rivals.map(killed));
      // What the next ones find.
      expect(existsSync(socket())).toBe(true);
    }
    expect(statSync(`${socket()}.lock`).mode & 0o777).toBe(0o600);
  },
  60_000,
);
