/** IP addresses and CIDRs as the Kubernetes CEL library knows them. */
import { isIPv4, isIPv6 } from 'node:net';

export class IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;

  constructor(family: 4 | 6, value: bigint) {
    this.family = family;
    this.value = value;
  }

  /** Undefined for what is no address, or an IPv6 one with a zone or an IPv4 address inside. */
  static parse(text: string): IpAddress | undefined {
    if (isIPv4(text)) return new IpAddress(4, fromParts(text.split('.').map(BigInt), 8n));
    if (!isIPv6(text) || text.includes('%') || text.includes('.')) return undefined;
    const [head = '', tail] = text.split('::');
    const left = head === '' ? [] : head.split(':');
    const right = tail === undefined || tail === '' ? [] : tail.split(':');
    const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => '0');
    return new IpAddress(
      6,
      fromParts(
        [...left, ...zeros, ...right].map((part) => BigInt(`0x${part}`)),
        16n,
      ),
    );
  }

  get bits(): number {
    return this.family === 4 ? 32 : 128;
  }

  equals(other: IpAddress): boolean {
    return this.family === other.family && this.value === other.value;
  }

  isIn(cidr: string): boolean {
    return Cidr.parse(cidr)?.contains(this) ?? false;
  }

  isUnspecified(): boolean {
    return this.value === 0n;
  }

  isLoopback(): boolean {
    return this.family === 4 ? this.isIn('127.0.0.0/8') : this.value === 1n;
  }

  isLinkLocalUnicast(): boolean {
    return this.isIn(this.family === 4 ? '169.254.0.0/16' : 'fe80::/10');
  }

  isLinkLocalMulticast(): boolean {
    return this.isIn(this.family === 4 ? '224.0.0.0/24' : 'ff02::/16');
  }

  isGlobalUnicast(): boolean {
    const multicast = this.isIn(this.family === 4 ? '224.0.0.0/4' : 'ff00::/8');
    const broadcast = this.family === 4 && this.value === 2n ** 32n - 1n;
    return (
      !multicast && !broadcast && !this.isUnspecified() && !this.isLoopback() && !this.isLinkLocalUnicast()
    );
  }

  /** The canonical text of RFC 5952. */
  toString(): string {
    if (this.family === 4) return toParts(this.value, 4, 8n).join('.');
    const groups = toParts(this.value, 8, 16n).map((part) => part.toString(16));
    const runs = groups.join(':').match(/\b0(:0)+\b/g) ?? [];
    const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
    const text = groups.join(':');
    if (!longest) return text;
    const at = text.search(new RegExp(`(^|:)${longest}(:|$)`));
    const before = text.slice(0, at).replace(/:$/, '');
    const after = text.slice(at + longest.length + (at === 0 ? 0 : 1)).replace(/^:/, '');
    return `${before}::${after}`;
  }
}

export class Cidr {
  readonly address: IpAddress;
  readonly prefixLength: number;

  constructor(address: IpAddress, prefixLength: number) {
    this.address = address;
    this.prefixLength = prefixLength;
  }

  static parse(text: string): Cidr | undefined {
    const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
    const address = match && IpAddress.parse(match[1] ?? '');
    const length = Number(match?.[2]);
    return address && length <= address.bits ? new Cidr(address, length) : undefined;
  }

  masked(): Cidr {
    const hostBits = BigInt(this.address.bits - this.prefixLength);
    return new Cidr(
      new IpAddress(this.address.family, (this.address.value >> hostBits) << hostBits),
      this.prefixLength,
    );
  }

  contains(address: IpAddress): boolean {
    const hostBits = BigInt(this.address.bits - this.prefixLength);
    return (
      address.family === this.address.family && address.value >> hostBits === this.address.value >> hostBits
    );
  }

  containsCidr(other: Cidr): boolean {
    return other.prefixLength >= this.prefixLength && this.contains(other.address);
  }

  equals(other: Cidr): boolean {
    return this.prefixLength === other.prefixLength && this.address.equals(other.address);
  }

  toString(): string {
    return `${this.address.toString()}/${this.prefixLength}`;
  }
}

const fromParts = (parts: bigint[], width: bigint): bigint =>
  parts.reduce((value, part) => (value << width) | part, 0n);

function toParts(value: bigint, count: number, width: bigint): number[] {
  const mask = (1n << width) - 1n;
  return Array.from({ length: count }, (_, i) => Number((value >> (width * BigInt(count - 1 - i))) & mask));
}
