import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  checkedPort,
  checkedReservations,
  checkedSegment,
  checkedUid,
} from '../../../src/host/network/validated.ts';
import { port, segment } from './samples.ts';

const [web] = segment.reservations as [(typeof segment.reservations)[number]];
const refuses = (attempt: () => unknown, field: string) =>
  expect(attempt).toThrow(
    expect.objectContaining({
      reason: 'InvalidNetworkSpec',
      retryable: false,
      message: expect.stringContaining(`${field}:`),
    }),
  );

describe('a segment', () => {
  test('that is well formed passes unchanged', () => {
    expect(checkedSegment(segment)).toEqual(segment);
  });

  test.each([
    ['subnetUid', { subnetUid: '../etc' }],
    ['cidr', { cidr: '10.20.0.1/24' }],
    ['cidr', { cidr: '10.20.0.0/31' }],
    ['gateway', { gateway: '10.21.0.1' }],
    ['gateway', { gateway: '10.20.0.0' }],
    ['gateway', { gateway: '10.20.0.255' }],
    ['gateway', { gateway: '10.20.0.1\nuser=root' }],
    ['mtu', { mtu: 67 }],
    ['mtu', { mtu: 1500.5 }],
    ['mtu', { mtu: Number.NaN }],
    ['egress', { egress: 'Open' as 'NAT' }],
    ['dnsServers[1]', { dnsServers: ['192.0.2.53', '/example/192.0.2.1'] }],
  ])('is refused for its %s: %j', (field, change) => {
    refuses(() => checkedSegment({ ...segment, ...change }), field);
  });
});

describe('a reservation', () => {
  test.each([
    ['hostname', { hostname: 'web,set:x' }],
    ['hostname', { hostname: 'web\ndhcp-script=/bin/sh' }],
    ['hostname', { hostname: '' }],
    ['hostname', { hostname: '-web' }],
    ['hostname', { hostname: 'a'.repeat(64) }],
    ['macAddress', { macAddress: '03:00:00:00:00:01' }],
    ['macAddress', { macAddress: '02:00:00:00:00:*' }],
    ['address', { address: '10.20.1.1' }],
    ['address', { address: '010.20.0.9' }],
  ])('is refused for its %s: %j', (field, change) => {
    refuses(() => checkedReservations([{ ...web, ...change }], segment), `reservations[0].${field}`);
  });

  test('must not share its address or MAC, nor take the gateway', () => {
    const other = { macAddress: '02:00:00:00:00:0b', address: '10.20.0.11', hostname: 'db' };
    refuses(() => checkedReservations([web, { ...other, address: web.address }], segment), 'reservations[1]');
    refuses(
      () => checkedReservations([web, { ...other, macAddress: web.macAddress }], segment),
      'reservations[1]',
    );
    refuses(() => checkedReservations([{ ...web, address: segment.gateway }], segment), 'reservations[0]');
  });
});

test.each([
  ['machineUid', { machineUid: 'a/b' }],
  ['subnetUid', { subnetUid: 'a:b' }],
  ['interfaceName', { interfaceName: 'eth0 up' }],
  ['macAddress', { macAddress: 'ff:ff:ff:ff:ff:ff' }],
  ['address', { address: '10.20.0' }],
  ['mtu', { mtu: 70_000 }],
])('a port is refused for its %s: %j', (field, change) => {
  refuses(() => checkedPort({ ...port, ...change }), field);
});

test('no accepted word holds a separator of any file or command', () => {
  const accepted = (check: () => unknown) => {
    try {
      check();
      return true;
    } catch {
      return false;
    }
  };
  const word = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('a', '-', '9', '\n', ',', '/', ' ', '.') }),
  );
  fc.assert(
    fc.property(word, (text) => {
      const passed = [
        () => checkedUid('uid', text),
        () => checkedPort({ ...port, interfaceName: text }),
        () => checkedReservations([{ ...web, hostname: text }], segment),
        () => checkedReservations([{ ...web, address: text }], segment),
        () => checkedReservations([{ ...web, macAddress: text }], segment),
        () => checkedSegment({ ...segment, dnsServers: [text] }),
      ].filter(accepted);
      expect(passed.length === 0 || /^[A-Za-z0-9.:-]+$/.test(text)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
