import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  dnsmasqConfig,
  namesFile,
  obsoleteLeases,
  parseReservations,
  reservationsFile,
} from '../../../src/host/network/dnsmasq-files.ts';
import { segment } from './samples.ts';

const settings = {
  spec: segment,
  linkIndex: 7,
  user: 'dnsmasq',
  paths: { reservations: '/d/reservations', names: '/d/names', leases: '/d/leases' },
};
const linesOf = (change: Partial<typeof segment>) =>
  dnsmasqConfig({ ...settings, spec: { ...segment, ...change } }).split('\n');

describe('the configuration', () => {
  test('serves reservations alone, on one bridge, unprivileged', () => {
    expect(dnsmasqConfig(settings)).toBe(`# Subnet aaaaaaaa-0000-4000-8000-000000000000, link 7
user=dnsmasq
pid-file=
bind-dynamic
interface=plbc214e8c0c9
except-interface=lo
no-hosts
dhcp-range=10.20.0.0,static,255.255.255.0,3600
dhcp-authoritative
dhcp-ignore-names
quiet-dhcp
dhcp-hostsfile=/d/reservations
dhcp-leasefile=/d/leases
dhcp-lease-max=256
dhcp-option=26,1450
dhcp-option=3,10.20.0.1
dhcp-option=6,10.20.0.1
addn-hosts=/d/names
domain-needed
no-resolv
server=192.0.2.53
server=192.0.2.54
`);
  });

  test("forwards to the host's own resolvers when none are named", () => {
    expect(linesOf({ dnsServers: [] })).not.toContain('no-resolv');
  });

  test('has neither DNS nor router without egress', () => {
    const lines = linesOf({ egress: 'None' });
    expect(lines).toEqual(expect.arrayContaining(['port=0', 'dhcp-option=3', 'dhcp-option=6']));
    expect(lines.filter((line) => /^(server|addn-hosts|dhcp-option=[36],)/.test(line))).toEqual([]);
  });

  test.each([
    ['10.20.0.0/30', '255.255.255.252'],
    ['10.16.0.0/12', '255.240.0.0'],
    ['0.0.0.0/0', '0.0.0.0'],
  ])('knows the netmask of %s', (cidr, netmask) => {
    expect(linesOf({ cidr }).find((line) => line.startsWith('dhcp-range='))).toContain(`,${netmask},`);
  });
});

const hex = fc.integer({ min: 0, max: 255 });
const reservation = fc
  .record({
    mac: fc.tuple(hex, hex, hex),
    last: fc.integer({ min: 2, max: 254 }),
    hostname: fc.stringMatching(/^[a-z0-9]{1,20}$/),
  })
  .map(({ mac, last, hostname }) => ({
    macAddress: ['02', '00', '00', ...mac.map((octet) => octet.toString(16).padStart(2, '0'))].join(':'),
    address: `10.20.0.${last}`,
    hostname,
  }));

test('reservations are read back as written, in an order of their own', () => {
  fc.assert(
    fc.property(fc.array(reservation), (reservations) => {
      const text = reservationsFile(reservations);
      expect(reservationsFile(parseReservations(text) ?? [])).toBe(text);
      expect(reservationsFile(reservations.toReversed())).toBe(text);
    }),
  );
});

test.each(['02:00:00:00:00:0a,10.20.0.10,web', '02:00:00:00:00:0a,id:*,10.20.0.10,web,ignore', 'x'])(
  'a line that we did not write is not read: %s',
  (text) => expect(parseReservations(text)).toBeUndefined(),
);

test('names are in the format of hosts(5)', () => {
  expect(namesFile(segment.reservations)).toBe('10.20.0.10 web\n');
});

test('a lease is obsolete once its address is reserved for another MAC', () => {
  const mine = '1795492700 02:00:00:00:00:0a 10.20.0.10 web *';
  const before = '1795492700 02:00:00:00:00:99 10.20.0.10 old *';
  const gone = '1795492700 02:00:00:00:00:98 10.20.0.77 gone *';
  expect(obsoleteLeases(`${mine}\n${before}\n${gone}\n`, segment.reservations)).toEqual([before]);
});
