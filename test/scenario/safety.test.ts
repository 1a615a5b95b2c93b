import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Disk, Host, Machine } from '../../src/resources/kinds.ts';
import { World, condition } from '../support/world.ts';
import { disk, documents, machine, onFrontend, quickstart, subnet } from './manifests.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
}, 30_000);
afterEach(async () => {
  await world.close();
}, 30_000);

const uidOf = (kind: 'Machine' | 'Disk' | 'Subnet', name: string): string =>
  world.get(kind, name)?.metadata.uid ?? '';

test('a host that cannot list a part of itself is unknown: nothing is concluded, nothing removed', async () => {
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  await world.quiet();
  const uid = uidOf('Machine', 'web');
  world.host.network.failWith(new Error('nft: device busy'));
  world.host.network.flushRules();
  await world.until('the Host is in doubt', () => condition(world.get('Host', 'h1'))?.status !== 'True');
  await world.run(['delete', 'subnet/frontend', 'machine/web', '--wait=false']);
  expect(await world.because('Machine', 'web', 'HostUnknown')).toBe('a complete snapshot of host h1');
  const domain = await world.host.hypervisor.findDomain(uid);
  expect(domain?.power).toBe('running');
  world.host.network.failWith(undefined);
  await world.until('the Machine is gone', () => world.get('Machine', 'web') === undefined, 45_000);
  await world.until('the Subnet is gone', () => world.get('Subnet', 'frontend') === undefined, 45_000);
  await world.quiet();
}, 120_000);

test('a Machine whose finalizer was taken by force leaves an orphan, which is listed and never removed', async () => {
  await world.apply(documents(subnet(), machine('web', { interfaces: [onFrontend] })));
  await world.ready('Machine', 'web');
  await world.quiet();
  const uid = uidOf('Machine', 'web');
  await world.stopController();
  await world.run(['delete', 'machine', 'web', '--wait=false']);
  await world.run(['patch', 'machine', 'web', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  await world.startController();
  await world.until('the Host lists it', () =>
    world.get<Host>('Host', 'h1')?.status?.orphans?.some((orphan) => orphan.uid === uid),
  );
  await world.quiet();
  expect(await world.inventory()).toContain(`domain ${uid} running`);
  // Its address is not given to anybody while its tap is there.
  expect(condition(world.list('IPAddress')[0])?.reason).toBe('InUse');
}, 60_000);

test('a finalizer taken from a living object comes back', async () => {
  await world.apply(machine());
  await world.ready('Machine', 'web');
  await world.run(['patch', 'machine', 'web', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  await world.until('it is back', () => world.get('Machine', 'web')?.metadata.finalizers?.length === 1);
  await world.quiet();
}, 60_000);

test('a status written by hand is put right', async () => {
  await world.apply(documents(disk('data', { bindingMode: 'Immediate' }), machine()));
  await world.ready('Machine', 'web');
  await world.ready('Disk', 'data');
  await world.quiet();
  const lie = '{"status":{"phase":"Failed","addresses":[],"conditions":[]}}';
  await world.run(['patch', 'machine', 'web', '--subresource=status', '--type=merge', '-p', lie]);
  await world.run([
    'patch',
    'disk',
    'data',
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{"capacity":1}}',
  ]);
  await world.until(
    'the Machine is right',
    () => world.get<Machine>('Machine', 'web')?.status?.phase === 'Running',
  );
  await world.until(
    'the Disk is right',
    () => world.get<Disk>('Disk', 'data')?.status?.capacity === 64 * 2 ** 20,
  );
  await world.quiet();
}, 60_000);

test('a lost Placement is made anew where the domain is', async () => {
  await world.apply(machine());
  await world.ready('Machine', 'web');
  const name = world.list('Placement')[0]?.metadata.name ?? '';
  const first = world.list('Placement')[0]?.metadata.uid;
  await world.run(['patch', 'placement', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  await world.run(['delete', 'placement', name, '--wait=false']);
  await world.until('there is another one', () => {
    const [found] = world.list('Placement');
    return found !== undefined && found.metadata.uid !== first;
  });
  await world.ready('Machine', 'web');
  await world.quiet();
}, 60_000);

test('edits while an action runs end in the last one', async () => {
  await world.apply(machine());
  for (const cpus of [2, 3, 4, 2, 3]) {
    await world.run(['patch', 'machine', 'web', '--type=merge', '-p', JSON.stringify({ spec: { cpus } })]);
  }
  await world.ready('Machine', 'web');
  await world.quiet();
  const domain = await world.host.hypervisor.findDomain(uidOf('Machine', 'web'));
  expect(domain?.config?.cpus).toBe(3);
  expect(world.get<Machine>('Machine', 'web')?.status?.observedGeneration).toBe(
    world.get('Machine', 'web')?.metadata.generation,
  );
}, 60_000);
