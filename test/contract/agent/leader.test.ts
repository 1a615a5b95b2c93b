/** Whom an agent obeys: the leader with the highest epoch, however it hears of it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { announceEpoch } from '../../../src/queue/epoch.ts';
import { epochKey } from '../../../src/queue/keys.ts';
import { generateSigningKeys } from '../../../src/queue/signature.ts';
import { startMuteProxy } from '../../support/mute-proxy.ts';
import { FullBook } from './full-book.ts';
import { World } from './world.ts';

jest.setTimeout(30_000);

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(async () => {
  await world.stop();
});

const create = { name: 'disk.create', arguments: { sizeBytes: 2 ** 20, format: 'qcow2' } } as const;

describe('a leader', () => {
  const announce = (epoch: number, overrides: { signingKey?: string } = {}) =>
    announceEpoch({
      redis: world.redis.address,
      signingKey: world.keys.privateKey,
      record: { installationUid: world.installationUid, epoch },
      onSuperseded: () => {},
      ...overrides,
    });

  test('is acknowledged by the snapshot, before and after the agent starts', async () => {
    const stopFirst = await announce(7);
    await world.startAgent();
    expect((await world.until(({ epoch }) => epoch === 7)).epoch).toBe(7);

    const stopSecond = await announce(8);
    expect((await world.until(({ epoch }) => epoch === 8)).epoch).toBe(8);
    stopFirst();
    stopSecond();
  });

  test('is acknowledged at once, and told when the orders of its predecessor have ended', async () => {
    const { storage } = world.ports;
    const createDisk = storage.createDisk.bind(storage);
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    storage.createDisk = async (...disk) => {
      reached.resolve();
      await released.promise;
      return createDisk(...disk);
    };
    await world.startAgent();
    const uid = randomUUID();
    await world.orders.put(world.plan(uid, create));
    await reached.promise;

    const stop = await announce(7);
    const { earlierOrdersEnded } = await world.until(({ epoch }) => epoch === 7);
    released.resolve();
    const after = await world.until((seen) => seen.earlierOrdersEnded);
    expect({ earlierOrdersEnded, disks: Object.keys(after.disks) }).toEqual({
      earlierOrdersEnded: false,
      disks: [uid],
    });
    stop();
  });

  test('is acknowledged though its announcement was lost with a connection', async () => {
    await world.startAgent();
    await world.redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const stop = await announce(7);
    expect((await world.until(({ epoch }) => epoch === 7)).epoch).toBe(7);
    stop();
  });

  test('is acknowledged though its announcement was lost with a connection that nobody knows to be dead', async () => {
    const path = join(world.redis.directory, 'proxy.sock');
    const proxy = await startMuteProxy(world.redis.address, path);
    await world.startAgent({ redis: { path } });
    proxy.mute((sent) => /subscribe/i.test(sent));
    const stop = await announce(7);
    expect((await world.until(({ epoch }) => epoch === 7)).epoch).toBe(7);
    stop();
    await proxy.close();
  }, 30_000);

  test('is acknowledged though its epoch could not be recorded at first', async () => {
    const book = new FullBook('setFact');
    await world.startAgent({ around: book.around });
    book.full = true;
    const stop = await announce(7);
    await book.refused;
    expect((await world.until(() => true)).epoch).toBe(0);

    book.full = false;
    expect((await world.until(({ epoch }) => epoch > 0)).epoch).toBe(7);
    stop();
  });

  test.each(['5', '[]', '{"installationUid":"$UID"}', 'rubbish'])(
    'takes the place of what is no record (%s)',
    async (text) => {
      await world.redis.client.set(epochKey, text.replace('$UID', world.installationUid));
      await world.startAgent();
      const stop = await announce(7);
      expect((await world.until(({ epoch }) => epoch === 7)).epoch).toBe(7);
      stop();
    },
  );

  test('that lost its place is told so, and takes nobody back', async () => {
    const stopSecond = await announce(8);
    const superseded = Promise.withResolvers<void>();
    const stopFirst = await announceEpoch({
      redis: world.redis.address,
      signingKey: world.keys.privateKey,
      record: { installationUid: world.installationUid, epoch: 7 },
      onSuperseded: superseded.resolve,
    });
    await superseded.promise;
    await world.startAgent();
    expect((await world.until(({ epoch }) => epoch > 0)).epoch).toBe(8);
    stopFirst();
    stopSecond();
  });

  test('with another key is not acknowledged', async () => {
    const stop = await announce(9, { signingKey: generateSigningKeys().privateKey });
    await world.startAgent();
    await world.carryOut(world.plan(randomUUID(), create, { epoch: 2 }));
    expect((await world.until(({ epoch }) => epoch > 0)).epoch).toBe(2);
    stop();
  });
});
