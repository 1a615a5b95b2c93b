/** The texts that dnsmasq reads: pure functions of checked values (see `validated.ts`), one fact per line. */
import { formatAddress, parseCidr } from '../../values/ipv4.ts';
import { bridgeName } from '../../values/links.ts';
import type { Reservation, SegmentSpec } from '../ports/network.ts';

/** Where the files of one dnsmasq are. */
export interface DnsmasqPaths {
  reservations: string;
  names: string;
  leases: string;
}

/** Seconds that a guest may go without asking again; a removed reservation is forgotten by then. */
const leaseTimeSeconds = 3600;

export interface DnsmasqSettings {
  spec: Omit<SegmentSpec, 'reservations'>;
  /** dnsmasq binds its socket to this very link: one made again under the same name needs a new process. */
  linkIndex: number;
  /** Unprivileged account that it runs as. */
  user: string;
  paths: DnsmasqPaths;
}

/**
 * The configuration (dnsmasq(8)). Only reserved MACs are answered (`static` range); a client's own idea of its name
 * is ignored; the host's files are never read.
 */
export function dnsmasqConfig({ spec, linkIndex, user, paths }: DnsmasqSettings): string {
  const network = parseCidr(spec.cidr);
  if (!network) throw new RangeError(`not a network: ${spec.cidr}`);
  const netmask = formatAddress(2 ** 32 - network.size);
  const settings = [
    `# Subnet ${spec.subnetUid}, link ${linkIndex}`,
    `user=${user}`,
    'pid-file=',
    'bind-dynamic',
    `interface=${bridgeName(spec.subnetUid)}`,
    'except-interface=lo',
    'no-hosts',
    `dhcp-range=${formatAddress(network.base)},static,${netmask},${leaseTimeSeconds}`,
    'dhcp-authoritative',
    'dhcp-ignore-names',
    'quiet-dhcp',
    `dhcp-hostsfile=${paths.reservations}`,
    `dhcp-leasefile=${paths.leases}`,
    `dhcp-lease-max=${network.size}`,
    `dhcp-option=26,${spec.mtu}`,
    ...(spec.egress === 'None' ? isolated : connected(spec, paths)),
  ];
  return `${settings.join('\n')}\n`;
}

/** No DNS at all, and options 3 (router) and 6 (DNS server) are left out of the lease. */
const isolated = ['port=0', 'dhcp-option=3', 'dhcp-option=6'];

/** A name without a dot is a guest's: it is never asked of an upstream resolver. */
const connected = ({ gateway, dnsServers }: DnsmasqSettings['spec'], { names }: DnsmasqPaths) => [
  `dhcp-option=3,${gateway}`,
  `dhcp-option=6,${gateway}`,
  `addn-hosts=${names}`,
  'domain-needed',
  ...(dnsServers.length === 0 ? [] : ['no-resolv', ...dnsServers.map((server) => `server=${server}`)]),
];

/** `id:*`: the MAC alone decides, since a fresh machine-id changes the client identifier of a guest. */
export const reservationsFile = (reservations: readonly Reservation[]): string =>
  sortedLines(
    reservations.map(({ macAddress, address, hostname }) => `${macAddress},id:*,${address},${hostname}`),
  );

/** In the format of hosts(5). */
export const namesFile = (reservations: readonly Reservation[]): string =>
  sortedLines(reservations.map(({ address, hostname }) => `${address} ${hostname}`));

/** What {@link reservationsFile} wrote; undefined when the text is anything else. */
export function parseReservations(text: string): Reservation[] | undefined {
  const reservations: Reservation[] = [];
  for (const line of text.split('\n').filter(Boolean)) {
    const [macAddress, id, address, hostname, ...rest] = line.split(',');
    if (!macAddress || id !== 'id:*' || !address || !hostname || rest.length > 0) return undefined;
    reservations.push({ macAddress, address, hostname });
  }
  return reservations;
}

/**
 * Leases (`expiry MAC address …`) whose address is now reserved for another MAC. dnsmasq would go on refusing the
 * new owner until the lease ends.
 */
export function obsoleteLeases(leases: string, reservations: readonly Reservation[]): string[] {
  const owners = new Map(reservations.map(({ macAddress, address }) => [address, macAddress]));
  return leases.split('\n').filter((line) => {
    const [, macAddress, address] = line.split(' ');
    const owner = address === undefined ? undefined : owners.get(address);
    return owner !== undefined && owner !== macAddress;
  });
}

const sortedLines = (entries: string[]): string =>
  entries
    .sort()
    .map((entry) => `${entry}\n`)
    .join('');
