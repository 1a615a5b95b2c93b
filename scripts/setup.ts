/** Installs the Debian packages that Purlin, its demo image and its tests need. Silent and quick where all are there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages, missingPackages, refreshPackageLists } from './lib/debian.ts';
import { main, step } from './lib/steps.ts';

/** What the agent runs on a host; the Dockerfile reads the same list. */
const hostPackages = readFileSync(join(import.meta.dirname, 'host-packages.txt'), 'utf8')
  .trim()
  .split('\n');

/** What scripts/demo-image.ts builds with; what goes into the guest is downloaded there, not installed. */
const imagePackages = ['syslinux', 'syslinux-common', 'mtools', 'dosfstools', 'fdisk', 'e2fsprogs'];

/** What the quickstart, the tests and the benchmark look at the result with; busybox is a DHCP client in the tests. */
const observerPackages = ['busybox-static', 'curl', 'procps', 'strace', 'unzip', 'xorriso'];

export async function installSystemPackages(): Promise<void> {
  const missing = await missingPackages([...hostPackages, ...imagePackages, ...observerPackages]);
  if (missing.length === 0) return;
  if (!existsSync('/etc/debian_version')) {
    throw new Error(`this script knows Debian only; install the equivalent of: ${missing.join(' ')}`);
  }
  if (process.getuid?.() !== 0) {
    throw new Error(`as root, run: apt-get install --no-install-recommends ${missing.join(' ')}`);
  }
  await step('refreshing the package lists', refreshPackageLists);
  await step(`installing ${missing.length} system packages`, async ({ note }) => {
    note(missing.join(' '));
    await installPackages(missing);
  });
}

if (import.meta.main) await main(installSystemPackages);
