/** Content without a schema, and the part of an object that is the system's, after structured-merge-diff's own cases. */
import { test } from '@jest/globals';
import { expectOutcome } from './history.ts';
import type { Scenario } from './history.ts';

const scenarios: Scenario[] = [
  {
    name: 'free-form content merges key by key down to lists',
    steps: [
      { apply: 'a', is: { free: { x: { y: 1 }, list: [{ k: 1 }] } } },
      { apply: 'b', is: { free: { x: { z: 2 } } } },
    ],
    gives: {
      object: { free: { x: { y: 1, z: 2 }, list: [{ k: 1 }] } },
      managers: {
        'a applies': ['.free.list', '.free.x', '.free.x.y'],
        'b applies': ['.free.x', '.free.x.z'],
      },
    },
  },
  {
    name: 'free-form content may change its form',
    steps: [
      { update: 'u', is: { anything: 'text' } },
      { update: 'v', is: { anything: { now: 'a map' } } },
    ],
    gives: { managers: { 'v updates': ['.anything', '.anything.now'] } },
  },
  {
    name: 'a number or a text',
    steps: [
      { apply: 'a', is: { intOrText: 80 } },
      { apply: 'b', is: { intOrText: '80' } },
    ],
    gives: { object: { intOrText: 80 }, conflicts: ['a: .intOrText'] },
  },
  {
    name: 'an embedded object has metadata of its own',
    steps: [
      { apply: 'a', is: { embedded: { kind: 'X', metadata: { finalizers: ['p.dev/a'] }, spec: { n: 1 } } } },
      { apply: 'b', is: { embedded: { metadata: { finalizers: ['p.dev/b'] } } } },
    ],
    gives: {
      object: { embedded: { kind: 'X', metadata: { finalizers: ['p.dev/a', 'p.dev/b'] }, spec: { n: 1 } } },
    },
  },
  {
    name: 'nobody manages what the system decides',
    steps: [
      {
        apply: 'a',
        is: {
          apiVersion: 'v1',
          kind: 'X',
          metadata: { name: 'n', namespace: 's', uid: 'u', labels: { l: '1' } },
        },
      },
    ],
    gives: { managers: { 'a applies': ['.metadata.labels.l'] } },
  },
  {
    name: 'metadata stays when its last managed part goes',
    steps: [
      { apply: 'a', is: { metadata: { name: 'n', labels: { l: '1' } }, text: 'x' } },
      { apply: 'a', is: { metadata: { name: 'n' }, text: 'x' } },
    ],
    gives: { object: { metadata: { name: 'n' }, text: 'x' }, managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'owner references are told apart by UID and are one piece each',
    steps: [
      { apply: 'a', is: { metadata: { ownerReferences: [{ uid: '1', name: 'x' }] } } },
      { apply: 'b', is: { metadata: { ownerReferences: [{ uid: '1', name: 'y' }] } } },
    ],
    gives: { conflicts: ['a: .metadata.ownerReferences[uid="1"]'] },
  },
];

test.each(scenarios)('$name', expectOutcome);
