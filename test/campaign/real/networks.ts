/** Bridges, taps, rules and DHCP as ip, nft and dnsmasq's own files show them. */
import { readFile } from 'node:fs/promises';
import { bridgeName } from '../../../src/values/links.ts';
import type { SeenPort, SeenSegment } from '../oracle/picture.ts';
import type { RealSite } from './site.ts';

interface Link {
  ifname: string;
  mtu: number;
  master?: string;
  flags: string[];
  addr_info: { family: string; local: string; prefixlen: number }[];
}

type Rules = { rule?: { family: string; chain: string; expr: Expression[] } }[];

interface Expression {
  match?: { op: string; left: { payload?: { protocol: string; field: string } }; right: unknown };
  masquerade?: unknown;
}

export interface SeenNetwork {
  segments: SeenSegment[];
  ports: SeenPort[];
  /** Names of all bridges of ours. */
  bridges: string[];
}

export async function readNetwork(site: RealSite, subnetUids: readonly string[]): Promise<SeenNetwork> {
  const links = JSON.parse(await site.inside('ip', '-json', '-details', 'address')) as Link[];
  const { nftables } = JSON.parse(await site.inside('nft', '-j', 'list', 'ruleset')) as { nftables: Rules };
  const segments = await Promise.all(subnetUids.map((uid) => readSegment(site, uid, links, nftables)));
  const bridges = new Map(subnetUids.map((uid) => [bridgeName(uid), uid]));
  return {
    segments: segments.filter((segment) => segment !== undefined),
    ports: links
      .filter(({ ifname }) => ifname.startsWith('plt'))
      .map((link) => portOf(link, bridges, nftables)),
    bridges: links.filter(({ ifname }) => ifname.startsWith('plb')).map(({ ifname }) => ifname),
  };
}

/** A Subnet that is whole: its bridge is up and its dnsmasq runs. */
async function readSegment(
  site: RealSite,
  subnetUid: string,
  links: readonly Link[],
  rules: Rules,
): Promise<SeenSegment | undefined> {
  const name = bridgeName(subnetUid);
  const link = links.find(({ ifname }) => ifname === name);
  const [pid] = await site.processes('dnsmasq', subnetUid);
  const address = link?.addr_info.find(({ family }) => family === 'inet');
  if (!link?.flags.includes('UP') || !address || pid === undefined) return undefined;
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const configFile = words.find((word) => word.includes('.conf'))?.replace(/^--conf-file=/, '') ?? '';
  const config = (await readFile(configFile, 'utf8').catch(() => '')).split('\n');
  const setting = (key: string): string[] =>
    config.flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
  const reserved = await readFile(setting('dhcp-hostsfile')[0] ?? '', 'utf8').catch(() => '');
  const inChain = (end: string) => expressionsOf(rules, 'inet', `${name}_${end}`);
  return {
    subnetUid,
    gatewayCidr: `${address.local}/${address.prefixlen}`,
    mtu: link.mtu,
    masquerades: inChain('masquerade').some((each) => 'masquerade' in each),
    leaves: inChain('leaving').some(({ match }) => match?.left.payload?.field === 'saddr'),
    resolvers: setting('server'),
    reservations: reserved
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [macAddress = '', , reservedAddress = '', hostname = ''] = line.split(',');
        return { macAddress, address: reservedAddress, hostname };
      }),
  };
}

const expressionsOf = (rules: Rules, family: string, chain: string): Expression[] =>
  rules.flatMap(({ rule }) => (rule?.family === family && rule.chain === chain ? rule.expr : []));

function portOf(link: Link, bridges: ReadonlyMap<string, string>, rules: Rules): SeenPort {
  const subnetUid = bridges.get(link.master ?? '');
  const matches = expressionsOf(rules, 'bridge', link.ifname).flatMap(({ match }) => match ?? []);
  const value = (protocol: string, field: string, op: string): string | undefined =>
    matches
      .filter(
        ({ left, op: how }) =>
          left.payload?.protocol === protocol && left.payload.field === field && how === op,
      )
      .map(({ right }) => right)
      .find((right): right is string => typeof right === 'string' && right !== '0.0.0.0');
  const [macAddress, address] = [value('ether', 'saddr', '!='), value('ip', 'saddr', '==')];
  return {
    tap: link.ifname,
    up: link.flags.includes('UP'),
    ...(subnetUid !== undefined && { subnetUid }),
    mtu: link.mtu,
    ...(macAddress !== undefined && address !== undefined && { allowed: { macAddress, address } }),
  };
}
