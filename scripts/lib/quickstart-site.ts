/** Where the quickstart keeps everything: one directory, one network namespace, one port on 127.0.0.1. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkout } from './checkout.ts';

const dataDir = '/var/lib/purlin-quickstart';

export const site = {
  dataDir,
  netns: 'purlin-quickstart',
  apiPort: 16443,
  kubeconfig: join(dataDir, 'kubeconfig'),
  log: join(dataDir, 'purlin.log'),
  /** The directory that Images by file may come from. */
  importDir: join(dataDir, 'import'),
  /** Which build the running daemon was started from. */
  buildFile: join(dataDir, 'quickstart-build'),
  examples: join(checkout, 'examples/quickstart'),
} as const;

/** The Node that this project pins, for programs that outlive `npm run`. */
export const node = join(checkout, 'node_modules/.bin/node');

/** Process id of the running daemon, if there is one. */
export async function daemonPid(): Promise<number | undefined> {
  const pid = Number(await readFile(join(dataDir, 'purlin.pid'), 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes(dataDir) ? pid : undefined;
}
