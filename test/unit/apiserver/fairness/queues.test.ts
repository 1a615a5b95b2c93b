import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LEVELS, LEVEL_NAMES } from '../../../../src/apiserver/fairness/levels.ts';
import type { Level, LevelName } from '../../../../src/apiserver/fairness/levels.ts';
import { FairQueues } from '../../../../src/apiserver/fairness/queues.ts';
import type { Ticket } from '../../../../src/apiserver/fairness/queues.ts';

const levels = (change: Partial<Level>): Record<LevelName, Level> =>
  Object.fromEntries(LEVEL_NAMES.map((name) => [name, { ...LEVELS[name], ...change }])) as Record<
    LevelName,
    Level
  >;
const wide = levels({ queueLength: 20_000, totalQueueLength: 50_000 });

const ticket = (user: string, level: LevelName = 'global-default', seats = 1, arrivedMs = 0): Ticket => ({
  flow: { level, user },
  seats,
  arrivedMs,
});

/** Begins and answers one request after the other; who was served, in order. */
function served(queues: FairQueues, count = Infinity): string[] {
  const order: string[] = [];
  while (order.length < count) {
    const next = queues.next();
    if (!next) break;
    order.push(next.flow.user);
    queues.leave(next);
  }
  return order;
}

describe('a user who piles up 10,000 requests', () => {
  const noisy = (): FairQueues => {
    const queues = new FairQueues(wide);
    for (let i = 0; i < 10_000; i++) queues.enqueue(ticket('noisy'));
    served(queues, 100);
    return queues;
  };

  test('delays one of another user by one of its own', () => {
    const queues = noisy();
    queues.enqueue(ticket('quiet'));
    expect(served(queues, 2)).toContain('quiet');
  });

  test('shares with others in turn', () => {
    const queues = noisy();
    for (let i = 0; i < 50; i++) queues.enqueue(ticket('quiet'));
    const order = served(queues, 100);
    expect(order.filter((user) => user === 'quiet').length).toBeGreaterThanOrEqual(49);
    expect(order.join(' ')).not.toMatch(/noisy noisy noisy|quiet quiet quiet/);
  });

  test('is not starved by one who asks anew as soon as it is answered', () => {
    const queues = noisy();
    const order: string[] = [];
    queues.enqueue(ticket('quiet'));
    for (let i = 0; i < 100; i++) {
      if (order.at(-1) === 'quiet') queues.enqueue(ticket('quiet'));
      order.push(...served(queues, 1));
    }
    expect(order.filter((user) => user === 'noisy').length).toBeGreaterThanOrEqual(45);
  });

  test('does not hold up a level above or below it', () => {
    const queues = noisy();
    queues.enqueue(ticket('controllers', 'system'));
    queues.enqueue(ticket('kube', 'workload-high'));
    queues.enqueue(ticket('nobody', 'catch-all'));
    expect(served(queues, 6)).toEqual(expect.arrayContaining(['controllers', 'kube', 'nobody']));
  });
});

test('levels that are all busy share by their shares', () => {
  const queues = new FairQueues(wide);
  for (let i = 0; i < 2000; i++) {
    queues.enqueue(ticket('a', 'system'));
    queues.enqueue(ticket('b', 'global-default'));
  }
  const order = served(queues, 1200);
  // 100 shares to 20.
  expect(order.filter((user) => user === 'a').length).toBeGreaterThan(980);
  expect(order.filter((user) => user === 'b').length).toBeGreaterThan(180);
});

test('requests that take more seats count for more', () => {
  const queues = new FairQueues(wide);
  for (let i = 0; i < 200; i++) {
    queues.enqueue(ticket('lists', 'global-default', 10));
    queues.enqueue(ticket('gets'));
  }
  const order = served(queues, 110);
  expect(order.filter((user) => user === 'lists').length).toBeLessThanOrEqual(12);
});

test('seats bound what is under way, and a request wider than its level gets the level to itself', () => {
  const queues = new FairQueues(levels({ seats: 3 }));
  for (const seats of [2, 2, 1, 10]) queues.enqueue(ticket('a', 'global-default', seats));
  const first = queues.next();
  expect(queues.next()).toBeUndefined();
  if (first) queues.leave(first);
  const [second, third] = [queues.next(), queues.next()];
  expect([second?.seats, third?.seats, queues.next()]).toEqual([2, 1, undefined]);
  for (const one of [second, third]) if (one) queues.leave(one);
  expect(queues.next()?.seats).toBe(10);
});

test('a queue is as long as it may be, a level too', () => {
  const queues = new FairQueues(levels({ queueLength: 2, totalQueueLength: 3 }));
  const answers = ['a', 'a', 'a', 'b', 'c'].map((user) => queues.enqueue(ticket(user)));
  expect(answers).toEqual([undefined, undefined, 'user-queue-full', undefined, 'level-queue-full']);
});

test('whoever has waited too long is taken out, and nobody else', () => {
  const queues = new FairQueues(levels({ waitMs: 100 }));
  const [old, young] = [ticket('a', 'system', 1, 0), ticket('a', 'system', 1, 50)];
  for (const one of [old, young, ticket('b', 'catch-all', 1, 90)]) queues.enqueue(one);
  expect(queues.expire(99)).toEqual([]);
  expect(queues.expire(100)).toEqual([old]);
  expect(queues.waiting).toBe(2);
  expect(queues.next()).toBe(young);
});

const action = fc.oneof(
  fc.record({
    do: fc.constant('arrive' as const),
    user: fc.constantFrom('a', 'b', 'c'),
    level: fc.constantFrom(...LEVEL_NAMES),
    seats: fc.integer({ min: 1, max: 12 }),
  }),
  fc.record({ do: fc.constant('begin' as const) }),
  fc.record({ do: fc.constantFrom('answer' as const, 'abandon' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('expire' as const) }),
);

test('whatever happens, seats are those of requests under way, and in the end all are free', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const queues = new FairQueues(levels({ seats: 16, queueLength: 5, totalQueueLength: 9, waitMs: 30 }));
      const known: Ticket[] = [];
      let nowMs = 0;
      for (const step of actions) {
        nowMs += 1;
        if (step.do === 'arrive') {
          const one = ticket(step.user, step.level, step.seats, nowMs);
          if (!queues.enqueue(one)) known.push(one);
        } else if (step.do === 'begin') queues.next();
        else if (step.do === 'expire') queues.expire(nowMs);
        else {
          const one = known[step.which % Math.max(1, known.length)];
          // Twice: an answer and the end of its connection are both told.
          if (one) queues.leave(one);
          if (one) queues.leave(one);
        }
        for (const level of LEVEL_NAMES) expect(queues.seatsInUse(level)).toBeLessThanOrEqual(16);
      }
      for (const one of known) queues.leave(one);
      expect(queues.waiting).toBe(0);
      expect(LEVEL_NAMES.map((level) => queues.seatsInUse(level))).toEqual(LEVEL_NAMES.map(() => 0));
      expect(queues.next()).toBeUndefined();
    }),
  );
});

test('nobody waits for ever: each request begins before others have begun much more', () => {
  const arrivals = fc.array(
    fc.record({ user: fc.constantFrom('a', 'b', 'c', 'd'), seats: fc.integer({ min: 1, max: 10 }) }),
    { minLength: 1, maxLength: 150 },
  );
  fc.assert(
    fc.property(arrivals, (list) => {
      const queues = new FairQueues(wide);
      for (const { user, seats } of list) queues.enqueue(ticket(user, 'global-default', seats));
      const work = new Map<string, number>();
      const left = new Map<string, number>();
      for (const { user } of list) left.set(user, (left.get(user) ?? 0) + 1);
      for (let next = queues.next(); next; next = queues.next()) {
        const { user } = next.flow;
        work.set(user, (work.get(user) ?? 0) + next.seats);
        left.set(user, (left.get(user) ?? 0) - 1);
        queues.leave(next);
        for (const [other, waiting] of left) {
          // Two of the widest is what the order by start tags allows.
          if (waiting > 0) expect((work.get(user) ?? 0) - (work.get(other) ?? 0)).toBeLessThanOrEqual(20);
        }
      }
      expect([...left.values()].every((count) => count === 0)).toBe(true);
    }),
  );
});
