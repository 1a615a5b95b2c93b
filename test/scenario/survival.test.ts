import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Machine } from '../../src/resources/kinds.ts';
import { World } from '../support/world.ts';
import { documents, machine, onFrontend, quickstart } from './manifests.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
}, 30_000);
afterEach(async () => {
  await world.close();
}, 30_000);

/** Guests that were started or stopped, in order: a survivor's list stays empty. */
function watchGuests(): string[] {
  const seen: string[] = [];
  world.host.hypervisor.onChange((change) => {
    if (change.kind === 'domain' && ['started', 'stopped'].includes(change.what)) seen.push(change.what);
  });
  return seen;
}

const misfortunes: Record<string, () => Promise<void>> = {
  'Redis is flushed': async () => {
    await world.redis.client.flushall();
  },
  'Redis is killed and comes back empty': async () => {
    await world.redis.restart();
  },
  'the controller is restarted': async () => {
    await world.stopController();
    await world.startController();
  },
  'the control plane is restarted over the same data': async () => {
    await world.stopControlPlane();
    await world.startControlPlane();
  },
  'the agent is restarted': async () => {
    await world.stopAgent();
    await world.startAgent();
  },
  'everything is restarted': async () => {
    await world.stopAgent();
    await world.stopControlPlane();
    await world.redis.restart();
    await world.startControlPlane();
    await world.startAgent();
  },
};

describe.each(Object.keys(misfortunes))('%s', (name) => {
  test('in the middle of everything: it converges all the same', async () => {
    await world.apply(quickstart());
    await misfortunes[name]?.();
    await world.until('the Host is there again', () => world.get('Host', 'h1'));
    await world.until(
      'the Machine is ready',
      () => world.get<Machine>('Machine', 'web')?.status?.phase === 'Running',
      40_000,
    );
    await world.ready('Machine', 'web');
    await world.quiet(30_000);
    expect((await world.inventory()).filter((line) => line.startsWith('domain'))).toHaveLength(1);
  }, 90_000);

  test('at rest: no guest notices, and changes are carried out afterwards', async () => {
    await world.apply(quickstart());
    await world.ready('Machine', 'web');
    await world.quiet();
    const guests = watchGuests();
    await misfortunes[name]?.();
    await world.ready('Machine', 'web');
    await world.quiet(30_000);
    expect(guests).toEqual([]);
    await world.apply(machine('second', { interfaces: [onFrontend] }));
    await world.until(
      'the second runs',
      () => world.get<Machine>('Machine', 'second')?.status?.phase === 'Running',
      40_000,
    );
    expect(guests).toEqual(['started']);
  }, 90_000);
});

test('an agent that is away does not stop a deletion from ending when it is back', async () => {
  await world.apply(quickstart());
  await world.ready('Machine', 'web');
  await world.stopAgent();
  await world.run(['delete', '-f', '-', '--wait=false'], quickstart());
  await world.startAgent();
  for (const [kind, name] of [
    ['Machine', 'web'],
    ['Subnet', 'frontend'],
    ['Image', 'demo'],
  ] as const)
    await world.until(`${kind} is gone`, () => world.get(kind, name) === undefined, 40_000);
  await world.quiet();
  expect(await world.inventory()).toEqual([]);
}, 90_000);

test('what was applied before there was any agent is made when it comes', async () => {
  const late = await World.start({ agent: 'later' });
  try {
    await late.apply(documents(quickstart()));
    expect(await late.because('Subnet', 'frontend', 'NoHost')).toContain('start an agent');
    await late.startAgent();
    await late.until(
      'it runs',
      () => late.get<Machine>('Machine', 'web')?.status?.phase === 'Running',
      40_000,
    );
    await late.quiet();
  } finally {
    await late.close();
  }
}, 90_000);
