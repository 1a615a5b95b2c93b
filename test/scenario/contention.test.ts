import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Disk, IPAddress, Machine, Subnet } from '../../src/resources/kinds.ts';
import { World, condition } from '../support/world.ts';
import { disk, documents, image, machine, onFrontend, rootFromImage, subnet } from './manifests.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
}, 30_000);
afterEach(async () => {
  await world.close();
}, 30_000);

test('of more Machines than addresses all but one get one, each its own; freed, the last gets it', async () => {
  const names = Array.from({ length: 30 }, (_, index) => `m${index}`);
  const small = { memory: '32Mi', interfaces: [onFrontend] };
  await world.apply(
    documents(subnet('frontend', '10.20.0.0/27'), ...names.map((name) => machine(name, small))),
  );
  const full = () => names.filter((name) => condition(world.get('Machine', name))?.reason === 'SubnetFull');
  const running = () => names.filter((name) => condition(world.get('Machine', name))?.status === 'True');
  await world.until('29 run', () => running().length === 29, 40_000);
  await world.until('one waits', () => full().length === 1);
  await world.quiet();
  const held = world.list<IPAddress>('IPAddress').map(({ spec }) => spec.address);
  expect(new Set(held).size).toBe(29);
  expect(new Set(world.list<IPAddress>('IPAddress').map(({ spec }) => spec.macAddress)).size).toBe(29);
  const [waiting = ''] = full();
  expect(world.get<Machine>('Machine', waiting)?.status?.phase).toBe('Provisioning');
  await world.run(['delete', 'machine', running()[0] ?? '', '--wait=false']);
  await world.ready('Machine', waiting);
  await world.quiet();
}, 120_000);

test('of two Machines that want one Disk the second waits, and gets it when the first is gone', async () => {
  const both = { disks: [{ name: 'data', diskRef: { name: 'data' } }] };
  await world.apply(documents(disk('data'), machine('a', both), machine('b', both)));
  const holder = await world.until(
    'one has it',
    () => world.get<Disk>('Disk', 'data')?.status?.claim?.machineName,
  );
  const other = holder === 'a' ? 'b' : 'a';
  await world.ready('Machine', holder);
  expect(await world.because('Machine', other, 'DiskInUse')).toBe(
    `Disk data is attached to Machine ${holder}; detach it there first`,
  );
  await world.run(['delete', 'machine', holder, '--wait=false']);
  await world.ready('Machine', other);
  await world.quiet();
  expect(world.get<Disk>('Disk', 'data')?.status?.claim?.machineName).toBe(other);
}, 60_000);

describe('overlapping Subnets', () => {
  test('the later one is blocked, and freed when the first goes', async () => {
    await world.apply(subnet('first', '10.30.0.0/16'));
    await world.ready('Subnet', 'first');
    await world.apply(subnet('second', '10.30.5.0/24'));
    expect(await world.because('Subnet', 'second', 'CIDROverlap')).toContain('overlaps Subnet first');
    await world.run(['delete', 'subnet', 'first', '--wait=false']);
    await world.ready('Subnet', 'second');
    await world.quiet();
  }, 60_000);

  test('one of another namespace is not named', async () => {
    await world.apply(subnet('private', '10.30.0.0/16'));
    await world.ready('Subnet', 'private');
    await world.run(['create', 'namespace', 'team']);
    await world.run(['apply', '-n', 'team', '-f', '-'], subnet('mine', '10.30.5.0/24'));
    const message = await world.because('Subnet', 'mine', 'CIDROverlap', 'team');
    expect(message).toBe(
      'spec.cidr 10.30.5.0/24 overlaps a Subnet of another namespace; make a new Subnet with another network',
    );
  }, 60_000);

  test('a network that the host uses is refused', async () => {
    world.host.network.setForeignCidrs(['192.168.7.0/24']);
    await world.apply(subnet('home', '192.168.0.0/16'));
    expect(await world.because('Subnet', 'home', 'CIDROverlapsHost')).toContain('192.168.7.0/24');
    world.host.network.setForeignCidrs([]);
    await world.ready('Subnet', 'home');
  }, 60_000);

  test('of two applied at once exactly one is realised', async () => {
    await world.apply(documents(subnet('a', '10.30.0.0/24'), subnet('b', '10.30.0.0/16')));
    await world.until('one is ready', () =>
      world.list<Subnet>('Subnet').some(({ status }) => status?.phase === 'Ready'),
    );
    await world.quiet();
    const phases = world.list<Subnet>('Subnet').map(({ status }) => status?.phase);
    expect(new Set(phases)).toEqual(new Set(['Failed', 'Ready']));
  }, 60_000);
});

test('a cordoned Host takes no further Machine until it is uncordoned', async () => {
  await world.apply(machine('before'));
  await world.ready('Machine', 'before');
  await world.run(['patch', 'host', 'h1', '--type=merge', '-p', '{"spec":{"unschedulable":true}}']);
  await world.apply(machine('after'));
  expect(await world.because('Machine', 'after', 'Unschedulable')).toBe('no host fits: h1: it is cordoned');
  await world.run(['patch', 'host', 'h1', '--type=merge', '-p', '{"spec":{"unschedulable":null}}']);
  await world.ready('Machine', 'after');
  expect(condition(world.get('Machine', 'before'))?.status).toBe('True');
  await world.quiet();
}, 60_000);

test('a Machine that does not fit waits until room is made', async () => {
  await world.apply(machine('big', { memory: '5Gi' }));
  await world.ready('Machine', 'big');
  await world.apply(machine('second', { memory: '5Gi' }));
  expect(await world.because('Machine', 'second', 'Unschedulable')).toBe(
    'no host fits: h1: 5120Mi of memory asked, 2560Mi left',
  );
  await world.run(['delete', 'machine', 'big', '--wait=false']);
  await world.ready('Machine', 'second');
  await world.quiet();
}, 60_000);

test('a failed Image is named along the chain, and mended by a new one', async () => {
  await world.apply(
    documents(
      image('demo', { url: 'https://images.example/gone.qcow2' }, { checksum: `sha256:${'0'.repeat(64)}` }),
      machine('web', { disks: [rootFromImage] }),
    ),
  );
  await world.until('the Machine names the cause', () =>
    condition(world.get('Machine', 'web'))?.message.includes('HTTP status 404'),
  );
  expect(condition(world.get('Machine', 'web'))?.message).toBe(
    'Disk web-root: Image demo: spec.source.url: https://images.example/gone.qcow2 answered HTTP status 404',
  );
  await world.run(['delete', 'image', 'demo', '--wait=false']);
  expect(await world.because('Image', 'demo', 'InUse')).toBe('in use by Disk web-root');
  await world.run(['delete', 'machine', 'web', '--wait=false']);
  await world.gone('Image', 'demo');
  await world.apply(documents(image(), machine('web', { disks: [rootFromImage] })));
  await world.ready('Machine', 'web');
  await world.quiet();
}, 60_000);
