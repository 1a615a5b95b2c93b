import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Fence } from '../../../src/agent/fence.ts';
import { type FenceBook, SqliteFenceBook } from '../../../src/agent/fence-book.ts';
import { MemoryFenceBook } from '../../../src/simulation/fence-book.ts';
import type { Order } from '../../../src/queue/order.ts';

const trust = { installationUid: 'i', controllerPublicKey: 'k' };

const order = (overrides: Partial<Order> = {}): Order => ({
  orderId: 'o',
  installationUid: 'i',
  hostUid: 'a',
  uid: 'u',
  kind: 'Disk',
  name: 'd',
  generation: 2,
  epoch: 3,
  incarnation: 'n1',
  basis: 10,
  action: { name: 'disk.grow', arguments: { sizeBytes: 1 } },
  lock: ['u'],
  issuedAt: 0,
  ...overrides,
});

/** Where the book is that a fence finds again after a crash: on a disk, or in a simulated host. */
interface Shelf {
  open(): FenceBook;
  [Symbol.dispose](): void;
}

function shelfOnDisk(): Shelf {
  const dataDir = mkdtempSync(join(tmpdir(), 'purlin-fence-'));
  return {
    open: () => new SqliteFenceBook(dataDir),
    [Symbol.dispose]: () => rmSync(dataDir, { recursive: true }),
  };
}

function shelfInMemory(): Shelf {
  const book = new MemoryFenceBook();
  return { open: () => book, [Symbol.dispose]: () => undefined };
}

describe.each([
  ['on a disk', shelfOnDisk],
  ['in a simulated host', shelfInMemory],
])('a fence with its book %s', (_where, newShelf) => {
  let shelf: Shelf;
  let clock = 0;
  const fences: Fence[] = [];

  beforeEach(() => {
    shelf = newShelf();
  });
  afterEach(() => {
    for (const fence of fences.splice(0)) fence.close();
    shelf[Symbol.dispose]();
  });

  function openFence(overrides: { incarnation?: string; installationUid?: string } = {}): Fence {
    const { incarnation = 'n1', installationUid = 'i' } = overrides;
    const fence = new Fence({
      book: shelf.open(),
      agentUid: 'a',
      incarnation,
      trust: { ...trust, installationUid },
      now: () => clock,
    });
    fences.push(fence);
    return fence;
  }

  test('remembers epoch and generation over a restart', () => {
    const before = openFence();
    before.admit(order());
    before.close();

    const after = openFence({ incarnation: 'n2' });

    expect(after.epoch).toBe(3);
    const later = { incarnation: 'n2' };
    expect(after.check(order({ ...later, epoch: 2 }))?.reason).toBe('StaleEpoch');
    expect(after.check(order({ ...later, generation: 1 }))?.reason).toBe('StaleGeneration');
    expect(after.check(order(later))).toBeUndefined();
  });

  test('takes a lower generation from a later leader: the store may have been restored from a backup', () => {
    const fence = openFence();
    fence.admit(order({ generation: 7 }));
    expect(fence.check(order({ generation: 5, epoch: 3 }))?.reason).toBe('StaleGeneration');
    expect(fence.check(order({ generation: 5, epoch: 4 }))).toBeUndefined();
    fence.admit(order({ generation: 5, epoch: 4 }));
    expect(fence.check(order({ generation: 4, epoch: 4 }))?.reason).toBe('StaleGeneration');
  });

  test('refuses what was planned before the effect of its own orders', () => {
    const fence = openFence();
    fence.recordEffect(order(), 11);
    expect(fence.check(order({ basis: 10 }))?.reason).toBe('StaleBasis');
    expect(fence.check(order({ basis: 11 }))).toBeUndefined();
  });

  test('refuses only a destruction for an effect of others that stand on the object', () => {
    const fence = openFence();
    fence.recordEffect(order({ uid: 'machine', lock: ['machine', 'u'] }), 11);
    expect(fence.check(order({ basis: 10 }))).toBeUndefined();
    expect(fence.check(order({ basis: 10, action: { name: 'disk.delete', arguments: {} } }))?.reason).toBe(
      'StaleBasis',
    );
  });

  test('forgets the proof of a removal once the object comes back', () => {
    const fence = openFence();
    fence.admit(order());
    fence.recordRemoval(order());
    expect(fence.removed()).toEqual({ u: 2 });
    fence.admit(order({ generation: 2 }));
    expect(fence.removed()).toEqual({});
  });

  test('keeps proofs of removal over a restart, and for a bounded time', () => {
    const before = openFence();
    before.admit(order());
    before.recordRemoval(order());
    before.close();
    const fence = openFence();
    expect(fence.removed()).toEqual({ u: 2 });

    clock += 31 * 24 * 3_600_000;
    fence.admit(order({ uid: 'v' }));
    fence.recordRemoval(order({ uid: 'v' }));

    expect(fence.removed()).toEqual({ v: 2 });
  });

  test('never takes an epoch back', () => {
    const fence = openFence();
    expect(fence.acceptEpoch(5)).toBe(true);
    expect(fence.acceptEpoch(4)).toBe(false);
    expect(fence.epoch).toBe(5);
  });

  test('knows whether anything that an earlier leader ordered is still being carried out', () => {
    const fence = openFence();
    const [first, again] = [order({ uid: 'm1' }), order({ uid: 'm1' })];
    const copy = { name: 'image.import', arguments: { source: { file: '/i' } } } as never;
    for (const each of [first, again, order({ uid: 'i1', action: copy })]) fence.admit(each);
    const ended: boolean[] = [fence.earlierOrdersEnded];
    fence.acceptEpoch(4);
    ended.push(fence.earlierOrdersEnded);
    fence.recordEnd(first);
    ended.push(fence.earlierOrdersEnded);
    fence.recordEnd(again);
    fence.admit(order({ uid: 'm2', epoch: 4 }));
    ended.push(fence.earlierOrdersEnded);
    expect(ended).toEqual([true, false, false, true]);
  });

  test('belongs to one installation for good', () => {
    openFence().close();
    expect(() => openFence({ installationUid: 'j' })).toThrow('this host obeys installation i');
  });
});
