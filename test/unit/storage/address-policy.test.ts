import { describe, expect, test } from '@jest/globals';
import { addressPolicy } from '../../../src/host/storage/address-policy.ts';

describe('addresses that images may come from', () => {
  const allows = addressPolicy(false);

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '0:0:0:0:0:ffff:169.254.169.254',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '5f00::1',
    '',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '010.0.0.1',
    '2130706433',
    '1.2.3.4.5',
  ])('%s is denied', (address) => {
    expect(allows(address)).toBe(false);
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ])('%s is allowed', (address) => {
    expect(allows(address)).toBe(true);
  });

  test('configuration opens the named networks and no other', () => {
    const opened = addressPolicy(['10.5.0.0/16', 'fd00:1::/32']);
    expect(opened('10.5.9.9')).toBe(true);
    expect(opened('::ffff:10.5.9.9')).toBe(true);
    expect(opened('fd00:1::9')).toBe(true);
    expect(opened('10.6.0.1')).toBe(false);
    expect(opened('127.0.0.1')).toBe(false);
    expect(opened('1.1.1.1')).toBe(true);
  });

  test('configuration may open everything that is an address', () => {
    expect(addressPolicy(true)('127.0.0.1')).toBe(true);
    expect(addressPolicy(true)('localhost')).toBe(false);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    'fd00::/129',
    '/8',
    'ten/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ])('the malformed CIDR %j is refused', (cidr) => {
    expect(() => addressPolicy([cidr])).toThrow('is not a CIDR');
  });
});
