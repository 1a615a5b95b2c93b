import { expect, test } from '@jest/globals';
import { settlingMs, UnpluggedTaps } from '../../../src/agent/unplugged.ts';
import type { DomainListing, ObservedDomain } from '../../../src/host/libvirt/hypervisor-port.ts';
import type { NetworkSnapshot, PortSnapshot } from '../../../src/plan/snapshot.ts';

const domains = (power: ObservedDomain['power']): DomainListing =>
  ({ domains: [{ power, live: { interfaces: [{ tap: 'tap0' }] } }], foreign: 0 }) as unknown as DomainListing;
const network = (...ports: Partial<PortSnapshot>[]): NetworkSnapshot =>
  ({ segments: [], ports, hostCidrs: [] }) as unknown as NetworkSnapshot;
const held = network({ tap: 'tap0', carrier: 'present' });
const unheld = network({ tap: 'tap0', carrier: 'absent' });

test('a tap that a running guest does not hold is told once that lasts, and not before', () => {
  const taps = new UnpluggedTaps();
  taps.look(domains('running'), unheld, 100);
  expect(taps.nextDue(100)).toBe(100 + settlingMs);
  taps.look(domains('running'), unheld, 200);
  expect([...taps.settled(99 + settlingMs)]).toEqual([]);
  expect([...taps.settled(100 + settlingMs)]).toEqual(['tap0']);
  expect(taps.nextDue(100 + settlingMs)).toBeUndefined();
});

test.each([
  ['it is held', 'running', held],
  ['the guest is off', 'shutoff', unheld],
  ['the guest is paused', 'paused', unheld],
  ['links were never listed', 'running', undefined],
] as const)('the time counts anew once %s', (_what, power, listing) => {
  const taps = new UnpluggedTaps();
  taps.look(domains('running'), unheld, 100);
  taps.look(domains(power), listing, 200);
  expect([...taps.settled(100 + settlingMs)]).toEqual([]);
  taps.look(domains('running'), unheld, 300);
  expect([...taps.settled(299 + settlingMs)]).toEqual([]);
  expect([...taps.settled(300 + settlingMs)]).toEqual(['tap0']);
});

test('a tap that is not there at all is not held', () => {
  const taps = new UnpluggedTaps();
  taps.look(domains('running'), network(), 100);
  expect([...taps.settled(100 + settlingMs)]).toEqual(['tap0']);
});
