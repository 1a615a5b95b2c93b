import { describe, expect, test } from '@jest/globals';
import { type Candidate, type Demand, chooseHost } from '../../../src/schedule/schedule.ts';
import { deleted, host, hostObject, silentHost } from '../kinds/builders.ts';

const GIBIBYTE = 2 ** 30;
const candidate = (name: string, changes: Partial<Candidate> = {}): Candidate => ({
  view: host({ hostName: name }),
  host: hostObject(name),
  promised: { cpus: 0, memoryBytes: 0 },
  ...changes,
});
const demand = (changes: Partial<Demand> = {}): Demand => ({
  cpus: 1,
  memoryBytes: GIBIBYTE,
  hostLabels: {},
  diskHosts: [],
  ...changes,
});
const why = (changes: Partial<Candidate>, asked: Partial<Demand> = {}): string => {
  const decision = chooseHost([candidate('h1', changes)], demand(asked));
  return 'reasons' in decision ? (decision.reasons[0]?.because ?? '') : `chosen: ${decision.hostName}`;
};

describe('a host is passed over', () => {
  test.each<[string, Partial<Candidate>, Partial<Demand>, string]>([
    ['without a Host object', { host: undefined }, {}, 'it is not registered'],
    [
      'when it is being deleted',
      { host: hostObject('h1', { metadata: deleted }) },
      {},
      'it is not registered',
    ],
    ['when its agent is silent', { view: silentHost() }, {}, 'its agent does not answer'],
    [
      'when it is cordoned',
      { host: hostObject('h1', { spec: { unschedulable: true } }) },
      {},
      'it is cordoned',
    ],
    ['for a label', {}, { hostLabels: { zone: 'a' } }, 'it lacks the label zone=a'],
    ['for a disk elsewhere', {}, { diskHosts: ['h2'] }, 'a disk of the Machine is on host h2'],
    ['for CPUs', { promised: { cpus: 127, memoryBytes: 0 } }, { cpus: 2 }, '2 CPUs asked, 1 left'],
    [
      'for memory',
      { promised: { cpus: 0, memoryBytes: 7 * GIBIBYTE } },
      {},
      '1024Mi of memory asked, 512Mi left',
    ],
    [
      'for memory promised beyond what it has',
      { promised: { cpus: 0, memoryBytes: 70 * GIBIBYTE } },
      {},
      '1024Mi of memory asked, 0Ki left',
    ],
  ])('%s', (_name, changes, asked, expected) => {
    expect(why(changes, asked)).toBe(expected);
  });
});

test('what fits exactly is taken', () => {
  expect(why({ promised: { cpus: 127, memoryBytes: 0 } })).toBe('chosen: h1');
  expect(why({}, { memoryBytes: 7.5 * GIBIBYTE })).toBe('chosen: h1');
  expect(why({}, { diskHosts: ['h1'] })).toBe('chosen: h1');
  expect(
    why({ host: hostObject('h1', { metadata: { labels: { zone: 'a' } } }) }, { hostLabels: { zone: 'a' } }),
  ).toBe('chosen: h1');
});

test('the host with the most memory left is chosen; of equals the first by name', () => {
  const busy = candidate('a', { promised: { cpus: 0, memoryBytes: GIBIBYTE } });
  expect(chooseHost([busy, candidate('c'), candidate('b')], demand())).toEqual({ hostName: 'b' });
});

test('when none fits, every host says why', () => {
  const decision = chooseHost(
    [candidate('a', { view: silentHost('a') }), candidate('b')],
    demand({ cpus: 999 }),
  );
  expect(decision).toEqual({
    reasons: [
      { hostName: 'a', because: 'its agent does not answer' },
      { hostName: 'b', because: '999 CPUs asked, 128 left' },
    ],
  });
  expect(chooseHost([], demand())).toEqual({ reasons: [] });
});
