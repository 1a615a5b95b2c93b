/** Debian packages: which are missing, how they are installed, and how one is unpacked without installing it. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const apt = { env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }, stdin: 'ignore' } as const;

/** Waits for another apt instead of failing; never asks; brings no package that nobody named. */
const aptOptions = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'APT::Sandbox::User=root'];

/** Those of `names` that are not installed. */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  const { stdout } = await execa('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names], {
    reject: false,
  });
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.slice(0, line.indexOf(' '))),
  );
  return names.filter((name) => !installed.has(name));
}

/**
 * Installs packages, and neither starts nor enables a service that they bring: Purlin runs private
 * instances of what it needs, and a newcomer's machine must not gain a listening daemon.
 */
export async function installPackages(names: readonly string[]): Promise<void> {
  await withoutStartingServices(async () => {
    await execa('apt-get', [...aptOptions, 'install', '--no-install-recommends', ...names], apt);
  });
  if (names.includes('redis-server'))
    await execa('update-rc.d', ['redis-server', 'disable'], { reject: false });
}

export async function refreshPackageLists(): Promise<void> {
  await execa('apt-get', [...aptOptions, 'update'], apt);
}

const policyFile = '/usr/sbin/policy-rc.d';

/** Debian's own switch: with a policy-rc.d that answers 101, maintainer scripts start nothing. */
async function withoutStartingServices(run: () => Promise<void>): Promise<void> {
  if (existsSync(policyFile)) return run();
  await writeFile(
    policyFile,
    '#!/bin/sh\n# Written by scripts/setup.ts for the length of one installation.\nexit 101\n',
  );
  await chmod(policyFile, 0o755);
  try {
    await run();
  } finally {
    await rm(policyFile, { force: true });
  }
}

/** One downloadable version of a package. */
export interface PackageVersion {
  name: string;
  version: string;
  architecture: string;
  depends: string;
  sha256: string;
}

/** The versions that apt would install now; a package that the lists do not know is an error naming it. */
export async function candidates(names: readonly string[]): Promise<PackageVersion[]> {
  const { stdout } = await execa('apt-cache', ['show', '--no-all-versions', ...names], { reject: false });
  const found = new Map<string, PackageVersion>();
  for (const paragraph of stdout.split('\n\n')) {
    const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
    const name = field('Package');
    if (name === '' || found.has(name)) continue;
    found.set(name, {
      name,
      version: field('Version'),
      architecture: field('Architecture'),
      depends: field('Depends'),
      sha256: field('SHA256'),
    });
  }
  return names.map((name) => {
    const version = found.get(name);
    if (!version)
      throw new Error(`apt knows no package ${name}: run apt-get update, and look at /etc/apt/sources.list`);
    return version;
  });
}

/** Downloads packages into `directory` (kept there between calls; apt verifies each) and returns the files. */
export async function downloadPackages(
  versions: readonly PackageVersion[],
  directory: string,
): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const files = versions.map((version) => join(directory, fileName(version)));
  const absent = versions.filter((_, index) => !existsSync(files[index] ?? ''));
  if (absent.length > 0) {
    const partial = join(directory, `partial-${process.pid}`);
    await mkdir(partial);
    try {
      const wanted = absent.map(({ name, version }) => `${name}=${version}`);
      await execa('apt-get', [...aptOptions, 'download', ...wanted], { ...apt, cwd: partial });
      for (const version of absent) {
        await rename(join(partial, fileName(version)), join(directory, fileName(version)));
      }
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  return files;
}

/** The name that `apt-get download` gives a file: the epoch's colon is escaped. */
function fileName({ name, version, architecture }: PackageVersion): string {
  return `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`;
}

export async function unpackPackages(files: readonly string[], directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const file of files) await execa('dpkg-deb', ['-x', file, directory]);
}
