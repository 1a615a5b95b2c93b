import { readFile } from 'node:fs/promises';
import { type ProcessIdentity, startTicksOf } from '../../process-identity.ts';
import type { LibvirtLayout } from './layout.ts';

/** One of the two programs of a private libvirt, known by its exact command line. */
export interface Daemon {
  name: 'virtlogd' | 'libvirtd';
  pidFile: string;
  command: readonly [string, ...string[]];
}

/** In the order in which they start: libvirtd hands each guest's console to virtlogd. */
export function daemonsOf(layout: LibvirtLayout): readonly Daemon[] {
  const daemon = (name: Daemon['name'], pidFile: string): Daemon => ({
    name,
    pidFile,
    command: [
      `/usr/sbin/${name}`,
      '--daemon',
      '--config',
      `/etc/libvirt/${name}.conf`,
      '--pid-file',
      pidFile,
    ],
  });
  return [daemon('virtlogd', layout.virtlogdPidFile), daemon('libvirtd', layout.libvirtdPidFile)];
}

/**
 * The running process of this daemon, or nothing. Costs three small reads and no spawn. The pid file
 * alone proves nothing (the number may belong to another program by now): the command line, which holds
 * our own pid file's path, must be exactly ours.
 */
export async function findDaemon(daemon: Daemon): Promise<ProcessIdentity | undefined> {
  const pid = Number((await readIfThere(daemon.pidFile))?.trim());
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const commandLine = await readIfThere(`/proc/${pid}/cmdline`);
  if (commandLine !== `${daemon.command.join('\0')}\0`) return undefined;
  const startTicks = startTicksOf(pid);
  return startTicks === undefined ? undefined : { pid, startTicks };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
