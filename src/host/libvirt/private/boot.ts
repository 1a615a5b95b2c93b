import { mkdir, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LibvirtLayout } from './layout.ts';

/**
 * Empties libvirt's run directory if it stems from before the last boot. libvirt expects that of /run, and
 * ours lies on a disk: left there, it would read its old guests' process ids and, failing to reach their
 * monitors, kill whatever processes have these numbers now.
 */
export async function forgetOtherBoots(layout: LibvirtLayout): Promise<void> {
  const run = join(layout.root, 'run');
  const marker = join(layout.root, 'boot');
  const [known, present] = await Promise.all([
    readFile(marker, 'utf8').catch(() => undefined),
    presentBoot(),
  ]);
  if (known !== present) await rm(run, { recursive: true, force: true });
  await mkdir(run, { recursive: true });
  await writeFile(marker, present);
  await boundLog(join(layout.root, 'log', 'libvirtd.log'));
}

/** The kernel's boot, and within it the container's: both end with every process that a guest could have. */
async function presentBoot(): Promise<string> {
  const [bootId, pidNamespace, init] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readlink('/proc/self/ns/pid'),
    readFile('/proc/1/stat', 'utf8'),
  ]);
  const initStartTicks = init.slice(init.lastIndexOf(')') + 2).split(' ')[19];
  return `${bootId.trim()} ${pidNamespace} ${initStartTicks}\n`;
}

const maxLogBytes = 4 * 1024 * 1024;

/** libvirtd appends warnings for ever; the old ones of a long life tell nobody anything. */
async function boundLog(path: string): Promise<void> {
  const size = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  if (size > maxLogBytes) await truncate(path, 0);
}
