import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, contentHash } from '../../../src/values/hash.ts';
import {
  contains,
  formatAddress,
  overlaps,
  parseAddress,
  parseCidr,
  usableAddresses,
} from '../../../src/values/ipv4.ts';
import { bridgeName, reservationsHash, segmentHash, tapName } from '../../../src/values/links.ts';
import { macAddress } from '../../../src/values/mac.ts';
import { addressName, diskName, dnsLabel, placementName } from '../../../src/values/names.ts';
import { approximateBytes, formatBytes, quantityBytes } from '../../../src/values/quantity.ts';

const address = fc.nat(2 ** 32 - 1);
const network = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([bits, prefix]) => {
  const size = 2 ** (32 - prefix);
  return {
    text: `${formatAddress(bits - (bits % size))}/${prefix}`,
    base: bits - (bits % size),
    prefix,
    size,
  };
});

describe('IPv4', () => {
  test('what is formatted is read again', () => {
    fc.assert(fc.property(address, (bits) => parseAddress(formatAddress(bits)) === bits));
  });

  test('only strict dotted decimal is an address', () => {
    for (const text of [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '01.2.3.4',
      '1.2.3.4 ',
      ' 1.2.3.4',
      '0x1.2.3.4',
      '1.2.3.-4',
      '::1',
      '1.2.3.4\n',
    ])
      expect([text, parseAddress(text)]).toEqual([text, undefined]);
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bits = parseAddress(text);
        return bits === undefined || formatAddress(bits) === text;
      }),
    );
  });

  test('a network is read back, and refused when a host bit is set', () => {
    fc.assert(
      fc.property(network, fc.nat(), ({ text, base, prefix, size }, offset) => {
        expect(parseCidr(text)).toEqual({ base, prefix, size });
        const inside = base + (offset % size);
        if (inside !== base) expect(parseCidr(`${formatAddress(inside)}/${prefix}`)).toBeUndefined();
      }),
    );
  });

  test('malformed networks', () => {
    for (const text of [
      '10.0.0.0',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/8/8',
      '/8',
      '10.0.0.0/-1',
      '10.0.0.0/1e1',
      '10.0.0.0/008',
    ])
      expect([text, parseCidr(text)]).toEqual([text, undefined]);
  });

  test('overlap is symmetric, and the same as sharing an address', () => {
    fc.assert(
      fc.property(network, network, (a, b) => {
        expect(overlaps(a, b)).toBe(overlaps(b, a));
        // Of two blocks aligned to their sizes one contains the base of the other, or they are apart.
        expect(overlaps(a, b)).toBe(contains(a, b.base) || contains(b, a.base));
      }),
    );
  });

  test('network, broadcast and gateway are not for interfaces', () => {
    expect(usableAddresses({ base: 0, prefix: 29, size: 8 })).toBe(5);
    expect(usableAddresses({ base: 0, prefix: 32, size: 1 })).toBe(0);
  });
});

describe('quantities', () => {
  test.each<[string | number, number]>([
    ['0', 0],
    [1048576, 2 ** 20],
    ['256Mi', 2 ** 28],
    ['1.5G', 1.5e9],
    ['0.1Ki', 103],
    ['2Ti', 2 ** 41],
    ['5k', 5000],
  ])('%s is %d bytes', (quantity, bytes) => {
    expect(quantityBytes(quantity)).toBe(bytes);
  });

  test.each(['', 'Mi', '-1', '1 Mi', '1mi', '1e3', '1Pi', '.5Gi', '1.Gi', '0x10', 'NaN', '1Mi\n'])(
    '%j is none',
    (quantity) => {
      expect(() => quantityBytes(quantity)).toThrow(RangeError);
    },
  );

  test('formatting is exact', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), fc.constantFrom(1, 1024, 2 ** 20), (count, unit) => {
        expect(quantityBytes(formatBytes(count * unit))).toBe(count * unit);
      }),
    );
  });

  test('for people: at most four digits, never more than there is', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), fc.constantFrom(1, 1024, 2 ** 20), (count, unit) => {
        const text = approximateBytes(count * unit);
        expect(text).toMatch(/^\d{1,4}(Ki|Mi|Gi|Ti)$/);
        expect(quantityBytes(text)).toBeLessThanOrEqual(count * unit);
      }),
    );
    expect(approximateBytes(2 ** 60)).toBe('1048576Ti');
  });
});

describe('hashes', () => {
  test('do not depend on the order of members, nor on members that are undefined', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(contentHash({ ...reversed, gone: undefined })).toBe(
          contentHash({ ...value, gone: undefined }),
        );
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('reservations are a set; a segment is not its reservations', () => {
    const a = { macAddress: '02:00:00:00:00:01', address: '10.0.0.2', hostname: 'a' };
    const b = { macAddress: '02:00:00:00:00:02', address: '10.0.0.3', hostname: 'b' };
    expect(reservationsHash([a, b])).toBe(reservationsHash([b, a]));
    expect(reservationsHash([a])).not.toBe(reservationsHash([a, b]));
    const shape = { cidr: '10.0.0.0/24', gateway: '10.0.0.1', mtu: 1500, egress: 'NAT', dnsServers: [] };
    expect(segmentHash({ ...shape, reservations: [a] } as never)).toBe(segmentHash(shape));
  });
});

describe('names', () => {
  test('links fit into 15 characters and tell owners apart', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), fc.string({ minLength: 1, maxLength: 15 }), (one, other, eth) => {
        for (const name of [bridgeName(one), tapName(one, eth)]) expect(name).toMatch(/^pl[bt][0-9a-f]{10}$/);
        if (one !== other) expect(tapName(one, eth)).not.toBe(tapName(other, eth));
      }),
    );
  });

  test('MAC addresses are locally administered, stable, and another at each attempt', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ minLength: 1 }), (uid, name) => {
        expect(macAddress(uid, name)).toMatch(/^02(:[0-9a-f]{2}){5}$/);
        expect(macAddress(uid, name)).toBe(macAddress(uid, name, 0));
        expect(macAddress(uid, name, 1)).not.toBe(macAddress(uid, name));
      }),
    );
  });

  test('of objects that controllers make', () => {
    expect(placementName('u')).toBe('machine-u');
    expect(addressName('frontend', '10.20.0.9')).toBe('frontend-10-20-0-9');
    expect(diskName('web', { name: 'root' })).toBe('web-root');
    expect(diskName('web', { name: 'root', diskRef: { name: 'data' } })).toBe('data');
  });

  test('a DNS label is never longer than one, nor ends in a dash', () => {
    expect(dnsLabel('web.example.org')).toBe('web-example-org');
    expect(dnsLabel(`${'a'.repeat(62)}.${'b'.repeat(9)}`)).toBe('a'.repeat(62));
  });
});
