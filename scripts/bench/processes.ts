/** What processes cost, read from /proc. */
import { readFile } from 'node:fs/promises';

/** Clock ticks a second, fixed by the kernel's interface on every Linux that Purlin runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds used so far by all of the processes together. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      // proc(5): user and system time are fields 14 and 15; the name in parentheses may hold blanks.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(fields[11]) + Number(fields[12]);
    }),
  );
  return each.reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
}

/** Proportional set size in MiB: pages shared by processes are counted once in the sum. */
export async function residentMebibytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) / 1024;
}

/** Children that the processes have had so far cannot be counted afterwards; forks of the whole machine can. */
export async function forksSinceBoot(): Promise<number> {
  return Number(/^processes (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1]);
}
