import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Machine } from '../../src/resources/kinds.ts';
import { World } from '../support/world.ts';
import { quickstart } from './manifests.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
}, 30_000);
afterEach(async () => {
  await world.close();
}, 30_000);

test('the quickstart runs, is reachable at its address, and then nothing happens any more', async () => {
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  const web = world.get<Machine>('Machine', 'web');
  expect(web?.status).toMatchObject({
    phase: 'Running',
    hostName: 'h1',
    addresses: [{ interface: 'eth0', address: '10.20.0.10' }],
    observedGeneration: 1,
  });
  await world.quiet();
}, 60_000);
