/** Lines for `ip -batch`: pure functions of checked values. */
import { parseCidr } from '../../values/ipv4.ts';
import { sha256 } from '../../values/hash.ts';
import { bridgeName, tapName } from '../../values/links.ts';
import type { PortSpec, SegmentSpec } from '../ports/network.ts';

const subnetTag = 'purlin:subnet:';
const portTag = 'purlin:port:';

/** The alias by which a bridge is known as ours; a name alone proves nothing. */
export const subnetAlias = (subnetUid: string): string => `${subnetTag}${subnetUid}`;

export const portAlias = ({
  machineUid,
  interfaceName,
  subnetUid,
}: Pick<PortSpec, 'machineUid' | 'interfaceName' | 'subnetUid'>): string =>
  `${portTag}${machineUid}/${interfaceName}:${subnetUid}`;

export const subnetOfAlias = (alias: string | undefined): string | undefined =>
  alias?.startsWith(subnetTag) ? alias.slice(subnetTag.length) : undefined;

export function portOfAlias(alias: string | undefined) {
  const match = /^purlin:port:([^/:]+)\/([^/:]+):([^/:]+)$/.exec(alias ?? '');
  if (!match) return undefined;
  const [, machineUid = '', interfaceName = '', subnetUid = ''] = match;
  return { machineUid, interfaceName, subnetUid };
}

/** `10.20.0.1/24`: the address that the bridge carries. */
export const gatewayCidr = ({ gateway, cidr }: Pick<SegmentSpec, 'gateway' | 'cidr'>): string =>
  `${gateway}/${parseCidr(cidr)?.prefix}`;

/** The bridge keeps its MAC when it is made again, so that guests' ARP entries for the gateway stay true. */
const bridgeMac = (subnetUid: string): string => {
  const hash = sha256(subnetUid);
  return ['fa', ...[0, 2, 4, 6, 8].map((start) => hash.slice(start, start + 2))].join(':');
};

/**
 * A bridge that does not talk by itself: no spanning tree, no IPv6 address of its own (`addrgenmode none`), no
 * delay before a new port forwards. It stays down until its rules stand.
 */
export const addBridge = (subnetUid: string): string[] => [
  `link add name ${bridgeName(subnetUid)} address ${bridgeMac(subnetUid)} type bridge stp_state 0 forward_delay 0`,
];

/** The state of a link that is there already, as far as the commands depend on it. */
export interface PresentLink {
  mtu: number;
}

/**
 * Puts a bridge into its wanted state. `strangers` are addresses on it that are not wanted; without `present` it has
 * only just been made.
 */
export function configureBridge(
  spec: SegmentSpec,
  strangers: readonly string[],
  present?: PresentLink,
): string[] {
  const bridge = bridgeName(spec.subnetUid);
  return [
    `link set dev ${bridge} alias ${subnetAlias(spec.subnetUid)}`,
    ...quietWithMtu(bridge, spec.mtu, present),
    ...strangers.map((address) => `address delete ${address} dev ${bridge}`),
    `address replace ${gatewayCidr(spec)} dev ${bridge}`,
    `link set dev ${bridge} up`,
  ];
}

/** A port of a bridge whose MTU changes; it is up again afterwards. */
export const changeMtu = (port: string, mtu: number, present: PresentLink): string[] => [
  ...quietWithMtu(port, mtu, present),
  ...raisePort(port),
];

/** A link with a smaller MTU has no IPv6 (RFC 8200, section 5), and Linux then refuses every setting of it. */
const SMALLEST_IPV6_MTU = 1280;

/**
 * An MTU, and no IPv6 address of its own. IPv6 comes with an MTU that has grown beyond the smallest, and would give a
 * link that is up an address at once: such a link is taken down for it.
 */
function quietWithMtu(link: string, mtu: number, present: PresentLink | undefined): string[] {
  if (mtu < SMALLEST_IPV6_MTU) return [`link set dev ${link} mtu ${mtu}`];
  if (present === undefined || present.mtu >= SMALLEST_IPV6_MTU)
    return [`link set dev ${link} addrgenmode none mtu ${mtu}`];
  return [
    `link set dev ${link} down`,
    `link set dev ${link} mtu ${mtu}`,
    `link set dev ${link} addrgenmode none`,
  ];
}

export const deleteLink = (link: string): string[] => [`link delete dev ${link}`];

/**
 * A persistent tap that libvirt opens for QEMU (`<target dev=… managed='no'/>`).
 * libvirt: https://libvirt.org/formatdomain.html#generic-ethernet-connection
 */
export const addTap = (tap: string): string[] => [`tuntap add dev ${tap} mode tap`];

/** Everything but `up`; ends with the attachment. Without `present` the tap has only just been made. */
export function configurePort(spec: PortSpec, present?: PresentLink): string[] {
  const tap = tapName(spec.machineUid, spec.interfaceName);
  return [
    `link set dev ${tap} alias ${portAlias(spec)}`,
    ...quietWithMtu(tap, spec.mtu, present),
    `link set dev ${tap} master ${bridgeName(spec.subnetUid)}`,
  ];
}

export const raisePort = (tap: string): string[] => [`link set dev ${tap} up`];
