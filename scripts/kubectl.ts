/** Finds kubectl, or runs it: `node scripts/kubectl.ts [ARGUMENT…]`; without arguments it prints the path. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { pinnedClient } from './lib/pinned-clients.ts';
import { main } from './lib/steps.ts';

/** Path of a kubectl: the machine's own where there is one, otherwise the pinned one. */
export async function kubectlPath(): Promise<string> {
  return onPath('kubectl') ?? (await pinnedClient('kubectl'));
}

function onPath(program: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
}

if (import.meta.main) {
  await main(async () => {
    const kubectl = await kubectlPath();
    const args = process.argv.slice(2);
    if (args.length === 0) process.stdout.write(`${kubectl}\n`);
    else process.exitCode = (await execa(kubectl, args, { stdio: 'inherit', reject: false })).exitCode ?? 1;
  });
}
