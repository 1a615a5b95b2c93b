import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Host, Machine } from '../../src/resources/kinds.ts';
import { World } from '../support/world.ts';
import {
  disk,
  documents,
  image,
  machine,
  onFrontend,
  quickstart,
  rootFromImage,
  subnet,
} from './manifests.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
}, 30_000);
afterEach(async () => {
  await world.close();
}, 30_000);

const ofTheUser = ['machines', 'disks', 'subnets', 'images', 'ipaddresses', 'placements'].join(',');

async function nothingIsLeft(): Promise<void> {
  await world.quiet();
  expect(await world.inventory()).toEqual([]);
  expect(await world.run(['get', ofTheUser, '-A', '--no-headers'])).toBe('');
}

test('the quickstart runs, has its address, and then nothing happens any more', async () => {
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  expect(world.get<Machine>('Machine', 'web')?.status).toMatchObject({
    phase: 'Running',
    hostName: 'h1',
    addresses: [{ interface: 'eth0', address: '10.20.0.10' }],
    observedGeneration: 1,
  });
  await world.quiet();
}, 60_000);

test('applied again, the same manifests change nothing', async () => {
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  await world.quiet();
  const before = world.get('Machine', 'web')?.metadata.resourceVersion;
  await world.apply(quickstart());
  await world.quiet();
  expect(world.get('Machine', 'web')?.metadata.resourceVersion).toBe(before);
}, 60_000);

describe('deleting everything leaves nothing', () => {
  const orders: Record<string, () => Promise<unknown>> = {
    'in the background': () => world.run(['delete', '-f', '-', '--wait=false'], quickstart()),
    'in the foreground': () =>
      world.run(['delete', '-f', '-', '--wait=false', '--cascade=foreground'], quickstart()),
    'what is stood upon first': async () => {
      for (const object of ['image/demo', 'subnet/frontend', 'disk/web-root', 'machine/web'])
        await world.run(['delete', object, '--wait=false']);
    },
    'addresses and bindings first, which controllers made': async () => {
      await world.run(['delete', 'ipaddresses,placements', '--all', '--wait=false']);
      await world.run(['delete', '-f', '-', '--wait=false'], quickstart());
    },
    'while the guest ignores the request to shut down': async () => {
      world.host.hypervisor.guestsShutDown = false;
      await world.run([
        'patch',
        'machine',
        'web',
        '--type=merge',
        '-p',
        '{"spec":{"terminationGracePeriodSeconds":1}}',
      ]);
      await world.run(['delete', '-f', '-', '--wait=false'], quickstart());
    },
  };

  test.each(Object.keys(orders))(
    '%s',
    async (name) => {
      await world.apply(quickstart());
      await world.ready('Machine', 'web');
      await orders[name]?.();
      for (const [kind, object] of [
        ['Machine', 'web'],
        ['Disk', 'web-root'],
        ['Subnet', 'frontend'],
        ['Image', 'demo'],
      ] as const)
        await world.gone(kind, object);
      await nothingIsLeft();
    },
    60_000,
  );

  test('with its namespace', async () => {
    await world.run(['create', 'namespace', 'team']);
    await world.run(['apply', '-n', 'team', '-f', '-'], quickstart());
    await world.ready('Machine', 'web', 'team');
    await world.run(['delete', 'namespace', 'team', '--wait=false']);
    await world.gone('Namespace', 'team');
    await nothingIsLeft();
  }, 60_000);

  test('while it is still being made', async () => {
    await world.apply(quickstart());
    await world.run(['delete', '-f', '-', '--wait=false'], quickstart());
    for (const [kind, object] of [
      ['Machine', 'web'],
      ['Subnet', 'frontend'],
      ['Image', 'demo'],
    ] as const)
      await world.gone(kind, object);
    await nothingIsLeft();
  }, 60_000);
});

test('a Disk in use waits for its Machine, says so, and then goes', async () => {
  await world.apply(
    documents(disk('data'), machine('web', { disks: [{ name: 'data', diskRef: { name: 'data' } }] })),
  );
  await world.ready('Machine', 'web');
  await world.run(['delete', 'disk', 'data', '--wait=false']);
  expect(await world.because('Disk', 'data', 'InUse')).toBe('in use by Machine web');
  expect(world.get<Machine>('Machine', 'web')?.status?.phase).toBe('Running');
  await world.run(['delete', 'machine', 'web', '--wait=false']);
  await world.gone('Machine', 'web');
  await world.gone('Disk', 'data');
  await nothingIsLeft();
}, 60_000);

test('an Image in use waits for its Disks, and a Subnet for its Machines', async () => {
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  await world.run(['delete', 'image/demo', 'subnet/frontend', '--wait=false']);
  expect(await world.because('Image', 'demo', 'InUse')).toBe('in use by Disk web-root');
  expect(await world.because('Subnet', 'frontend', 'InUse')).toBe('in use by Machine web');
}, 60_000);

test('reclaimPolicy Retain leaves the file, and the Host lists it', async () => {
  await world.apply(
    documents(
      disk('data', { reclaimPolicy: 'Retain' }),
      machine('web', { disks: [{ name: 'data', diskRef: { name: 'data' } }] }),
    ),
  );
  await world.ready('Machine', 'web');
  const uid = world.get('Disk', 'data')?.metadata.uid ?? '';
  await world.run(['delete', 'machine/web', 'disk/data', '--wait=false']);
  await world.gone('Disk', 'data');
  await world.until('the Host lists the file', () =>
    world.get<Host>('Host', 'h1')?.status?.orphans?.some((orphan) => orphan.uid === uid),
  );
  await world.quiet();
  expect(await world.inventory()).toEqual([`disk ${uid} retained`]);
}, 60_000);

test('a Machine made anew under its old name is another one, with a disk of its own', async () => {
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  const first = world.get('Disk', 'web-root')?.metadata.uid;
  await world.run(['delete', 'machine', 'web', '--wait=false']);
  await world.gone('Machine', 'web');
  await world.gone('Disk', 'web-root');
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  expect(world.get('Disk', 'web-root')?.metadata.uid).not.toBe(first);
  await world.quiet();
}, 60_000);

test('whatever is applied in whatever order, it ends well', async () => {
  await world.apply(machine('web', { disks: [rootFromImage], interfaces: [onFrontend] }));
  expect(await world.because('Machine', 'web', 'SubnetMissing')).toContain('Subnet frontend does not exist');
  await world.apply(subnet());
  await world.because('Machine', 'web', 'DiskNotReady');
  await world.apply(image());
  await world.ready('Machine', 'web');
  await world.quiet();
}, 60_000);
