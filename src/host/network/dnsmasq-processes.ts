/** Finds and ends dnsmasq processes of ours: by arguments and start time, never by a pid alone. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ProcessIdentity, startTicksOf } from '../process-identity.ts';
import { errorCode } from './errors.ts';
import { dnsmasqBinary } from './tools.ts';

export interface DnsmasqProcess extends ProcessIdentity {
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
    const startTicks = startTicksOf(pid);
    if (startTicks === undefined) return undefined;
    const namespace = (await readlink(`/proc/${pid}/ns/net`)).replace(/\D/g, '');
    return { pid, startTicks, subnetUid: basename(dirname(configFile)), configFile, namespace };
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** Inode of a namespace file, in the form of {@link DnsmasqProcess.namespace}. */
export const namespaceOf = async (file: string): Promise<string> => String((await stat(file)).ino);

/** Sends a signal to exactly this process; false when it is gone. */
export function signal(target: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, name);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Ends a process and waits until it is gone. */
export async function end(target: ProcessIdentity): Promise<void> {
  signal(target, 'SIGTERM');
  for (const deadline = Date.now() + endingTimeoutMs; isAlive(target); await delay(5)) {
    if (Date.now() > deadline) signal(target, 'SIGKILL');
  }
}
