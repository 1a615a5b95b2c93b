import { readFileSync } from 'node:fs';

/** A pid may belong to another program by now; with the start time it names one process until the next boot. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot. */
  startTicks: string;
}

/**
 * Field 22 of /proc/PID/stat (proc(5)); undefined for one that is gone or a zombie. Reads synchronously: the kernel
 * answers from memory, and the way through a thread pool would cost many times the read.
 */
export function startTicksOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  // The command in field 2 may hold spaces and parentheses; the last `)` ends it.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

export const isAlive = ({ pid, startTicks }: ProcessIdentity): boolean => startTicksOf(pid) === startTicks;
