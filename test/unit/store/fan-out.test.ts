import { describe, expect, test } from '@jest/globals';
import { FanOut } from '../../../src/store/fan-out.ts';
import type { Audience, Waiter } from '../../../src/store/fan-out.ts';
import type { Change } from '../../../src/store/index.ts';
import { StoreWatch } from '../../../src/store/watch.ts';

const change = (revision: number, key: string, value = 'v'): Change => ({
  type: 'create',
  key,
  revision,
  value,
});
const revisions = (changes: readonly Change[]) => changes.map(({ revision }) => revision);

class CountingWaiter implements Waiter {
  woken = 0;
  wake(): void {
    this.woken += 1;
  }
}

describe('a commit', () => {
  test('wakes those whom it concerns, once, and nobody else', () => {
    const fanOut = new FanOut(0);
    const join = (prefix: string) => {
      const waiter = new CountingWaiter();
      return { waiter, audience: fanOut.join(prefix, waiter) };
    };
    const all = Array.from({ length: 500 }, () => join('/registry/g/things/'));
    const ofNamespace = Array.from({ length: 500 }, () => join('/registry/g/things/a/'));
    const everything = join('/');
    const uneven = [join('/registry/g/th'), join('/registry/g/x')];
    const others = Array.from({ length: 1000 }, (_, i) => join(`/registry/g/others${i}/`));
    fanOut.publish([change(1, '/registry/g/things/a/one'), change(2, '/registry/g/things/a/two')]);
    fanOut.publish([change(3, '/registry/g/things/b/one')]);
    const woken = (of: { waiter: CountingWaiter }[]) => new Set(of.map(({ waiter }) => waiter.woken));
    expect(woken(all)).toEqual(new Set([2]));
    expect(woken(ofNamespace)).toEqual(new Set([1]));
    expect(woken([everything])).toEqual(new Set([2]));
    expect(uneven.map(({ waiter }) => waiter.woken)).toEqual([2, 0]);
    expect(woken(others)).toEqual(new Set([0]));
    expect(revisions(ofNamespace[0]?.audience.after(0) ?? [])).toEqual([1, 2]);
    expect(revisions(uneven[0]?.audience.after(2) ?? [])).toEqual([3]);
  });

  test('is not told to those who have left', () => {
    const fanOut = new FanOut(0);
    const [stays, leaves] = [new CountingWaiter(), new CountingWaiter()];
    fanOut.join('/a/', stays);
    fanOut.leave(fanOut.join('/a/', leaves), leaves);
    fanOut.publish([change(1, '/a/1')]);
    expect([stays.woken, leaves.woken]).toEqual([1, 0]);
  });
});

describe('what is kept in memory', () => {
  test.each([
    { changes: 100, characters: 1_000_000, value: 'v' },
    { changes: 1_000_000, characters: 10_000, value: 'v'.repeat(100) },
    { changes: 100, characters: 50, value: 'v'.repeat(100) },
  ])('is bounded: $changes changes, $characters characters', ({ value, ...limits }) => {
    const fanOut = new FanOut(0, limits);
    const busy = fanOut.join('/a/', new CountingWaiter());
    const quiet = fanOut.join('/b/', new CountingWaiter());
    fanOut.publish([change(1, '/b/1', value)]);
    for (let revision = 2; revision <= 1_000; revision += 1) {
      fanOut.publish([change(revision, `/a/${revision}`, value)]);
      expect(fanOut.held.changes).toBeLessThanOrEqual(limits.changes);
      expect(fanOut.held.characters).toBeLessThanOrEqual(limits.characters);
    }
    expect(busy.reachesBackTo(1)).toBe(false);
    expect(busy.reachesBackTo(1_000)).toBe(true);
    // Whoever has seen the last change of what never changes is not behind.
    expect([quiet.reachesBackTo(0), quiet.reachesBackTo(1), quiet.hasAfter(1)]).toEqual([false, true, false]);
  });

  test('is handed out in pages, by number and by size', () => {
    const fanOut = new FanOut(0);
    const audience = fanOut.join('/', new CountingWaiter());
    fanOut.publish(Array.from({ length: 250 }, (_, i) => change(i + 1, `/a/${i}`)));
    expect(revisions(audience.after(0))).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(audience.after(200)).toHaveLength(50);
    fanOut.publish(Array.from({ length: 10 }, (_, i) => change(i + 251, `/b/${i}`, 'x'.repeat(200_000))));
    expect(audience.after(250)).toHaveLength(2);
  });
});

describe('a watch', () => {
  /** Over a history of which every change is remembered, and every reading of it counted. */
  function world(limits = { changes: 100, characters: 1_000_000 }) {
    const history: Change[] = [];
    const fanOut = new FanOut(0, limits);
    const read: number[] = [];
    return {
      read,
      commit: (...keys: string[]) => {
        const changes = keys.map((key, i) => change(history.length + i + 1, key));
        history.push(...changes);
        fanOut.publish(changes);
      },
      watch: (prefix: string, from: number) =>
        new StoreWatch(from, {
          revision: () => history.length,
          join: (waiter) => fanOut.join(prefix, waiter),
          history: (after) => {
            read.push(after);
            return history
              .filter(({ key, revision }) => revision > after && key.startsWith(prefix))
              .slice(0, 10);
          },
          leave: (audience: Audience, waiter) => fanOut.leave(audience, waiter),
        }),
    };
  }

  test('that begins a little behind, or falls so, reads memory only', async () => {
    const { watch, commit, read } = world();
    commit(...Array.from({ length: 60 }, (_, i) => `/a/${i}`));
    const late = watch('/a/', 20);
    expect(revisions(await late.next())).toEqual(Array.from({ length: 40 }, (_, i) => i + 21));
    commit('/a/x', '/b/x', '/a/y');
    expect(revisions(await late.next())).toEqual([61, 63]);
    expect(late.progress).toBe(63);
    expect(read).toEqual([]);
  });

  test('that is further behind reads the log until it meets memory', async () => {
    const { watch, commit, read } = world({ changes: 20, characters: 1_000_000 });
    for (let i = 0; i < 60; i += 1) commit(`/a/${i}`);
    const late = watch('/a/', 0);
    const taken: number[] = [];
    while (taken.length < 60) taken.push(...revisions(await late.next()));
    expect(taken).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(read).toEqual([0, 10, 20, 30, 40]);
  });

  test('of what never changes is not behind, however much else does', async () => {
    const { watch, commit, read } = world({ changes: 20, characters: 1_000_000 });
    const quiet = watch('/quiet/', 0);
    const waiting = quiet.next();
    for (let i = 0; i < 500; i += 1) commit(`/a/${i}`);
    expect(quiet.progress).toBe(500);
    commit('/quiet/1');
    expect(revisions(await waiting)).toEqual([501]);
    expect(read).toEqual([]);
  });

  test('takes nothing before it is its turn, and nothing that was closed meanwhile', async () => {
    const { watch, commit } = world();
    const turns: (() => void)[] = [];
    const turn = () => new Promise<void>((resolve) => turns.push(resolve));
    const [first, second] = [watch('/a/', 0), watch('/a/', 0)];
    commit('/a/1');
    const [one, other] = [first.next(turn), second.next(turn)];
    expect(first.progress).toBe(0);
    commit('/a/2');
    second.close();
    for (const admit of turns) admit();
    expect(revisions(await one)).toEqual([1, 2]);
    expect(await other).toEqual([]);
  });

  test('promises nothing that came after it was closed, or that it had not handed out then', async () => {
    const { watch, commit } = world();
    const [behind, upToDate] = [watch('/a/', 0), watch('/a/', 0)];
    commit('/a/1');
    await behind.next();
    await upToDate.next();
    commit('/b/1');
    upToDate.close();
    commit('/a/2');
    behind.close();
    commit('/a/3');
    expect([behind.progress, upToDate.progress]).toEqual([1, 2]);
  });
});
