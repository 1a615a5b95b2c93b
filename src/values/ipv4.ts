/** An IPv4 network in numbers. */
export interface Network {
  /** First address. */
  base: number;
  prefix: number;
  /** Number of addresses, network and broadcast included. */
  size: number;
}

const OCTET = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const DOTTED = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);

/** The address as an unsigned 32-bit number; undefined unless it is strict dotted decimal (no leading zeros). */
export function parseAddress(text: string): number | undefined {
  const match = DOTTED.exec(text);
  if (!match) return undefined;
  const [, first, second, third, fourth] = match;
  return Number(first) * 2 ** 24 + Number(second) * 2 ** 16 + Number(third) * 2 ** 8 + Number(fourth);
}

export const formatAddress = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;

/** A network in canonical CIDR form; undefined if it is malformed or has host bits set. */
export function parseCidr(text: string): Network | undefined {
  const around = networkAround(text);
  return around && text === `${formatAddress(around.base)}/${around.prefix}` ? around : undefined;
}

/** The network of an interface's address with its prefix, as `ip` shows it; undefined if it is malformed. */
export function networkAround(text: string): Network | undefined {
  const [dotted, length, ...rest] = text.split('/');
  if (dotted === undefined || length === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length))
    return undefined;
  const address = parseAddress(dotted);
  const prefix = Number(length);
  if (address === undefined || prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  return { base: address - (address % size), prefix, size };
}

export const contains = (network: Network, address: number): boolean =>
  address >= network.base && address < network.base + network.size;

export const overlaps = (a: Network, b: Network): boolean =>
  a.base < b.base + b.size && b.base < a.base + a.size;

/** Addresses that interfaces can hold: neither the network's own, nor broadcast, nor the gateway. */
export const usableAddresses = (network: Network): number => Math.max(0, network.size - 3);
