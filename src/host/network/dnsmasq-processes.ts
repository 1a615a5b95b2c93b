/** Finds and ends dnsmasq processes of ours: by arguments and start time, never by a pid alone. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from './errors.ts';
import { dnsmasqBinary } from './tools.ts';

export interface DnsmasqProcess {
  pid: number;
  /** Clock ticks after boot: with the pid, this names a process until the next boot. */
  startTicks: string;
  subnetUid: string;
  configFile: string;
  /** Inode of its network namespace. */
  namespace: string;
}

const configArgument = '--conf-file=';
const endingTimeoutMs = 2_000;

/** The one argument that starts dnsmasq with a configuration of ours. */
export const dnsmasqArguments = (configFile: string): string[] => [`${configArgument}${configFile}`];

/** Every dnsmasq whose configuration is below `subnets`. */
export async function findDnsmasq(subnets: string): Promise<DnsmasqProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => inspect(Number(pid), subnets)));
  return found.filter((process) => process !== undefined);
}

async function inspect(pid: number, subnets: string): Promise<DnsmasqProcess | undefined> {
  try {
    const [binary, argument, ...rest] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    if (binary !== dnsmasqBinary || rest.join('') !== '' || !argument?.startsWith(configArgument))
      return undefined;
    const configFile = argument.slice(configArgument.length);
    if (dirname(dirname(configFile)) !== subnets) return undefined;
    const startTicks = await readStartTicks(pid);
    if (startTicks === undefined) return undefined;
    const namespace = (await readlink(`/proc/${pid}/ns/net`)).replace(/\D/g, '');
    return { pid, startTicks, subnetUid: basename(dirname(configFile)), configFile, namespace };
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined for one that is gone or a zombie. */
export async function readStartTicks(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command in field 2 may hold spaces and parentheses; the last `)` ends it.
    const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : fields[18];
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

export const isAlive = async ({ pid, startTicks }: DnsmasqProcess): Promise<boolean> =>
  (await readStartTicks(pid)) === startTicks;

/** Inode of a namespace file, in the form of {@link DnsmasqProcess.namespace}. */
export const namespaceOf = async (file: string): Promise<string> => String((await stat(file)).ino);

/** Sends a signal to exactly this process; false when it is gone. */
export async function signal(target: DnsmasqProcess, name: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(target))) return false;
  try {
    return process.kill(target.pid, name);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Ends a process and waits until it is gone. */
export async function end(target: DnsmasqProcess): Promise<void> {
  await signal(target, 'SIGTERM');
  for (const deadline = Date.now() + endingTimeoutMs; await isAlive(target); await delay(5)) {
    if (Date.now() > deadline) await signal(target, 'SIGKILL');
  }
}
