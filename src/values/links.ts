import { canonicalJson, contentHash, sha256 } from './hash.ts';

/** Linux limits interface names to 15 characters: `pl` + role + 10 hex digits of the owner's hash. */
const linkName = (role: 'b' | 't', owner: string): string => `pl${role}${sha256(owner).slice(0, 10)}`;

/** Name of the bridge of a Subnet. */
export const bridgeName = (subnetUid: string): string => linkName('b', subnetUid);

/** Name of the tap of one interface of a Machine. */
export const tapName = (machineUid: string, interfaceName: string): string =>
  linkName('t', `${machineUid}/${interfaceName}`);

/** The part of a segment that decides bridge, dnsmasq configuration and rules (not the reservations). */
export interface SegmentShape {
  cidr: string;
  gateway: string;
  mtu: number;
  egress: string;
  dnsServers: string[];
}

/** Hash by which wanted and realised segments are compared. */
export const segmentHash = ({ cidr, gateway, mtu, egress, dnsServers }: SegmentShape): string =>
  contentHash({ cidr, gateway, mtu, egress, dnsServers });

/** Hash of a set of reservations, independent of their order. */
export const reservationsHash = (
  reservations: readonly { macAddress: string; address: string; hostname: string }[],
): string =>
  contentHash(
    reservations
      .map(({ macAddress, address, hostname }) => canonicalJson([macAddress, address, hostname]))
      .sort(),
  );
