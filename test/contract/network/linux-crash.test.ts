/** Whenever the agent dies, the next one finishes the work, or clears away all of it. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { execa } from 'execa';
import { inventory } from '../../support/inventory.ts';
import { type LinuxWorld, linuxWorld } from './linux-world.ts';
import { port, realisedPort, realisedSegment, segment } from './network-contract.ts';

jest.setTimeout(60_000);

let world: LinuxWorld;
beforeEach(async () => {
  world = await linuxWorld();
});
afterEach(() => world.cleanup());

const agent = fileURLToPath(new URL('agent-process.ts', import.meta.url));

/** Kills an agent after some time of work; what it started may still be ending when this returns. */
async function killedAgent(afterMs: number): Promise<void> {
  const work = JSON.stringify({ segment, port });
  const child = execa(process.execPath, [agent, world.dataDir, world.netns, work], {
    reject: false,
    stdin: 'ignore',
    stderr: 'inherit',
  });
  await once(child.stdout, 'data');
  await delay(afterMs);
  child.kill('SIGKILL');
  await child;
}

test.each([20, 70, 120, 170, 220, 270, 320, 370, 420, 470])('killed after %d ms', async (afterMs) => {
  const before = await inventory(world);
  await killedAgent(afterMs);
  await world.network.ensureSegment(segment);
  await world.network.ensurePort(port);
  expect(await world.network.list()).toMatchObject({
    segments: [realisedSegment(segment)],
    ports: [realisedPort(port)],
  });
  await killedAgent(afterMs);
  for (const { machineUid, interfaceName } of (await world.network.list()).ports)
    await world.network.deletePort(machineUid, interfaceName);
  for (const { subnetUid } of (await world.network.list()).segments)
    await world.network.deleteSegment(subnetUid);
  const after = await inventory(world);
  expect({ ...after, files: [] }).toEqual({ ...before, files: [] });
  expect(await world.network.list()).toMatchObject({ segments: [], ports: [] });
});
