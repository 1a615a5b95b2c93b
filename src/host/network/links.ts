/** What `ip -json` tells of links, addresses and routes, reduced to what is compared. */
import type { Tools } from './tools.ts';

export interface Link {
  index: number;
  name: string;
  alias?: string;
  /** `bridge`, `tun`, `veth`, …; undefined for hardware. */
  kind?: string;
  mtu: number;
  /** Administratively up; a tap without QEMU has no carrier but is up. */
  up: boolean;
  /** `LOWER_UP`: of a tap, that a program holds it open. */
  carrier: boolean;
  master?: string;
  /** IPv4 addresses with prefix length. */
  addresses: string[];
}

interface ListedLink {
  ifindex: number;
  ifname: string;
  ifalias?: string;
  mtu: number;
  flags: string[];
  master?: string;
  linkinfo?: { info_kind?: string };
  addr_info?: { family: string; local: string; prefixlen: number }[];
}

interface ListedRoute {
  dst: string;
  dev?: string;
  type?: string;
}

export async function listLinks(tools: Tools): Promise<Map<string, Link>> {
  const output = await tools.run('ip', ['-json', '-details', 'address', 'show']);
  const links = (JSON.parse(output) as ListedLink[]).filter((link) => link.ifname !== undefined);
  return new Map(links.map((link) => [link.ifname, read(link)]));
}

const read = (link: ListedLink): Link => ({
  index: link.ifindex,
  name: link.ifname,
  ...(link.ifalias !== undefined && { alias: link.ifalias }),
  ...(link.linkinfo?.info_kind !== undefined && { kind: link.linkinfo.info_kind }),
  mtu: link.mtu,
  up: link.flags.includes('UP'),
  carrier: link.flags.includes('LOWER_UP'),
  ...(link.master !== undefined && { master: link.master }),
  addresses: (link.addr_info ?? [])
    .filter(({ family }) => family === 'inet')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
});

/** Loopback and link-local are the host's even when no link has them now. */
const reserved = ['127.0.0.0/8', '169.254.0.0/16'];

/** Destinations that the host reaches by links which are not ours; the default route is no claim. */
export async function listHostCidrs(tools: Tools, ours: ReadonlySet<string>): Promise<string[]> {
  const output = await tools.run('ip', ['-json', '-4', 'route', 'show', 'table', 'all']);
  const routes = JSON.parse(output === '' ? '[]' : output) as ListedRoute[];
  const foreign = routes
    .filter(({ dst, dev, type }) => dst !== 'default' && type !== 'multicast' && !ours.has(dev ?? ''))
    .map(({ dst }) => (dst.includes('/') ? dst : `${dst}/32`));
  return [...new Set([...reserved, ...foreign])].sort();
}
