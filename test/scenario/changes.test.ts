import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Disk, Machine } from '../../src/resources/kinds.ts';
import { World, condition } from '../support/world.ts';
import { disk, documents, machine, onFrontend, quickstart, subnet } from './manifests.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
}, 30_000);
afterEach(async () => {
  await world.close();
}, 30_000);

const web = () => world.get<Machine>('Machine', 'web');
const uidOfWeb = () => web()?.metadata.uid ?? '';
const domain = () => world.host.hypervisor.findDomain(uidOfWeb());
const patch = (spec: object) =>
  world.run(['patch', 'machine', 'web', '--type=merge', '-p', JSON.stringify({ spec })]);

/** How often the guest was started. */
function countStarts(): () => number {
  let starts = 0;
  world.host.hypervisor.onChange((change) => {
    if (change.kind === 'domain' && change.what === 'started') starts += 1;
  });
  return () => starts;
}

test('a disk grows while its guest runs', async () => {
  await world.apply(
    documents(disk('data'), machine('web', { disks: [{ name: 'data', diskRef: { name: 'data' } }] })),
  );
  await world.ready('Machine', 'web');
  const starts = countStarts();
  await world.apply(disk('data', { size: '128Mi' }));
  await world.until(
    'the disk has grown',
    () => world.get<Disk>('Disk', 'data')?.status?.capacity === 128 * 2 ** 20,
  );
  expect(world.events('Disk', 'data')).toContain('Growing: spec.size is 128Mi, the file has 64Mi');
  await world.quiet();
  expect(starts()).toBe(0);
}, 60_000);

test('CPUs are added to a running guest, without a restart', async () => {
  await world.apply(machine());
  await world.ready('Machine', 'web');
  const starts = countStarts();
  await patch({ cpus: 3 });
  await world.until('the change is observed', () => web()?.status?.observedGeneration === 2);
  await world.quiet();
  expect((await domain())?.live?.cpus).toBe(3);
  expect(condition(web(), 'RestartRequired')).toBeUndefined();
  expect(starts()).toBe(0);
}, 60_000);

describe('a change that needs a restart', () => {
  test('waits, says so, and is applied by the annotation exactly once, also when everything is redelivered', async () => {
    await world.apply(machine());
    await world.ready('Machine', 'web');
    await patch({ memory: '256Mi' });
    await world.until('it says so', () => condition(web(), 'RestartRequired')?.status === 'True');
    expect(web()?.status?.restartRequired).toEqual(['spec.memory']);
    expect(condition(web())?.status).toBe('True');
    await world.quiet();
    const starts = countStarts();
    await world.run(['annotate', 'machine', 'web', 'purlin.dev/restart=now']);
    await world.until('it is applied', () => condition(web(), 'RestartRequired') === undefined);
    await world.ready('Machine', 'web');
    await world.quiet();
    expect(starts()).toBe(1);
    expect((await domain())?.live?.memoryBytes).toBe(256 * 2 ** 20);
    // The same annotation reaches new controllers and a new agent, with an empty Redis.
    await world.stopController();
    await world.stopAgent();
    await world.redis.client.flushall();
    await world.startController();
    await world.startAgent();
    await world.run(['annotate', 'machine', 'web', 'purlin.dev/restart=now', '--overwrite']);
    await world.ready('Host', 'h1');
    await world.quiet();
    expect(starts()).toBe(1);
  }, 60_000);

  test('is applied at once with updatePolicy Restart', async () => {
    await world.apply(machine('web', { updatePolicy: 'Restart' }));
    await world.ready('Machine', 'web');
    const starts = countStarts();
    await patch({ memory: '256Mi' });
    await world.until('it is observed', () => web()?.status?.observedGeneration === 2);
    await world.quiet();
    expect((await domain())?.live?.memoryBytes).toBe(256 * 2 ** 20);
    expect(starts()).toBe(1);
  }, 60_000);

  test('reverted before the restart, it is as if it had never been', async () => {
    await world.apply(machine());
    await world.ready('Machine', 'web');
    await patch({ memory: '256Mi' });
    await world.until('it says so', () => condition(web(), 'RestartRequired')?.status === 'True');
    await patch({ memory: '128Mi' });
    await world.until('it is forgotten', () => condition(web(), 'RestartRequired') === undefined);
    await world.quiet();
  }, 60_000);
});

test('runStrategy: halted, started, halted again', async () => {
  await world.apply(machine());
  await world.ready('Machine', 'web');
  for (const [runStrategy, phase] of [
    ['Halted', 'Stopped'],
    ['Always', 'Running'],
    ['Halted', 'Stopped'],
  ] as const) {
    await patch({ runStrategy });
    await world.until(`it is ${phase}`, () => web()?.status?.phase === phase);
    await world.quiet();
  }
}, 60_000);

test('RerunOnFailure: a crash is healed, a shutdown from inside is respected', async () => {
  await world.apply(machine('web', { runStrategy: 'RerunOnFailure' }));
  await world.ready('Machine', 'web');
  const starts = countStarts();
  world.host.hypervisor.byHand.stopGuest(uidOfWeb(), 'crashed');
  await world.until('it was started', () => starts() === 1);
  await world.ready('Machine', 'web');
  await world.quiet();
  world.host.hypervisor.byHand.stopGuest(uidOfWeb(), 'guest');
  await world.until('it is stopped', () => web()?.status?.phase === 'Stopped');
  await world.quiet();
  expect(starts()).toBe(1);
}, 60_000);

test('a guest that crashes while it boots is started ever more slowly', async () => {
  await world.apply(machine());
  await world.ready('Machine', 'web');
  await world.quiet();
  const starts = countStarts();
  world.host.hypervisor.onChange((change) => {
    if (change.kind === 'domain' && change.what === 'started')
      setImmediate(() => world.host.hypervisor.byHand.stopGuest(change.uuid, 'crashed'));
  });
  world.host.hypervisor.byHand.stopGuest(uidOfWeb(), 'crashed');
  await world.until('it was started three times', () => starts() >= 3);
  const third = performance.now();
  await world.until('and a fourth time', () => starts() >= 4);
  expect(performance.now() - third).toBeGreaterThan(1_500);
}, 60_000);

test('a disk and an interface are added to a running guest and removed from it', async () => {
  await world.apply(documents(subnet(), disk('data'), machine()));
  await world.ready('Machine', 'web');
  const starts = countStarts();
  await world.apply(
    machine('web', { disks: [{ name: 'data', diskRef: { name: 'data' } }], interfaces: [onFrontend] }),
  );
  await world.until('the address is there', () => web()?.status?.addresses?.length === 1);
  await world.ready('Machine', 'web');
  await world.quiet();
  expect((await domain())?.live).toMatchObject({ interfaces: [expect.anything()] });
  await world.apply(machine());
  await world.until('the address is given back', () => world.list('IPAddress').length === 0);
  await world.until('the disk is free', () => world.get<Disk>('Disk', 'data')?.status?.claim === undefined);
  await world.quiet();
  expect((await domain())?.live?.interfaces).toEqual([]);
  expect(starts()).toBe(0);
}, 60_000);

describe('user data from a Secret', () => {
  const fromSecret = machine('web', { userData: { secretRef: { name: 'boot', key: 'script' } } });

  test('missing, it is named; created, the Machine starts', async () => {
    await world.apply(fromSecret);
    expect(await world.because('Machine', 'web', 'UserDataMissing')).toContain('Secret boot does not exist');
    await world.run(['create', 'secret', 'generic', 'boot', '--from-literal=other=x']);
    await world.until('the key is named', () => condition(web())?.message.includes('has no key script'));
    await world.run(['delete', 'secret', 'boot']);
    await world.run(['create', 'secret', 'generic', 'boot', '--from-literal=script=#!/bin/sh']);
    await world.ready('Machine', 'web');
    await world.quiet();
  }, 60_000);

  test('deleted later, the guest goes on', async () => {
    await world.run(['create', 'secret', 'generic', 'boot', '--from-literal=script=#!/bin/sh']);
    await world.apply(fromSecret);
    await world.ready('Machine', 'web');
    const starts = countStarts();
    await world.run(['delete', 'secret', 'boot']);
    await world.quiet();
    expect(condition(web())?.status).toBe('True');
    expect(starts()).toBe(0);
  }, 60_000);
});

test('an address is kept over restarts and over the deletion of others', async () => {
  await world.apply(quickstart());
  await world.apply(machine('other', { interfaces: [onFrontend] }));
  await world.ready('Machine', 'web');
  await world.ready('Machine', 'other');
  const address = () => world.get<Machine>('Machine', 'other')?.status?.addresses?.[0]?.address;
  const first = address();
  await world.run(['delete', 'machine', 'web', '--wait=false']);
  await world.run(['annotate', 'machine', 'other', 'purlin.dev/restart=1']);
  await world.gone('Machine', 'web');
  await world.quiet();
  expect(address()).toBe(first);
}, 60_000);
