/** Ends and removes what a data directory and its network namespace may have left on the machine. */
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { deleteNetns, netnsProcesses } from './netns.ts';

/** The programs that Purlin starts; somebody's pager or editor on a log file is none of our business. */
const programs = [
  'node',
  'redis-server',
  'redis-check-rdb',
  'libvirtd',
  'virtlogd',
  'dnsmasq',
  'qemu-system-x86_64',
];

/** Ids of the processes of Purlin whose command line names a path in `directory`. */
export async function processesNaming(directory: string): Promise<number[]> {
  const ids = (await readdir('/proc')).map(Number).filter((id) => Number.isInteger(id) && id !== process.pid);
  const named = await Promise.all(
    ids.map(async (id) => {
      const program = await readlink(`/proc/${id}/exe`).catch(() => '');
      if (!programs.includes(basename(program))) return false;
      const commandLine = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
      return commandLine
        .split(/[\0=, ]/)
        .some((word) => word === directory || word.startsWith(`${directory}/`));
    }),
  );
  return ids.filter((_, index) => named[index]);
}

/** Mount points in `directory`, the innermost first. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  return lines
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .reverse();
}

/** After this there is no process, mount, file or namespace of the site, whatever state it was in. */
export async function removeSite(site: { dataDir: string; netns: string }): Promise<void> {
  const find = async () => [
    ...new Set([...(await processesNaming(site.dataDir)), ...(await netnsProcesses(site.netns))]),
  ];
  await end(await find(), 'SIGTERM');
  if (!(await gone(find, 5_000))) {
    await end(await find(), 'SIGKILL');
    if (!(await gone(find, 5_000))) throw new Error(`processes ${(await find()).join(', ')} do not end`);
  }
  for (const point of await mountsBelow(site.dataDir)) await execa('umount', ['--', point]);
  await deleteNetns(site.netns);
  await rm(site.dataDir, { recursive: true, force: true });
}

async function end(ids: readonly number[], signal: NodeJS.Signals): Promise<void> {
  for (const id of ids) {
    try {
      process.kill(id, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

async function gone(find: () => Promise<number[]>, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await delay(100)) {
    if ((await find()).length === 0) return true;
  }
  return false;
}
