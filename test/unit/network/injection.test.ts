/** Hostile values in every text field: either the check names the field, or what is written says the same and no more. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  dnsmasqConfig,
  namesFile,
  parseReservations,
  reservationsFile,
} from '../../../src/host/network/dnsmasq-files.ts';
import {
  addBridge,
  configureBridge,
  configurePort,
  portAlias,
  portOfAlias,
} from '../../../src/host/network/link-commands.ts';
import { NetworkError } from '../../../src/host/network/errors.ts';
import type { Transaction } from '../../../src/host/network/nft-table.ts';
import { portComment, portRules, segmentComment, segmentRules } from '../../../src/host/network/rules.ts';
import { ListedTable } from '../../../src/host/network/rules-listing.ts';
import { checkedPort, checkedSegment } from '../../../src/host/network/validated.ts';
import type { PortSpec, Reservation, SegmentSpec } from '../../../src/host/ports/network.ts';
import { spoilt } from '../../support/hostile-text.ts';
import { port, segment } from './samples.ts';

const paths = { reservations: '/d/reservations', names: '/d/names', leases: '/d/leases' };
const [web] = segment.reservations as [Reservation];

/** A checked spec, or undefined once the refusal named the field. */
function accepted<Spec>(check: () => Spec, field: string): Spec | undefined {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    expect(error).toMatchObject({ reason: 'InvalidNetworkSpec', retryable: false });
    expect(error.message.startsWith(`${field}: `)).toBe(true);
    // A refusal is shown in conditions and logs: it must not carry the hostile text along.
    expect(error.message).toMatch(/^[\x20-\x7e]+$/);
    return undefined;
  }
}

/** The rules as nft would list them after the transaction. */
function listed(family: 'bridge' | 'inet', { nftables }: Transaction): ListedTable {
  const added = (nftables as { add?: Record<string, unknown> }[]).flatMap(({ add }) => (add ? [add] : []));
  return new ListedTable(family, JSON.stringify({ nftables: added }));
}

const segmentFields: Record<string, (text: string) => SegmentSpec> = {
  subnetUid: (subnetUid) => ({ ...segment, subnetUid }),
  cidr: (cidr) => ({ ...segment, cidr }),
  gateway: (gateway) => ({ ...segment, gateway }),
  egress: (egress) => ({ ...segment, egress: egress as 'NAT' }),
  'dnsServers[0]': (server) => ({ ...segment, dnsServers: [server, '192.0.2.54'] }),
  'reservations[0].macAddress': (macAddress) => ({ ...segment, reservations: [{ ...web, macAddress }] }),
  'reservations[0].address': (address) => ({ ...segment, reservations: [{ ...web, address }] }),
  'reservations[0].hostname': (hostname) => ({ ...segment, reservations: [{ ...web, hostname }] }),
};
const goodSegment: Record<string, string> = {
  subnetUid: segment.subnetUid,
  cidr: segment.cidr,
  gateway: segment.gateway,
  egress: segment.egress,
  'dnsServers[0]': '192.0.2.53',
  'reservations[0].macAddress': web.macAddress,
  'reservations[0].address': web.address,
  'reservations[0].hostname': web.hostname,
};

/** Keys of dnsmasq's settings in order, without their values. */
const keysOf = (config: string) => config.split('\n').map((line) => line.replace(/[=].*/, '='));

test.each(Object.entries(segmentFields))('of a segment: %s', (field, withText) => {
  fc.assert(
    fc.property(spoilt(goodSegment[field] ?? ''), (text) => {
      const spec = accepted(() => checkedSegment(withText(text)), field);
      if (!spec) return;
      const settings = (of: SegmentSpec) => dnsmasqConfig({ spec: of, linkIndex: 7, user: 'dnsmasq', paths });
      const config = settings(spec);
      const title = `# Subnet ${spec.subnetUid}, link 7`;
      expect(keysOf(config).slice(1)).toEqual(keysOf(settings({ ...segment, egress: spec.egress })).slice(1));
      expect(config.split('\n')[0]).toBe(title);
      expect(parseReservations(reservationsFile(spec.reservations))).toEqual(spec.reservations);
      expect(namesFile(spec.reservations).split(/\s/u)).toEqual([
        ...spec.reservations.flatMap(({ address, hostname }) => [address, hostname]),
        '',
      ]);
      expect(listed('inet', segmentRules(spec)).comments).toEqual(
        new Set(['purlin', segmentComment(spec.subnetUid)]),
      );
      for (const command of [...addBridge(spec.subnetUid), ...configureBridge(spec, [])])
        expect(command).toMatch(/^[a-zA-Z0-9 :./_-]+$/);
    }),
    { numRuns: 300 },
  );
});

const portFields = ['machineUid', 'subnetUid', 'interfaceName', 'macAddress', 'address'] as const;

test.each(portFields)('of a port: %s', (field) => {
  fc.assert(
    fc.property(spoilt(port[field]), (text) => {
      const spec = accepted<PortSpec>(() => checkedPort({ ...port, [field]: text }), field);
      if (!spec) return;
      expect(portOfAlias(portAlias(spec))).toEqual({
        machineUid: spec.machineUid,
        interfaceName: spec.interfaceName,
        subnetUid: spec.subnetUid,
      });
      expect(listed('bridge', portRules(spec)).comments).toEqual(new Set(['purlin', portComment(spec)]));
      for (const command of configurePort(spec)) expect(command).toMatch(/^[a-zA-Z0-9 :./_-]+$/);
    }),
    { numRuns: 300 },
  );
});

describe('any good reservations', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/).filter((text) => text.length <= 63);
  const reservations = fc
    .uniqueArray(fc.record({ last: fc.integer({ min: 2, max: 254 }), hostname: label }), {
      selector: ({ last }) => last,
    })
    .map((entries) =>
      entries.map(({ last, hostname }) => ({
        macAddress: `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`,
        address: `10.20.0.${last}`,
        hostname,
      })),
    );

  test('pass the check and are read back, each once', () => {
    fc.assert(
      fc.property(reservations, (given) => {
        const checked = checkedSegment({ ...segment, reservations: given }).reservations;
        const byMac = (list: readonly Reservation[]) =>
          list.toSorted((a, b) => (a.macAddress < b.macAddress ? -1 : 1));
        expect(byMac(parseReservations(reservationsFile(checked)) ?? [])).toEqual(byMac(given));
        expect(namesFile(checked).split('\n')).toHaveLength(given.length + 1);
      }),
    );
  });

  const change = fc.oneof(fc.constantFrom(',', ',ignore', '\n', '#', ' ', 'x'), spoilt('x'));
  test('and a file that somebody changed is not taken for ours', () => {
    fc.assert(
      fc.property(reservations, fc.nat(), change, (given, at, text) => {
        fc.pre(given.length > 0);
        const written = reservationsFile(given);
        const place = at % written.length;
        const read = parseReservations(written.slice(0, place) + text + written.slice(place));
        // Whatever is read is written as it was read, so that a comparison with what is wanted shows the change.
        if (read) expect(reservationsFile(read).split('\n').sort()).toEqual(linesOf(written, place, text));
      }),
    );
  });

  /** The lines of the changed text, sorted as they are written. */
  const linesOf = (written: string, place: number, text: string): string[] =>
    [...(written.slice(0, place) + text + written.slice(place)).split('\n').filter(Boolean), ''].sort();
});
