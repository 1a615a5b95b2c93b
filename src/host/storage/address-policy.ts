import { BlockList, isIP } from 'node:net';
import { refused } from './errors.ts';

/**
 * Ranges that the public Internet does not use (IANA's special-purpose registries, RFC 6890 and successors).
 * An image server there would be the host itself or something in its private network.
 */
const specialIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Within global unicast (2000::/3): Teredo and other protocol assignments, documentation, 6to4. */
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];
const globalUnicastIpv6 = ['2000::/3'];
/** Prefixes whose last 32 bits are an IPv4 address that is the real destination: mapped, and NAT64. */
const embeddingIpv4 = ['::ffff:0:0/96', '64:ff9b::/96'];

const special = { ipv4: blockList(specialIpv4), ipv6: blockList(specialIpv6) };
const globalUnicast = blockList(globalUnicastIpv6);
const embedding = blockList(embeddingIpv4);

/** Decides whether images may be fetched from an address. */
export type AddressPolicy = (address: string) => boolean;

/**
 * @param allowPrivate `true` allows every address; a list of CIDRs allows those besides the public ones
 * @throws StorageError `InvalidConfiguration` for a malformed CIDR
 */
export function addressPolicy(allowPrivate: boolean | readonly string[]): AddressPolicy {
  if (allowPrivate === true) return (address) => isIP(address) !== 0;
  const allowed = blockList(allowPrivate === false ? [] : allowPrivate);
  return (address) => {
    const family = familyOf(address);
    if (!family) return false;
    const destination =
      family === 'ipv6' && embedding.check(address, 'ipv6') ? lastFourBytes(address) : address;
    const destinationFamily = destination === address ? family : 'ipv4';
    if (allowed.check(destination, destinationFamily)) return true;
    if (destinationFamily === 'ipv4') return !special.ipv4.check(destination, 'ipv4');
    return globalUnicast.check(destination, 'ipv6') && !special.ipv6.check(destination, 'ipv6');
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}

/** The IPv4 address in the low bits of an IPv6 one, by the URL parser's canonical form. */
function lastFourBytes(address: string): string {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [high = '', low = ''] = canonical.split(':').slice(-2);
  const [a, b] = [Number.parseInt(high || '0', 16), Number.parseInt(low || '0', 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits = '', ...rest] = cidr.split('/');
    const family = familyOf(address);
    if (
      !family ||
      rest.length > 0 ||
      !/^\d{1,3}$/.test(bits) ||
      Number(bits) > (family === 'ipv4' ? 32 : 128)
    )
      throw refused('InvalidConfiguration', `allowPrivateAddresses: ${JSON.stringify(cidr)} is not a CIDR`);
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}
