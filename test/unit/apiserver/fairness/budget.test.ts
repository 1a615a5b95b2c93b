import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Budget } from '../../../../src/apiserver/fairness/budget.ts';
import type { Holding } from '../../../../src/apiserver/fairness/budget.ts';
import { Connections } from '../../../../src/apiserver/connections.ts';

test('a budget says whose limit is in the way', () => {
  const budget = new Budget({ total: 10, ordinary: 8, perUser: 6 });
  expect(budget.take('a', 7, 'ordinary')).toBe('user');
  const held = budget.take('a', 6, 'ordinary');
  expect(held).not.toBe('user');
  expect(['a', 'b'].map((user) => budget.take(user, 3, 'ordinary'))).toEqual(['user', 'ordinary']);
  expect(budget.take('c', 5, 'privileged')).toBe('total');
  expect(budget.take('c', 4, 'privileged')).toHaveProperty('release');
  expect(budget.take('b', 2, 'ordinary')).toBe('total');
  if (typeof held !== 'string') held.release();
  // What the privileged hold is not taken from the others' share.
  expect(budget.take('b', 6, 'ordinary')).toHaveProperty('release');
});

test('what is given back twice counts once', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          user: fc.constantFrom('a', 'b'),
          standing: fc.constantFrom('ordinary' as const, 'privileged' as const),
          amount: fc.nat(5),
          repeat: fc.nat(2),
        }),
      ),
      (steps) => {
        const budget = new Budget({ total: 30, ordinary: 18, perUser: 20 });
        const holdings: Holding[] = [];
        for (const { user, amount, repeat, standing } of steps) {
          const taken = budget.take(user, amount, standing);
          if (typeof taken !== 'string') holdings.push(taken);
          for (let i = 0; i < repeat; i++) holdings[0]?.release();
          expect(budget.held).toBeGreaterThanOrEqual(0);
          expect(budget.held).toBeLessThanOrEqual(30);
        }
        for (const holding of holdings) holding.release();
        expect(budget.held).toBe(0);
        expect(budget.take('c', 18, 'ordinary')).toHaveProperty('release');
      },
    ),
  );
});

const LIMITS = {
  total: 3,
  perAddress: 2,
  firstRequestMs: 10,
  idleMs: 30,
  unreadMs: { watch: 1, answer: 1, piece: 1 },
};

/** Connections by name, with what became of them. */
function table() {
  const connections = new Connections<string>(LIMITS);
  const closed: string[] = [];
  const add = (name: string, address: string, nowMs: number) =>
    connections.add(name, address, () => closed.push(name), nowMs);
  return { connections, closed, add };
}

test('the connection that has been idle for longest makes place', () => {
  const { connections, closed, add } = table();
  add('a1', 'a', 1);
  add('a2', 'a', 2);
  connections.requestBegan('a1');
  connections.requestEnded('a1', 3);
  expect(add('a3', 'a', 4)).toBe('taken');
  expect(closed).toEqual(['a2']);
  add('b1', 'b', 5);
  expect(add('c1', 'c', 6)).toBe('taken');
  expect(closed).toEqual(['a2', 'a1']);
  expect(connections.size).toBe(3);
});

test('none that is at work is closed for another', () => {
  const { connections, closed, add } = table();
  for (const name of ['a1', 'a2']) {
    add(name, 'a', 1);
    connections.requestBegan(name);
  }
  expect(add('a3', 'a', 2)).toBe('refused');
  expect(add('b1', 'b', 2)).toBe('taken');
  connections.requestBegan('b1');
  expect(add('c1', 'c', 2)).toBe('refused');
  connections.removed('b1');
  expect(add('c1', 'c', 2)).toBe('taken');
  expect(closed).toEqual([]);
});

test.each([
  ['one that never asked anything', () => undefined, 10],
  [
    'one that asked something once',
    (connections: Connections<string>) => {
      connections.requestBegan('a1');
      connections.requestEnded('a1', 0);
    },
    30,
  ],
])('%s is closed in time', (_, use, afterMs) => {
  const { connections, closed, add } = table();
  add('a1', 'a', 0);
  use(connections);
  connections.sweep(afterMs - 1);
  expect(closed).toEqual([]);
  connections.sweep(afterMs);
  expect([closed, connections.size]).toEqual([['a1'], 0]);
});

test('one with an open request stays, however long it is silent', () => {
  const { connections, closed, add } = table();
  add('a1', 'a', 0);
  connections.requestBegan('a1');
  connections.sweep(1e9);
  expect(closed).toEqual([]);
});
