import { expect, test } from '@jest/globals';
import { act, blocked, firstOf, settled, waiting } from '../../../src/plan/outcome.ts';
import { readyCondition } from '../../../src/plan/ready.ts';
import { removeFrom } from '../../../src/plan/removal.ts';
import { host, sentence, silentHost } from '../kinds/builders.ts';

const step = act(
  { on: 'api', action: { name: 'api.bindDisk', hostName: 'h1' } },
  { reason: 'Bound', because: 'h1 has room' },
);
const failure = { reason: 'OutOfSpace', message: 'the disk is full', retryable: true };

test.each([
  [
    'settled, serving',
    readyCondition(settled, undefined, true),
    'True Ready: everything is as the spec says',
  ],
  [
    'settled, not serving',
    readyCondition(settled, undefined, false),
    'False NotServing: no step is due, but it does not work yet',
  ],
  ['acting', readyCondition(step, undefined, false), 'False Bound: h1 has room'],
  [
    'acting while it serves',
    readyCondition(step, undefined, true),
    'True Ready: everything is as the spec says',
  ],
  ['failing', readyCondition(step, failure, false), 'False OutOfSpace: the disk is full'],
  ['failing while it serves', readyCondition(step, failure, true), 'True OutOfSpace: the disk is full'],
  [
    'waiting',
    readyCondition(waiting('HostUnknown', 'host h1'), undefined, false),
    'False HostUnknown: host h1',
  ],
  ['blocked', readyCondition(blocked('Bad', 'change it'), undefined, false), 'False Bad: change it'],
  [
    'blocked while it serves',
    readyCondition(blocked('ShrinkUnsupported', 'it only grows'), undefined, true),
    'True ShrinkUnsupported: it only grows',
  ],
])('Ready of an object that is %s', (_name, { status, reason, message }, expected) => {
  expect(`${status} ${reason}: ${message}`).toBe(expected);
});

test('the first check with something to say decides, and later ones are not asked', () => {
  const asked: string[] = [];
  const check = (name: string, says?: string) => () => {
    asked.push(name);
    return says === undefined ? undefined : waiting('Because', says);
  };
  expect(firstOf([check('a'), check('b', 'b says'), check('c', 'c says')], {})).toMatchObject({
    on: 'b says',
  });
  expect(asked).toEqual(['a', 'b']);
  expect(firstOf([check('a')], {})).toBeUndefined();
});

test('removal goes host by host, and only the record of a host counts as proof', () => {
  const removal = {
    action: { name: 'disk.delete', arguments: {} } as const,
    lock: ['u'],
    because: 'it goes',
  };
  const clean = host({ removed: { u: 1 } });
  const next = (hosts: Parameters<typeof removeFrom>[0]): string => {
    const outcome = removeFrom(hosts, 'u', removal);
    return outcome ? sentence(outcome) : 'clean';
  };
  expect(next([])).toBe('clean');
  expect(next([clean])).toBe('clean');
  expect(next([clean, host({ hostName: 'h2' })])).toBe('disk.delete on h2 (Removing): it goes');
  expect(next([clean, silentHost('h2')])).toBe('wait (HostUnknown): a complete snapshot of host h2');
});
