import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { tapName } from '../../src/values/links.ts';
import { World } from '../support/world.ts';
import { quickstart } from './manifests.ts';

let world: World;
let machineUid: string;
let subnetUid: string;
beforeEach(async () => {
  world = await World.start();
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  await world.quiet();
  machineUid = world.get('Machine', 'web')?.metadata.uid ?? '';
  subnetUid = world.get('Subnet', 'frontend')?.metadata.uid ?? '';
}, 60_000);
afterEach(async () => {
  await world.close();
}, 30_000);

/** What happens to the host behind Purlin's back, and the Event that names what was found. */
const drifts: [string, () => void, 'Machine' | 'Subnet', string][] = [
  [
    'the domain was destroyed',
    () => world.host.hypervisor.byHand.stopGuest(machineUid, 'destroyed'),
    'Machine',
    'GuestStopped: the guest was found shut off (destroyed); runStrategy is Always',
  ],
  [
    'QEMU crashed',
    () => world.host.hypervisor.byHand.stopGuest(machineUid, 'crashed'),
    'Machine',
    'GuestStopped: the guest was found shut off (crashed); runStrategy is Always',
  ],
  [
    'the running domain was undefined',
    () => world.host.hypervisor.byHand.undefine(machineUid),
    'Machine',
    'DomainMissing: the domain is not defined on host h1 any more',
  ],
  [
    'the domain was destroyed and undefined',
    () => {
      world.host.hypervisor.byHand.stopGuest(machineUid, 'destroyed');
      world.host.hypervisor.byHand.undefine(machineUid);
    },
    'Machine',
    'DomainMissing: the domain is not defined on host h1 any more',
  ],
  [
    'the definition was edited',
    () =>
      world.host.hypervisor.byHand.editDefinition(machineUid, (config) => {
        config.cpus += 1;
      }),
    'Machine',
    "DefinitionEdited: the domain's definition was edited by hand and does not have spec.cpus as it should",
  ],
  [
    'the guest was paused',
    () => world.host.hypervisor.byHand.pause(machineUid, 'user'),
    'Machine',
    'GuestPaused: the guest was found paused; runStrategy is Always',
  ],
  [
    'the host was rebooted',
    () => world.host.hypervisor.reboot(),
    'Machine',
    'GuestStopped: the guest was found shut off (unknown); runStrategy is Always',
  ],
  [
    'the tap was deleted',
    () => world.host.network.loseTap(tapName(machineUid, 'eth0')),
    'Machine',
    'PortBroken: interface eth0 is not connected as it should be',
  ],
  [
    'the bridge was deleted',
    () => world.host.network.loseBridge(subnetUid),
    'Subnet',
    'BridgeMissing: host h1: the bridge does not exist',
  ],
  [
    'the bridge was taken down',
    () => world.host.network.lowerBridge(subnetUid),
    'Subnet',
    'BridgeDown: host h1: the bridge is down',
  ],
  [
    'the rules were flushed',
    () => world.host.network.flushRules(),
    'Subnet',
    'RulesMissing: host h1: the nftables rules are not in force',
  ],
  [
    'forwarding was switched off',
    () => world.host.network.stopForwarding(),
    'Subnet',
    'ForwardingOff: host h1: IPv4 forwarding (net.ipv4.ip_forward) is switched off',
  ],
  [
    'dnsmasq was killed',
    () => world.host.network.killDnsmasq(subnetUid),
    'Subnet',
    'DHCPStopped: host h1: dnsmasq is not running',
  ],
  [
    'a reservation was removed',
    () => world.host.network.loseReservations(subnetUid),
    'Subnet',
    'UpdatingReservations: host h1: the DHCP reservations differ from the addresses held',
  ],
];

test.each(drifts)(
  '%s: healed, with an Event that names it',
  async (_name, disturb, kind, event) => {
    const name = kind === 'Machine' ? 'web' : 'frontend';
    const whole = await world.inventory();
    disturb();
    await world.until(`an Event of ${kind} ${name}`, () => world.events(kind, name).includes(event));
    await world.ready('Subnet', 'frontend');
    await world.ready('Machine', 'web');
    await world.quiet();
    expect(await world.inventory()).toEqual(whole);
    const { ports, segments } = await world.host.network.list();
    expect(segments).toEqual([
      expect.objectContaining({ bridge: 'up', dnsmasq: 'running', rules: 'present', forwarding: 'on' }),
    ]);
    expect(ports).toEqual([
      expect.objectContaining({ state: 'up', carrier: 'present', attached: true, rules: 'present' }),
    ]);
  },
  60_000,
);

test('a disk whose file is gone is told, and never replaced by an empty one', async () => {
  const uid = world.get('Disk', 'web-root')?.metadata.uid ?? '';
  world.host.storage.loseDisk(uid);
  expect(await world.because('Disk', 'web-root', 'DataLost')).toContain('restore it from a backup');
  await world.quiet();
  expect((await world.inventory()).filter((line) => line.startsWith('disk'))).toEqual([]);
}, 60_000);

test('a step that fails is told in its own words, tried again, and heals', async () => {
  const error = Object.assign(new Error('cannot allocate memory'), {
    reason: 'OutOfMemory',
    retryable: true,
  });
  world.host.hypervisor.failNext('startDomain', error);
  world.host.hypervisor.byHand.stopGuest(machineUid, 'crashed');
  expect(await world.because('Machine', 'web', 'OutOfMemory')).toBe('cannot allocate memory');
  await world.ready('Machine', 'web');
  expect(world.events('Machine', 'web')).toContain('OutOfMemory: cannot allocate memory');
  await world.quiet();
}, 60_000);

test('an effect whose reply was lost is found and not repeated', async () => {
  world.host.hypervisor.failNext('startDomain', new Error('connection reset'), 'after');
  world.host.hypervisor.byHand.stopGuest(machineUid, 'crashed');
  await world.until('an Event', () =>
    world.events('Machine', 'web').some((line) => line.startsWith('GuestStopped')),
  );
  await world.ready('Machine', 'web');
  await world.quiet();
}, 60_000);
