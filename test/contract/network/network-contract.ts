import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type Network,
  type NetworkSnapshot,
  type PortSpec,
  reservationsHash,
  type SegmentSpec,
  segmentHash,
  tapName,
} from '../../../src/host/ports/network.ts';

/** One adapter under test, with the means to disturb the world around it. */
export interface NetworkWorld {
  network: Network;
  loseBridge(subnetUid: string): Promise<void>;
  killDnsmasq(subnetUid: string): Promise<void>;
  loseReservations(subnetUid: string): Promise<void>;
  flushRules(): Promise<void>;
  stopForwarding(): Promise<void>;
  loseTap(tap: string): Promise<void>;
  /** A program opens the tap and holds it. @returns how it lets go */
  hold(tap: string): Promise<() => Promise<void>>;
  cleanup(): Promise<void>;
}

const subnetUid = 'aaaaaaaa-0000-4000-8000-000000000000';
const machineUid = 'bbbbbbbb-0000-4000-8000-000000000000';

export const web = { macAddress: '02:00:00:00:00:0a', address: '10.20.0.10', hostname: 'web' };
export const db = { macAddress: '02:00:00:00:00:0b', address: '10.20.0.11', hostname: 'db' };

export const segment: SegmentSpec = {
  subnetUid,
  cidr: '10.20.0.0/24',
  gateway: '10.20.0.1',
  mtu: 1450,
  egress: 'NAT',
  dnsServers: ['192.0.2.53'],
  reservations: [web],
};

export const port: PortSpec = {
  machineUid,
  interfaceName: 'eth0',
  subnetUid,
  macAddress: web.macAddress,
  address: web.address,
  mtu: 1450,
};

export const realisedSegment = (spec: SegmentSpec) => ({
  subnetUid: spec.subnetUid,
  bridge: 'up',
  gatewayCidr: `${spec.gateway}/${spec.cidr.split('/')[1]}`,
  mtu: spec.mtu,
  dnsmasq: 'running',
  rules: 'present',
  forwarding: 'on',
  specHash: segmentHash(spec),
  reservationsHash: reservationsHash(spec.reservations),
});

export const realisedPort = (spec: PortSpec) => ({
  tap: tapName(spec.machineUid, spec.interfaceName),
  machineUid: spec.machineUid,
  interfaceName: spec.interfaceName,
  subnetUid: spec.subnetUid,
  state: 'up',
  carrier: 'absent',
  attached: true,
  rules: 'present',
  macAddress: spec.macAddress,
  address: spec.address,
});

/** Resolves with the first listing that satisfies `wanted`, listing again only when the watch calls back. */
export async function seenByWatch(
  network: Network,
  disturb: () => Promise<void>,
  wanted: (snapshot: NetworkSnapshot) => boolean,
): Promise<NetworkSnapshot> {
  const { promise, resolve, reject } = Promise.withResolvers<NetworkSnapshot>();
  const stop = network.watch(() => {
    network.list().then((snapshot) => {
      if (wanted(snapshot)) resolve(snapshot);
    }, reject);
  });
  try {
    await network.list();
    await disturb();
    return await promise;
  } finally {
    stop();
  }
}

/** What every Network must do, real or simulated. */
export function networkContract(name: string, make: () => Promise<NetworkWorld>): void {
  describe(`${name} keeps the network contract`, () => {
    let world: NetworkWorld;
    let network: Network;
    beforeEach(async () => {
      world = await make();
      ({ network } = world);
    });
    afterEach(() => world.cleanup());

    const segments = async () => (await network.list()).segments;
    const ports = async () => (await network.list()).ports;

    test('an untouched host has nothing but its own destinations', async () => {
      const { segments: none, ports: noPorts, hostCidrs } = await network.list();
      expect([none, noPorts]).toEqual([[], []]);
      expect(hostCidrs).toEqual(expect.arrayContaining(['127.0.0.0/8', '169.254.0.0/16']));
    });

    test('a segment is realised as wanted, also when asked twice', async () => {
      await network.ensureSegment(segment);
      await network.ensureSegment(segment);
      expect(await segments()).toEqual([realisedSegment(segment)]);
    });

    test('our own network is no destination of the host', async () => {
      const before = (await network.list()).hostCidrs;
      await network.ensureSegment(segment);
      expect((await network.list()).hostCidrs).toEqual(before);
    });

    test.each<Partial<SegmentSpec>>([
      { egress: 'None' },
      { egress: 'Routed' },
      { mtu: 1400 },
      { gateway: '10.20.0.254' },
      { dnsServers: [] },
      { cidr: '10.20.0.0/25' },
    ])('a realised segment is changed to %j', async (change) => {
      await network.ensureSegment(segment);
      const changed = { ...segment, ...change };
      await network.ensureSegment(changed);
      expect(await segments()).toEqual([realisedSegment(changed)]);
    });

    test('an MTU too small for IPv6 is no way of no return', async () => {
      await network.ensureSegment({ ...segment, mtu: 576 });
      await network.ensurePort({ ...port, mtu: 576 });
      expect(await segments()).toEqual([realisedSegment({ ...segment, mtu: 576 })]);
      await network.ensureSegment({ ...segment, mtu: 576 });
      await network.ensureSegment(segment);
      expect(await segments()).toEqual([realisedSegment(segment)]);
      expect(await ports()).toEqual([realisedPort(port)]);
      await network.ensureSegment({ ...segment, mtu: 576 });
      await network.ensureSegment({ ...segment, mtu: 9000 });
      expect(await segments()).toEqual([realisedSegment({ ...segment, mtu: 9000 })]);
    });

    test('reservations change by themselves', async () => {
      await network.ensureSegment(segment);
      await network.ensureReservations(subnetUid, [web, db]);
      expect(await segments()).toEqual([realisedSegment({ ...segment, reservations: [db, web] })]);
      await network.ensureReservations(subnetUid, []);
      expect(await segments()).toEqual([realisedSegment({ ...segment, reservations: [] })]);
    });

    test('a port stands on its segment, also when asked twice', async () => {
      await network.ensureSegment(segment);
      expect(await network.ensurePort(port)).toBe(tapName(machineUid, 'eth0'));
      await network.ensurePort(port);
      expect(await ports()).toEqual([realisedPort(port)]);
    });

    test('a port is bound to a new address', async () => {
      await network.ensureSegment(segment);
      await network.ensurePort(port);
      const moved = { ...port, address: db.address, macAddress: db.macAddress };
      await network.ensurePort(moved);
      expect(await ports()).toEqual([realisedPort(moved)]);
    });

    test('a port moves to another Subnet', async () => {
      const other = {
        ...segment,
        subnetUid: 'cccccccc-0000-4000-8000-000000000000',
        cidr: '10.21.0.0/24',
        gateway: '10.21.0.1',
        reservations: [],
      };
      await network.ensureSegment(segment);
      await network.ensureSegment(other);
      await network.ensurePort(port);
      const moved = { ...port, subnetUid: other.subnetUid, address: '10.21.0.9' };
      await network.ensurePort(moved);
      expect(await ports()).toEqual([realisedPort(moved)]);
    });

    test('a port or a reservation without its segment is refused, and may be tried again', async () => {
      const refusal = { reason: 'SegmentAbsent', retryable: true };
      await expect(network.ensurePort(port)).rejects.toMatchObject(refusal);
      await expect(network.ensureReservations(subnetUid, [web])).rejects.toMatchObject(refusal);
    });

    test('deleting is complete and may be repeated', async () => {
      await network.ensureSegment(segment);
      await network.ensurePort(port);
      for (let round = 0; round < 2; round += 1) {
        await network.deletePort(machineUid, 'eth0');
        await network.deleteSegment(subnetUid);
        expect(await network.list()).toMatchObject({ segments: [], ports: [] });
      }
    });

    test('values that a tool could misread are refused for good', async () => {
      const refusal = { reason: 'InvalidNetworkSpec', retryable: false };
      const evil = { ...web, hostname: 'web\ndhcp-script=/bin/sh' };
      await expect(network.ensureSegment({ ...segment, reservations: [evil] })).rejects.toMatchObject(
        refusal,
      );
      await network.ensureSegment(segment);
      await expect(network.ensureReservations(subnetUid, [evil])).rejects.toMatchObject(refusal);
      await expect(network.ensurePort({ ...port, interfaceName: 'eth0 up' })).rejects.toMatchObject(refusal);
      await expect(network.deleteSegment('../..')).rejects.toMatchObject(refusal);
    });

    test('a deleted bridge is seen and healed, with its ports', async () => {
      await network.ensureSegment(segment);
      await network.ensurePort(port);
      const seen = await seenByWatch(
        network,
        () => world.loseBridge(subnetUid),
        (snapshot) => snapshot.segments[0]?.bridge === 'absent',
      );
      expect(seen.segments[0]).toMatchObject({ bridge: 'absent', dnsmasq: 'absent' });
      expect(seen.ports[0]).toMatchObject({ attached: false });
      await network.ensureSegment(segment);
      await network.ensurePort(port);
      expect(await segments()).toEqual([realisedSegment(segment)]);
      expect(await ports()).toEqual([realisedPort(port)]);
    });

    test('a killed dnsmasq is seen and healed', async () => {
      await network.ensureSegment(segment);
      await seenByWatch(
        network,
        () => world.killDnsmasq(subnetUid),
        (snapshot) => snapshot.segments[0]?.dnsmasq === 'absent',
      );
      await network.ensureSegment(segment);
      expect(await segments()).toEqual([realisedSegment(segment)]);
    });

    test('flushed rules are seen and healed', async () => {
      await network.ensureSegment(segment);
      await network.ensurePort(port);
      const seen = await seenByWatch(
        network,
        () => world.flushRules(),
        (snapshot) => snapshot.segments[0]?.rules === 'absent',
      );
      expect(seen.ports[0]?.rules).toBe('absent');
      await network.ensureSegment(segment);
      await network.ensurePort(port);
      expect(await segments()).toEqual([realisedSegment(segment)]);
      expect(await ports()).toEqual([realisedPort(port)]);
    });

    test('forwarding that somebody switched off is seen and healed, and not switched on for nothing', async () => {
      await network.ensureSegment(segment);
      await seenByWatch(
        network,
        () => world.stopForwarding(),
        (snapshot) => snapshot.segments[0]?.forwarding === 'off',
      );
      const isolated: SegmentSpec = { ...segment, egress: 'None' };
      await network.ensureSegment(isolated);
      expect(await segments()).toEqual([{ ...realisedSegment(isolated), forwarding: 'off' }]);
      await network.ensureSegment(segment);
      expect(await segments()).toEqual([realisedSegment(segment)]);
    });

    test('lost reservations are seen and healed', async () => {
      await network.ensureSegment(segment);
      await seenByWatch(
        network,
        () => world.loseReservations(subnetUid),
        (snapshot) => snapshot.segments[0]?.reservationsHash === undefined,
      );
      await network.ensureReservations(subnetUid, segment.reservations);
      expect(await segments()).toEqual([realisedSegment(segment)]);
    });

    test('who holds a tap is seen, and that nobody holds one that was made anew', async () => {
      await network.ensureSegment(segment);
      const tap = await network.ensurePort(port);
      const carrier = (snapshot: NetworkSnapshot) => snapshot.ports[0]?.carrier;
      let letGo: () => Promise<void> = async () => {};
      await seenByWatch(
        network,
        async () => {
          letGo = await world.hold(tap);
        },
        (snapshot) => carrier(snapshot) === 'present',
      );
      await network.ensurePort(port);
      expect(await ports()).toEqual([{ ...realisedPort(port), carrier: 'present' }]);
      await world.loseTap(tap);
      expect(carrier(await network.list())).toBe('absent');
      await network.ensurePort(port);
      expect(await ports()).toEqual([realisedPort(port)]);
      await letGo();
    });

    test('a lost tap is seen and healed', async () => {
      await network.ensureSegment(segment);
      const tap = await network.ensurePort(port);
      await seenByWatch(
        network,
        () => world.loseTap(tap),
        (snapshot) => snapshot.ports[0]?.attached === false,
      );
      await network.ensurePort(port);
      expect(await ports()).toEqual([realisedPort(port)]);
    });
  });
}
