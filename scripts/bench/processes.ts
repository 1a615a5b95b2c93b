/** What processes cost, read from /proc. */
import { readFile } from 'node:fs/promises';

/** Clock ticks a second, fixed by the kernel's interface on every Linux that Purlin runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds used so far by all of the processes together: user and system time, fields 14 and 15. */
export const cpuSeconds = async (pids: readonly number[]): Promise<number> =>
  (await sumOfFields(pids, [14, 15])) / TICKS_PER_SECOND;

/**
 * Grows with every child that ended and was waited for: the page faults that such children had, field 11. A child
 * cannot be counted after its end, but none ends without any.
 */
export const childrenEnded = (pids: readonly number[]): Promise<number> => sumOfFields(pids, [11]);

/** Fields of /proc/PID/stat, numbered as in proc(5). */
async function sumOfFields(pids: readonly number[], numbers: readonly number[]): Promise<number> {
  const each = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      // The name in field 2 is in parentheses and may hold blanks; field 3 follows it.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return numbers.reduce((sum, number) => sum + Number(fields[number - 3]), 0);
    }),
  );
  return each.reduce((sum, value) => sum + value, 0);
}

/** Proportional set size in MiB: pages shared by processes are counted once in the sum. */
export async function residentMebibytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) / 1024;
}

/** Resident set size in MiB, as `ps` and `top` tell it. */
export async function residentSetMebibytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
