/** Runs `purlin down --purge`. */
import { execa } from 'execa';
import { purlinMain } from '../../scripts/lib/build.ts';

/** @param netns where the host side is, when the data directory does not tell it (it was made by `purlin agent`). */
export async function purge(
  dataDir: string,
  netns?: string,
): Promise<{ exitCode?: number; stdout: string; stderr: string }> {
  const enter = netns === undefined ? [] : ['/usr/bin/nsenter', `--net=/run/netns/${netns}`, '--'];
  const down = [process.execPath, purlinMain, 'down', '--purge', '--data-dir', dataDir];
  const [command = '', ...args] = [...enter, ...down];
  return execa(command, args, { reject: false, timeout: 120_000 });
}
