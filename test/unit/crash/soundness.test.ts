import { expect, test } from '@jest/globals';
import type { Findings } from '../../crash/campaign.ts';
import type { Ending } from '../../crash/disturbed-life.ts';
import type { Fault, FaultName } from '../../crash/faults.ts';
import { broken, isSound, untried } from '../../crash/soundness.ts';

const clean: Ending = { result: 'as clean', seconds: 1 };
const notReached: Ending = { result: 'not reached' };

function tried(name: string, kind: FaultName, ending: Ending, phase = 'plug'): Findings['tried'][number] {
  const fault: Fault = { boundary: { course: 'long', phase, process: 'controller', name }, kind };
  return { fault, ending };
}

const finding = (...all: Findings['tried']): Findings => ({ tried: all, unexplained: [], sometimes: [] });

const joined = 'disks/extra api.status claim+hostName';
const told = 'disks/extra api.status Provisioning';

test.each<{ name: string; findings: Findings; sound: boolean }>([
  { name: 'nothing was tried', findings: finding(), sound: false },
  { name: 'all is as clean', findings: finding(tried(told, 'killed after', clean)), sound: true },
  {
    name: 'a fault broke a life',
    findings: finding(tried(told, 'killed after', { result: 'broken', story: 'it hangs' })),
    sound: false,
  },
  {
    name: 'a life broke, and nobody knows by what',
    findings: { ...finding(tried(told, 'killed after', clean)), unexplained: ['it hangs'] },
    sound: false,
  },
  {
    name: 'somebody ended it early',
    findings: { ...finding(tried(told, 'killed after', clean)), interrupted: true },
    sound: false,
  },
  {
    name: 'no boundary belongs to an action',
    findings: { ...finding(tried(told, 'killed after', clean)), unreached: ['machine.connect'] },
    sound: false,
  },
  {
    name: 'a status that only some lives write, and the same befell another status of the object',
    findings: finding(tried(joined, 'killed after', notReached), tried(told, 'killed after', clean)),
    sound: true,
  },
  {
    name: 'a write that only some lives repeat',
    findings: finding(
      tried('disks/extra api.patch finalizers=0 #2', 'killed after', notReached),
      tried('disks/extra api.patch finalizers=0', 'killed after', clean),
    ),
    sound: true,
  },
  {
    name: 'not reached, and something else befell the write',
    findings: finding(tried(joined, 'killed after', notReached), tried(told, 'killed before', clean)),
    sound: false,
  },
  {
    name: 'not reached, and the same befell the write in another phase',
    findings: finding(tried(joined, 'killed after', notReached), tried(told, 'killed after', clean, 'grow')),
    sound: false,
  },
  {
    name: 'not reached, and the same befell another object',
    findings: finding(
      tried(joined, 'killed after', notReached),
      tried('disks/web-root api.status Ready', 'killed after', clean),
    ),
    sound: false,
  },
  {
    name: 'not reached, and finalizers were added, not taken away',
    findings: finding(
      tried('disks/extra api.patch finalizers=0', 'killed after', notReached),
      tried('disks/extra api.patch finalizers=1', 'killed after', clean),
    ),
    sound: false,
  },
])('$name: sound $sound', ({ findings, sound }) => {
  expect(isSound(findings)).toBe(sound);
});

test('what to try again is what broke and what never happened', () => {
  const findings = finding(
    tried(told, 'killed after', clean),
    tried(joined, 'killed after', notReached),
    tried(joined, 'killed before', notReached),
    tried(told, 'failed after', { result: 'broken', story: 'it hangs' }),
  );
  expect(untried(findings).map(({ kind }) => kind)).toEqual(['killed before']);
  expect(broken(findings).map(({ kind }) => kind)).toEqual(['failed after']);
});
