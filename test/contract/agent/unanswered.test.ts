/** What libvirt was asked and did not answer, it may yet do: nothing comes of that which nobody expects. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { LibvirtTimeout } from '../../../src/host/libvirt/rpc/error.ts';
import type { HostAction } from '../../../src/plan/actions.ts';
import type { OrderResult } from '../../../src/plan/snapshot.ts';
import { announceEpoch } from '../../../src/queue/epoch.ts';
import { defining, World } from './world.ts';

jest.setTimeout(30_000);

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(async () => {
  await world.stop();
});

const start: HostAction = { name: 'machine.start', arguments: { interfaces: [] } };
const remove: HostAction = { name: 'machine.delete', arguments: { interfaceNames: [] } };

/** A Machine whose start libvirt has in hand, although its caller has given up. */
async function startUnanswered() {
  const uid = randomUUID();
  await world.carryOut(world.plan(uid, defining('#!/bin/true')));
  const { hypervisor } = world.ports;
  const startDomain = hypervisor.startDomain.bind(hypervisor);
  const started = Promise.withResolvers<() => Promise<void>>();
  hypervisor.startDomain = async () => {
    started.resolve(hypervisor.takeInHand(uid, () => startDomain(uid)));
    throw new LibvirtTimeout('libvirt did not answer');
  };
  const result = await world.carryOut(world.plan(uid, start));
  return { uid, result, happen: await started.promise };
}

test('an order without an answer has failed, and proves nothing of those before it', async () => {
  await world.startAgent();
  const { result } = await startUnanswered();
  expect(result).toMatchObject({ outcome: 'failed', reason: 'HypervisorTimeout', retryable: true });
  expect(result).not.toHaveProperty('generation');
});

test.each(['the same agent', 'the one after it'])(
  'nothing is removed under a guest that may yet start, by %s',
  async (who) => {
    const dataDir = await world.newDirectory();
    const first = await world.startAgent({ dataDir });
    const { uid, happen } = await startUnanswered();
    if (who === 'the one after it') {
      await first.close();
      await world.startAgent({ dataDir });
    }

    const early = await world.carryOut(world.plan(uid, remove, { generation: 2 }));
    expect(early).toMatchObject({ outcome: 'failed', reason: 'HypervisorTimeout' });
    expect(early).not.toHaveProperty('generation');
    const seen = await world.until(({ results }) => results[uid]?.orderId === early.orderId);
    expect(Object.keys(seen.domains)).toEqual([uid]);

    await happen();
    await world.until(({ domains }) => domains[uid]?.power === 'running');
    expect(await world.carryOut(world.plan(uid, remove, { generation: 2 }))).toMatchObject({
      reason: 'StillRunning',
      generation: 2,
    });
  },
);

test('a removal proves that nothing of those before it is on its way', async () => {
  await world.startAgent();
  const uid = randomUUID();
  await world.carryOut(world.plan(uid, defining('#!/bin/true')));
  const removed = await world.carryOut(world.plan(uid, remove, { generation: 2 }));
  expect(removed).toMatchObject({ outcome: 'done', generation: 2, epoch: 1 });
});

test('a growth of a disk that comes late does not make it smaller again', async () => {
  await world.startAgent();
  const [disk, machine] = [randomUUID(), randomUUID()];
  const { hypervisor, storage } = world.ports;
  hypervisor.onResize = (_path, bytes) => storage.resizeBehind(disk, bytes);
  const size = async (): Promise<number | undefined> => (await storage.list()).disks[0]?.sizeBytes;
  const grow = (mebibytes: number, generation: number): Promise<OrderResult> => {
    const action: HostAction = { name: 'disk.grow', arguments: { sizeBytes: mebibytes * 2 ** 20 } };
    return world.carryOut(world.plan(disk, action, { generation }));
  };
  const create: HostAction = { name: 'disk.create', arguments: { sizeBytes: 2 ** 20, format: 'qcow2' } };
  await world.carryOut(world.plan(disk, create));
  const disks = [{ name: 'root', diskUid: disk, format: 'qcow2', boot: true } as const];
  await world.carryOut(world.plan(machine, defining('#!/bin/true', disks)));
  await world.carryOut(world.plan(machine, start));

  const resizeBlock = hypervisor.resizeBlock.bind(hypervisor);
  const given = Promise.withResolvers<() => Promise<void>>();
  hypervisor.resizeBlock = async (...call) => {
    hypervisor.resizeBlock = resizeBlock;
    given.resolve(hypervisor.takeInHand(machine, () => resizeBlock(...call)));
    throw new LibvirtTimeout('libvirt did not answer');
  };
  expect(await grow(2, 2)).toMatchObject({ outcome: 'failed', reason: 'HypervisorTimeout' });
  expect(await grow(3, 3)).toMatchObject({ outcome: 'failed', reason: 'HypervisorTimeout' });
  await (await given.promise)();
  expect(await size()).toBe(2 * 2 ** 20);
  expect(await grow(3, 3)).toMatchObject({ outcome: 'done' });
  expect(await size()).toBe(3 * 2 ** 20);
});

test('a new leader hears that the orders before it have ended when they have', async () => {
  await world.startAgent();
  const { uid, happen } = await startUnanswered();
  const stop = await announceEpoch({
    redis: world.redis.address,
    signingKey: world.keys.privateKey,
    record: { installationUid: world.installationUid, epoch: 7 },
    onSuperseded: () => {},
  });

  const before = await world.until(({ epoch }) => epoch === 7);
  await happen();
  const after = await world.until(({ earlierOrdersEnded }) => earlierOrdersEnded);
  expect([before.earlierOrdersEnded, after.domains[uid]?.power]).toEqual([false, 'running']);
  stop();
});
