/** What a life has left at the end of a phase, as lines that are the same in each life. */
import { execa } from 'execa';
import type { Resource } from '../../src/resources/metadata.ts';
import { inventory } from '../support/inventory.ts';
import type { CrashSite } from './crash-site.ts';
import type { LifeNames } from './life-names.ts';
import { type Written, writtenData } from './written-data.ts';

/** Sections of readable lines. */
export type EndState = Readonly<Record<string, readonly string[]>>;

/** Purlin's own books, which outlive every object, what libvirt keeps of itself, and what fills the disk for a test. */
const books =
  /^(agent|libvirt\/(?!log\/qemu\/|etc\/qemu\/)|network(\/(ports|subnets))?$|libvirt-choice$|trust\.json$|ballast$)/;

/** Objects as they are, but for what differs between lives that went the same way. */
export function describeObjects(objects: readonly Resource[], names: LifeNames): EndState {
  return Object.fromEntries(
    objects.map((object) => {
      const { uid: _uid, resourceVersion: _version, creationTimestamp: _time, ...metadata } = object.metadata;
      const text = JSON.stringify({ ...object, metadata }, withoutTimes, 1);
      const id = names.replacedIn(`${object.kind}/${object.metadata.name}`);
      return [id, names.replacedIn(text).split('\n')];
    }),
  );
}

/** The sections of objects, which have the names of objects: `Kind/name`. */
export const onlyObjects = (state: EndState): EndState =>
  Object.fromEntries(Object.entries(state).filter(([section]) => /^[A-Z]\w+\/[^/]+$/.test(section)));

/** Times never repeat; members come in one order, whoever wrote them first. */
function withoutTimes(key: string, value: unknown): unknown {
  if (['lastTransitionTime', 'managedFields', 'deletionTimestamp'].includes(key)) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Links, rules, processes, files, domains, disks, and what stands in Redis. */
export async function describeHost(site: CrashSite, names: LifeNames): Promise<EndState> {
  const [found, domains, disks, orders] = await Promise.all([
    inventory(site, books),
    describeDomains(site),
    describeDisks(site),
    standingOrders(site),
  ]);
  const { links, addresses, routes, processes, files, nftables } = found;
  const programs = processes.map((line) => line.replace(/^(qemu-system\S* -name \S+) .*/, '$1'));
  const unordered = { links, addresses, routes, programs, files, nftables: numberedRules(nftables) };
  return {
    ...renamed(unordered, names, (lines) => lines.sort()),
    ...renamed({ mounts: found.mounts, ...domains, ...disks, orders }, names, (lines) => lines),
  };
}

/** @param inOrder for what was sorted by names that are made from UIDs */
const renamed = (
  sections: Record<string, readonly string[]>,
  names: LifeNames,
  inOrder: (lines: string[]) => string[],
): EndState =>
  Object.fromEntries(
    Object.entries(sections).map(([name, lines]) => [
      names.replacedIn(name),
      inOrder(lines.map((line) => names.replacedIn(line))),
    ]),
  );

/** Each rule with its table, its chain and its number there: chains have no order, rules in them have. */
function numberedRules(lines: readonly string[]): string[] {
  let [table, chain, count] = ['', '', 0];
  return lines.flatMap((line) => {
    const text = line.trim();
    const [, word, name] = /^(table|chain|map|set) (.*) \{$/.exec(text) ?? [];
    if (text === '}') return [];
    // Elements of a map, of which nft writes several in a line.
    const [, elements] = /^(?:elements = \{ )?(".*" : jump .*?)[ ,}]*$/.exec(text) ?? [];
    if (elements) return elements.split(', ').map((element) => `${table} ${chain}: ${element}`);
    if (word === undefined) return [`${table} ${chain} ${(count += 1)}: ${text}`];
    if (word === 'table') table = name ?? '';
    [chain, count] = [word === 'table' ? '' : (name ?? ''), 0];
    return [`${table} ${chain}`];
  });
}

/** The definition, and what runs, of each domain. */
async function describeDomains(site: CrashSite): Promise<Record<string, string[]>> {
  const uuids = (await site.virsh('list', '--all', '--uuid')).split('\n').filter(Boolean);
  const domains: Record<string, string[]> = {};
  for (const uuid of uuids) {
    const inactive = await site.virsh('dumpxml', '--inactive', uuid);
    const active = await site.virsh('dumpxml', uuid);
    domains[`domain ${uuid}`] = steady(inactive).split('\n');
    domains[`running domain ${uuid}`] = steady(active).split('\n');
    domains[`starts of ${uuid}`] = [String(await site.starts(uuid))];
  }
  return domains;
}

/**
 * A description without what libvirt numbers anew with each start, without when the guest was asked to shut down, and
 * without the alias of a controller that does not exist, which a restarted libvirtd does not give. A definition's hash
 * covers UIDs; what it covers is here itself.
 */
const steady = (xml: string): string =>
  xml
    .replaceAll(/ definitionHash="[0-9a-f]+"/g, '')
    .replaceAll(/ shutdownRequestedAt="\d+"/g, ' shutdownRequestedAt="…"')
    .replaceAll(/^<domain (.*) id='\d+'/gm, '<domain $1')
    .replaceAll(/\/dev\/pts\/\d+/g, '/dev/pts/N')
    .replaceAll(/domain-\d+-/g, 'domain-N-')
    .replaceAll(
      /(<controller type='usb' index='0' model='none')>\s*<alias name='usb'\/>\s*<\/controller>/g,
      '$1/>',
    );

async function describeDisks(site: CrashSite): Promise<Record<string, string[]>> {
  const { stdout } = await execa('find', [site.dataDir, '-name', '*.img']);
  const disks: Record<string, string[]> = {};
  for (const file of stdout.split('\n').filter(Boolean)) {
    const info = await execa('qemu-img', ['info', '--force-share', '--output=json', file], { reject: false });
    const {
      'actual-size': _allocated,
      'dirty-flag': _open,
      ...facts
    } = JSON.parse(info.stdout || '{}') as Record<string, unknown>;
    disks[`disk ${file}`] = JSON.stringify(facts, undefined, 1).split('\n');
    const [, uid] = /\/disks\/([^/]+)\//.exec(file) ?? [];
    if (uid === undefined) continue;
    disks[`data of ${uid}`] = [
      await writtenData(site.writtenData, { uid, file, format: String(facts['format']) }),
    ];
  }
  return disks;
}

const kept: Written = 'as it was written';

/** Sections of Disks that do not have what was written to them. */
export const lostData = (state: EndState): string[] =>
  Object.entries(state).flatMap(([section, lines]) =>
    section.startsWith('data of ') && lines[0] !== kept ? [`${section}: ${lines[0]}`] : [],
  );

/** How often each guest was started. */
export const starts = (state: EndState): EndState =>
  Object.fromEntries(Object.entries(state).filter(([section]) => section.startsWith('starts of ')));

async function standingOrders(site: CrashSite): Promise<string[]> {
  const keys = (await site.redis('--raw', 'KEYS', 'purlin:*:orders')).split('\n').filter(Boolean);
  return (await Promise.all(keys.map((key) => site.redis('--raw', 'HKEYS', key)))).filter(Boolean);
}

/** Lines of a section that only one of two states has; nothing when they are the same. */
export function differences(expected: EndState, actual: EndState): string[] {
  const sections = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  return sections.flatMap((section) => {
    const [wanted, found] = [expected[section] ?? [], actual[section] ?? []];
    if (wanted.join('\n') === found.join('\n')) return [];
    const missing = without(wanted, found).map((line) => `  - ${line}`);
    const surplus = without(found, wanted).map((line) => `  + ${line}`);
    return [
      `${section}:`,
      ...(missing.length + surplus.length > 0 ? [...missing, ...surplus] : ['  (order)']),
    ];
  });
}

/** `lines` less those of `others`, each of which takes away one. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
