import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openStore } from '../../../src/store/index.ts';

/** Writes for ever and prints each acknowledged key with its revision. */
const WRITER = `
import { openStore } from ${JSON.stringify(new URL('../../../src/store/index.ts', import.meta.url).pathname)};
const store = openStore({ file: process.argv[1], historyRevisions: 500 });
const lane = async (name) => {
  for (let i = 0; ; i++) {
    const key = '/' + name + '/' + process.pid + '-' + i;
    const { revision } = await store.create(key, 'x'.repeat(i % 3000));
    process.stdout.write(key + ' ' + revision + '\\n');
  }
};
for (const name of ['a', 'b', 'c', 'd']) void lane(name);
`;

test('kill -9 at any moment loses no acknowledged write', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'purlin-durability-'));
  const file = join(directory, 'store.db');
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const enough = acknowledged.size + 150 + round * 37;
    for await (const line of createInterface(child.stdout)) {
      const [key = '', revision, ...rest] = line.split(' ');
      // The last line may have been cut by the kill.
      if (rest.length === 0 && revision) acknowledged.set(key, Number(revision));
      if (acknowledged.size === enough) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');

    const store = openStore({ file });
    const lost = [...acknowledged].filter(([key, revision]) => store.get(key)?.revision !== revision);
    expect(lost).toEqual([]);
    expect(store.revision).toBeGreaterThanOrEqual(Math.max(...acknowledged.values()));
    store.close();
  }
  await rm(directory, { recursive: true });
}, 60_000);
