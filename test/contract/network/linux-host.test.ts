/** What only a real host has: processes that outlive the agent, tables of others, leftovers. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { execa } from 'execa';
import { bridgeName, tapName } from '../../../src/host/ports/network.ts';
import { inventory } from '../../support/inventory.ts';
import { type LinuxWorld, linuxWorld } from './linux-world.ts';
import { port, realisedPort, realisedSegment, segment, seenByWatch } from './network-contract.ts';

/** Every step is a program that runs; a busy machine takes its time. */
jest.setTimeout(30_000);

let world: LinuxWorld;
beforeEach(async () => {
  world = await linuxWorld();
});
afterEach(() => world.cleanup());

const { subnetUid } = segment;
const tap = tapName(port.machineUid, port.interfaceName);
const build = async () => {
  await world.network.ensureSegment(segment);
  await world.network.ensurePort(port);
};

test('deleting leaves nothing, and nothing of others is touched', async () => {
  await world.inside(['nft', 'add', 'table', 'inet', 'firewall']);
  await world.inside([
    'nft',
    'add',
    'chain',
    'inet',
    'firewall',
    'input',
    '{ type filter hook input priority 0; }',
  ]);
  const before = await inventory(world);
  await build();
  await world.network.deletePort(port.machineUid, port.interfaceName);
  await world.network.deleteSegment(subnetUid);
  const after = await inventory(world);
  expect({ ...after, files: [] }).toEqual({ ...before, files: [] });
  expect(after.files.filter((path) => !/network(\/subnets|\/ports)?$/.test(path))).toEqual(before.files);
});

test('the next agent adopts dnsmasq and finds everything realised', async () => {
  await build();
  const pid = await world.dnsmasqPid(subnetUid);
  await world.network.close();
  const next = world.another();
  expect(await next.list()).toMatchObject({
    segments: [realisedSegment(segment)],
    ports: [realisedPort(port)],
  });
  await next.ensureSegment(segment);
  expect(await world.dnsmasqPid(subnetUid)).toBe(pid);
});

test('the dnsmasq of another host on this machine is left alone, also for the same Subnet', async () => {
  const other = await linuxWorld();
  try {
    await build();
    const pid = await world.dnsmasqPid(subnetUid);
    await other.network.ensureSegment(segment);
    expect((await other.network.list()).segments).toEqual([realisedSegment(segment)]);
    await other.network.deleteSegment(subnetUid);
    expect(await world.dnsmasqPid(subnetUid)).toBe(pid);
    expect((await world.network.list()).segments).toEqual([realisedSegment(segment)]);
  } finally {
    await other.cleanup();
  }
});

test('dnsmasq runs unprivileged', async () => {
  await build();
  const { stdout } = await execa('ps', ['-o', 'user=', '-p', String(await world.dnsmasqPid(subnetUid))]);
  expect(['dnsmasq', 'nobody']).toContain(stdout.trim());
});

test('neither bridge nor tap has an IPv6 address by which guests could reach the host', async () => {
  await build();
  for (const link of [bridgeName(subnetUid), tap])
    expect(await world.inside(['ip', '-6', '-brief', 'address', 'show', 'dev', link])).toBe('');
});

test('the ports follow the MTU of their Subnet', async () => {
  await build();
  await world.network.ensureSegment({ ...segment, mtu: 1300 });
  expect(await world.inside(['ip', 'link', 'show', tap])).toContain('mtu 1300');
});

test('a single changed rule is not taken for ours', async () => {
  await build();
  await seenByWatch(
    world.network,
    async () => {
      const extra = ['insert', 'rule', 'bridge', 'purlin', tap, 'ip', 'saddr', '192.0.2.9', 'accept'];
      await world.inside(['nft', ...extra]);
    },
    (snapshot) => snapshot.ports[0]?.rules === 'absent',
  );
  await world.network.ensurePort(port);
  expect((await world.network.list()).ports).toEqual([realisedPort(port)]);
});

test.each([
  ['a lowered bridge', ['link', 'set', bridgeName(subnetUid), 'down'], { bridge: 'down' }],
  ['a changed MTU', ['link', 'set', bridgeName(subnetUid), 'mtu', '1300'], { mtu: 1300 }],
  ['a removed address', ['address', 'flush', 'dev', bridgeName(subnetUid)], { gatewayCidr: undefined }],
])('%s is seen and healed', async (_what, args, seen) => {
  await build();
  const [key, value] = Object.entries(seen)[0] ?? [];
  await seenByWatch(
    world.network,
    async () => {
      await execa('ip', ['-n', world.netns, ...args]);
    },
    ({ segments: [found] }) => found?.[key as keyof typeof found] === value,
  );
  await world.network.ensureSegment(segment);
  expect((await world.network.list()).segments).toEqual([realisedSegment(segment)]);
});

test("a stranger's link under our name is refused and left alone", async () => {
  const name = bridgeName(subnetUid);
  await execa('ip', ['-n', world.netns, 'link', 'add', name, 'type', 'veth']);
  await expect(world.network.ensureSegment(segment)).rejects.toMatchObject({ reason: 'LinkNameTaken' });
  await expect(world.network.deleteSegment(subnetUid)).rejects.toMatchObject({ reason: 'LinkNameTaken' });
  expect(await world.inside(['ip', '-brief', 'link', 'show', name])).toContain(name);
});

test('destinations of the host are told', async () => {
  await execa('ip', ['-n', world.netns, 'link', 'add', 'uplink', 'type', 'veth']);
  await execa('ip', ['-n', world.netns, 'address', 'add', '192.0.2.1/24', 'dev', 'uplink']);
  await execa('ip', ['-n', world.netns, 'link', 'set', 'uplink', 'up']);
  await build();
  const { hostCidrs } = await world.network.list();
  expect(hostCidrs).toContain('192.0.2.0/24');
  expect(hostCidrs.filter((cidr) => cidr.startsWith('10.20.'))).toEqual([]);
});
