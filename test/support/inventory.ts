/** Everything that Purlin could have left on a host, as lists of readable lines that a test compares. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { execa } from 'execa';
import { mountsBelow } from '../../scripts/lib/leftovers.ts';
import { netnsExists, netnsProcesses } from '../../scripts/lib/netns.ts';

export interface Inventory {
  /** Links of the namespace: name, kind, bridge and alias. */
  links: string[];
  addresses: string[];
  routes: string[];
  /** Lines of the namespace's nftables ruleset, without counters. */
  nftables: string[];
  /** Programs in the namespace with their arguments; process ids are left out because they never repeat. */
  processes: string[];
  mounts: string[];
  /** Paths below the data directory. */
  files: string[];
}

interface Link {
  ifname: string;
  master?: string;
  ifalias?: string;
  linkinfo?: { info_kind?: string };
}

/** @param ignoring paths below `dataDir` that may come and go, such as rotated logs. */
export async function inventory(
  place: { netns: string; dataDir: string },
  ignoring: RegExp = /(?!)/,
): Promise<Inventory> {
  const exists = netnsExists(place.netns);
  const inside = (...command: string[]) =>
    exists ? lines(execa('ip', ['netns', 'exec', place.netns, ...command])) : Promise.resolve([]);
  const paths = await readdir(place.dataDir, { recursive: true }).catch(() => []);
  return {
    links: exists ? await linksOf(place.netns) : [],
    addresses: (await inside('ip', '-oneline', 'address')).map((line) => line.replace(/^\d+: /, '')).sort(),
    routes: (await inside('ip', 'route', 'show', 'table', 'all')).sort(),
    nftables: await inside('nft', '--stateless', 'list', 'ruleset'),
    processes: (await Promise.all((await netnsProcesses(place.netns)).map(commandLine)))
      .filter(Boolean)
      .sort(),
    mounts: await mountsBelow(place.dataDir),
    files: paths.filter((path) => !ignoring.test(path)).sort(),
  };
}

async function linksOf(netns: string): Promise<string[]> {
  const { stdout } = await execa('ip', ['-n', netns, '-json', '-details', 'link']);
  return (JSON.parse(stdout) as Link[])
    .map(({ ifname, master, ifalias, linkinfo }) =>
      [ifname, linkinfo?.info_kind ?? '', master && `in ${master}`, ifalias && `(${ifalias})`]
        .filter(Boolean)
        .join(' '),
    )
    .sort();
}

async function lines(command: Promise<{ stdout: string }>): Promise<string[]> {
  const { stdout } = await command;
  return stdout.split('\n').filter((line) => line.trim() !== '');
}

/** Empty for a process that ended meanwhile. */
async function commandLine(pid: number): Promise<string> {
  const program = await readlink(`/proc/${pid}/exe`).catch(() => undefined);
  if (program === undefined) return '';
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return [basename(program), ...words.slice(1)].join(' ').trim();
}
