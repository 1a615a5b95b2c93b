/**
 * The only way into the builders: values that went through here cannot break out of a line of `ip -batch`, of a
 * dnsmasq file or of an nft comment. Everything else is refused with the name of the field.
 */
import { contains, formatAddress, parseAddress, parseCidr } from '../../values/ipv4.ts';
import type { PortSpec, Reservation, SegmentSpec } from '../ports/network.ts';
import { invalid } from './errors.ts';

const uid = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?$/;
/** RFC 1123 label, as Kubernetes has it. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const mac = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** The least MTU of IPv4 (RFC 791), and the most that a Linux bridge takes. */
const mtuBounds = { least: 68, most: 65_535 };

/** A UID as the API server gives it, or any other word of letters, digits and inner dashes. */
export function checkedUid(field: string, value: string): string {
  if (!uid.test(value)) throw invalid(field, 'must be 1 to 64 letters, digits and inner dashes');
  return value;
}

export function checkedInterfaceName(field: string, value: string): string {
  if (!label.test(value)) throw invalid(field, 'must be a DNS label (a-z, 0-9 and inner dashes, up to 63)');
  return value;
}

/** @throws InvalidNetworkSpec naming the first field that is wrong. */
export function checkedSegment(spec: SegmentSpec): SegmentSpec {
  checkedUid('subnetUid', spec.subnetUid);
  const network = parseCidr(spec.cidr);
  if (!network || network.prefix > 30)
    throw invalid('cidr', 'must be an IPv4 network without host bits, /30 or larger');
  checkInside('gateway', spec.gateway, network);
  checkMtu(spec.mtu);
  if (!['NAT', 'Routed', 'None'].includes(spec.egress))
    throw invalid('egress', 'must be NAT, Routed or None');
  for (const [index, server] of spec.dnsServers.entries())
    if (parseAddress(server) === undefined) throw invalid(`dnsServers[${index}]`, 'must be an IPv4 address');
  checkedReservations(spec.reservations, spec);
  return spec;
}

/** @throws InvalidNetworkSpec for a malformed, outside or doubled reservation. */
export function checkedReservations(
  reservations: Reservation[],
  { cidr, gateway }: { cidr: string; gateway: string },
): Reservation[] {
  const network = parseCidr(cidr);
  if (!network) throw invalid('cidr', 'must be an IPv4 network');
  const taken = new Set<string>([gateway]);
  for (const [index, { macAddress, address, hostname }] of reservations.entries()) {
    const field = `reservations[${index}]`;
    checkMac(`${field}.macAddress`, macAddress);
    checkInside(`${field}.address`, address, network);
    if (!label.test(hostname))
      throw invalid(`${field}.hostname`, 'must be a DNS label (a-z, 0-9 and inner dashes, up to 63)');
    for (const unique of [macAddress, address]) {
      if (taken.has(unique)) throw invalid(field, `${unique} is used twice in this Subnet`);
      taken.add(unique);
    }
  }
  return reservations;
}

/** @throws InvalidNetworkSpec naming the first field that is wrong. */
export function checkedPort(spec: PortSpec): PortSpec {
  checkedUid('machineUid', spec.machineUid);
  checkedUid('subnetUid', spec.subnetUid);
  checkedInterfaceName('interfaceName', spec.interfaceName);
  checkMac('macAddress', spec.macAddress);
  const address = parseAddress(spec.address);
  if (address === undefined) throw invalid('address', 'must be an IPv4 address');
  checkMtu(spec.mtu);
  return spec;
}

function checkMtu(mtu: number): void {
  if (!Number.isInteger(mtu) || mtu < mtuBounds.least || mtu > mtuBounds.most)
    throw invalid('mtu', `must be a whole number from ${mtuBounds.least} to ${mtuBounds.most}`);
}

/** Guests have unicast addresses: the lowest bit of the first octet is zero. */
function checkMac(field: string, value: string): void {
  if (!mac.test(value) || Number.parseInt(value.slice(0, 2), 16) % 2 === 1)
    throw invalid(field, 'must be a unicast MAC address in lower case, like 02:00:00:00:00:01');
}

function checkInside(field: string, text: string, network: { base: number; prefix: number; size: number }) {
  const address = parseAddress(text);
  const usable =
    address !== undefined &&
    contains(network, address) &&
    address !== network.base &&
    address !== network.base + network.size - 1;
  if (!usable)
    throw invalid(field, `must be an address of ${formatAddress(network.base)}/${network.prefix} for hosts`);
}
