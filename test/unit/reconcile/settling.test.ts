import { beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Settling } from '../../../src/reconcile/settling.ts';
import { HandClock } from '../../support/hand-clock.ts';

let registered: string[];
let known: Set<string>;
let busy: Set<string>;
let adopts: boolean;
let told: string[];
let clock: HandClock;

beforeEach(() => {
  clock = new HandClock();
  [registered, known, busy, adopts, told] = [['h1'], new Set(), new Set(), false, []];
});

const settlingWith = (claimed: readonly string[], settling = true): Settling =>
  new Settling({
    leadership: { settling, settled: () => told.push('lease') },
    claimed,
    registered: () => registered,
    sightOf: (hostName) => {
      if (!known.has(hostName)) return 'unseen';
      return busy.has(hostName) ? 'busy' : 'seen';
    },
    adopts: () => adopts,
    onSettled: () => told.push('loop'),
    clock,
    logger: pino({ level: 'silent' }),
  });

test('a leader that follows another has nothing to wait for', () => {
  const { waitsFor, unseen } = settlingWith(['h1', 'h2'], false);
  expect([waitsFor, unseen]).toEqual([undefined, []]);
});

test('with a new Lease every host is waited for, also one that only Redis knows of', () => {
  const settling = settlingWith(['h1', 'h2']);
  settling.look();
  expect(settling.unseen).toEqual(['h1', 'h2']);
  expect(settling.waitsFor).toMatch(/^waits for hosts h1, h2 to report: the store may be older/);
  known.add('h1');
  settling.look();
  expect(settling.waitsFor).toMatch(/^waits for host h2 to report/);
  expect(told).toEqual([]);
  known.add('h2');
  settling.look();
  expect([settling.waitsFor, settling.unseen]).toEqual([undefined, []]);
  expect(told).toEqual(['lease', 'loop']);
  known.clear();
  settling.look();
  expect([settling.waitsFor, told]).toEqual([undefined, ['lease', 'loop']]);
});

test('all are to be known at the same time', () => {
  const settling = settlingWith(['h2']);
  known.add('h1');
  settling.look();
  [known] = [new Set(['h2'])];
  settling.look();
  expect(settling.waitsFor).toContain('host h1');
});

test('and nothing that an earlier leader ordered is to be on its way any more', () => {
  const settling = settlingWith(['h2']);
  [known, busy] = [new Set(['h1']), new Set(['h1'])];
  settling.look();
  expect(settling.unseen).toEqual(['h2']);
  expect(settling.waitsFor).toMatch(/^waits for host h2 to report/);
  known.add('h2');
  settling.look();
  expect(settling.unseen).toEqual([]);
  expect(settling.waitsFor).toBe(
    'waits until host h1 ended what an earlier leader ordered, which the store may not know of; restart the agent there if that lasts',
  );
  expect(told).toEqual([]);
  busy.clear();
  settling.look();
  expect([settling.waitsFor, told]).toEqual([undefined, ['lease', 'loop']]);
});

test('and what they have is to be written down first', async () => {
  const settling = settlingWith([]);
  [known, adopts] = [new Set(['h1']), true];
  settling.look();
  expect(settling.waitsFor).toBe('waits until what the hosts have is written down');
  adopts = false;
  await clock.pass(1_000);
  expect(settling.waitsFor).toBeUndefined();
});

test('a host that falls silent before that is waited for again', async () => {
  const settling = settlingWith([]);
  [known, adopts] = [new Set(['h1']), true];
  settling.look();
  [known, adopts] = [new Set(), false];
  await clock.pass(120_000);
  expect(settling.waitsFor).toContain('host h1');
  known.add('h1');
  settling.look();
  expect(settling.waitsFor).toBeUndefined();
});

test('what the API refuses to have written down holds up nothing for ever', async () => {
  const settling = settlingWith([]);
  [known, adopts] = [new Set(['h1']), true];
  settling.look();
  await clock.pass(59_000);
  expect(settling.waitsFor).toBeDefined();
  await clock.pass(1_000);
  expect([settling.waitsFor, told]).toEqual([undefined, ['lease', 'loop']]);
});

test('nothing is looked at any more when the loop ends', async () => {
  const settling = settlingWith([]);
  [known, adopts] = [new Set(['h1']), true];
  settling.look();
  settling.close();
  expect(clock.waiting).toBe(0);
});

test('a host whose Host is deleted is given up', () => {
  const settling = settlingWith(['h2']);
  known.add('h1');
  settling.look();
  expect(settling.waitsFor).toContain('host h2');
  settling.giveUp('h2');
  expect([settling.waitsFor, told]).toEqual([undefined, ['lease', 'loop']]);
});
