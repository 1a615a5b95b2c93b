/** Compiles src/ to dist/, only where it changed since the last time. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheDir, checkout } from './checkout.ts';

/** The compiled entry point of the product. */
export const purlinMain = join(checkout, 'dist/main.js');

/** @returns an identity of what was built; equal identities behave equally. */
export async function build(): Promise<string> {
  const identity = await hashOf(['src', 'crds', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']);
  const stampFile = join(cacheDir, 'build-identity');
  const built = existsSync(purlinMain) && (await readFile(stampFile, 'utf8').catch(() => ''));
  if (built !== identity) {
    await execa(join(checkout, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: checkout });
    await mkdir(cacheDir, { recursive: true });
    await writeFile(stampFile, identity);
  }
  return identity;
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const full = join(checkout, path);
    const below = await readdir(full, { recursive: true, withFileTypes: true }).catch(() => undefined);
    const files = below?.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of (files ?? [full]).sort()) hash.update(`${file}\n`).update(await readFile(file));
  }
  return hash.digest('hex');
}
