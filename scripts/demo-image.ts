/** Builds the demo image, or finds it in the cache, and prints its path and SHA-256 digest. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeBootFiles } from './demo-image/boot.ts';
import { makeDisk } from './demo-image/disk.ts';
import { ingredients } from './demo-image/ingredients.ts';
import { makeRootfs } from './demo-image/rootfs.ts';
import { cacheDir, checkout } from './lib/checkout.ts';
import { downloadPackages, type PackageVersion, refreshPackageLists, unpackPackages } from './lib/debian.ts';
import { main, step } from './lib/steps.ts';

export interface DemoImage {
  /** Absolute path of the qcow2 file. */
  path: string;
  /** Lower-case hexadecimal digest of the file. */
  sha256: string;
}

const recipeDir = join(checkout, 'scripts/demo-image');
const guestDir = join(recipeDir, 'guest');
const imagesDir = join(cacheDir, 'demo-image');

/** The demo image for this recipe and the package versions that apt offers now; built only where it is not cached. */
export async function demoImage(): Promise<DemoImage> {
  const packages = await ingredients().catch(async () => {
    await step('refreshing the package lists', refreshPackageLists);
    return ingredients();
  });
  const name = await identity(packages);
  const digestFile = join(imagesDir, `${name}.sha256`);
  const path = join(imagesDir, `${name}.qcow2`);
  // The digest is written last: where it is, the image is complete.
  if (!existsSync(digestFile)) await step('building the demo image', () => build(packages, path, digestFile));
  return { path, sha256: (await readFile(digestFile, 'utf8')).trim() };
}

async function build(packages: readonly PackageVersion[], path: string, digestFile: string): Promise<void> {
  await mkdir(imagesDir, { recursive: true });
  const workDir = await mkdtemp(join(imagesDir, 'building-'));
  try {
    const unpacked = join(workDir, 'unpacked');
    await unpackPackages(await download(packages), unpacked);
    const boot = await makeBootFiles(unpacked, guestDir, workDir);
    const rootfs = await makeRootfs(unpacked, guestDir, workDir);
    const image = await makeDisk(boot, rootfs, workDir);
    const sha256 = createHash('sha256')
      .update(await readFile(image))
      .digest('hex');
    await rename(image, path);
    const digestInWork = join(workDir, 'digest');
    await writeFile(digestInWork, `${sha256}\n`);
    await rename(digestInWork, digestFile);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** A mirror drops superseded versions, so that a list from yesterday can name a file that is gone. */
async function download(packages: readonly PackageVersion[]): Promise<string[]> {
  const directory = join(cacheDir, 'packages');
  return downloadPackages(packages, directory).catch(async () => {
    await refreshPackageLists();
    return downloadPackages(await ingredients(), directory);
  });
}

/** A short hash of everything that the image is made from: package digests, our code and the guest's files. */
async function identity(packages: readonly PackageVersion[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, sha256 } of packages) hash.update(`${name} ${sha256}\n`);
  for (const file of (await readdir(recipeDir, { recursive: true })).sort()) {
    const full = join(recipeDir, file);
    const status = await stat(full);
    if (!status.isFile()) continue;
    const executable = (status.mode & 0o111) !== 0;
    hash.update(`${file} ${executable}\n`).update(await readFile(full));
  }
  return hash.digest('hex').slice(0, 16);
}

if (import.meta.main) {
  await main(async () => {
    const { path, sha256 } = await demoImage();
    process.stdout.write(`${path}\nsha256:${sha256}\n`);
  });
}
