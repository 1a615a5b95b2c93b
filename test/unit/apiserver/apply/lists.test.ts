/** How lists are shared, after structured-merge-diff's own cases. */
import { test } from '@jest/globals';
import { expectOutcome } from './history.ts';
import type { Scenario } from './history.ts';

const scenarios: Scenario[] = [
  {
    name: 'items of a set are managed one by one',
    steps: [
      { apply: 'a', is: { set: ['x', 'y'] } },
      { apply: 'b', is: { set: ['y', 'z'] } },
    ],
    gives: {
      object: { set: ['x', 'y', 'z'] },
      managers: { 'a applies': ['.set[="x"]', '.set[="y"]'], 'b applies': ['.set[="y"]', '.set[="z"]'] },
    },
  },
  {
    name: 'an item goes with the last who applies it',
    steps: [
      { apply: 'a', is: { set: ['x', 'y'] } },
      { apply: 'b', is: { set: ['y', 'z'] } },
      { apply: 'a', is: { set: ['x'] } },
      { apply: 'b', is: { set: ['z'] } },
    ],
    gives: {
      object: { set: ['x', 'z'] },
      managers: { 'a applies': ['.set[="x"]'], 'b applies': ['.set[="z"]'] },
    },
  },
  {
    name: 'the configuration decides the order of its items',
    steps: [
      { apply: 'a', is: { set: ['a', 'b', 'c', 'd'] } },
      { apply: 'a', is: { set: ['d', 'c', 'b', 'a'] } },
    ],
    gives: { object: { set: ['d', 'c', 'b', 'a'] } },
  },
  {
    name: 'items of others keep their place where they can',
    steps: [
      { update: 'u', is: { set: ['a', 'b', 'c', 'd'] } },
      { apply: 'a', is: { set: ['c', 'a', 'e'] } },
    ],
    gives: { object: { set: ['b', 'c', 'd', 'a', 'e'] } },
  },
  {
    name: 'new items come after those before them',
    steps: [
      { update: 'u', is: { set: ['a', 'z'] } },
      { apply: 'a', is: { set: ['a', 'm', 'z'] } },
    ],
    gives: { object: { set: ['a', 'm', 'z'] } },
  },
  {
    name: 'a set of numbers',
    steps: [
      { apply: 'a', is: { numbers: [1, 10, 2] } },
      { apply: 'b', is: { numbers: [3] } },
    ],
    gives: {
      object: { numbers: [1, 10, 2, 3] },
      managers: {
        'a applies': ['.numbers[=1]', '.numbers[=2]', '.numbers[=10]'],
        'b applies': ['.numbers[=3]'],
      },
    },
  },
  {
    name: 'an empty set of one applier leaves the items of another',
    steps: [
      { apply: 'a', is: { set: ['x'] } },
      { apply: 'b', is: { set: [] } },
    ],
    gives: { object: { set: ['x'] }, managers: { 'a applies': ['.set[="x"]'] } },
  },
  {
    name: 'what the other wrote twice is one piece to an update',
    steps: [
      { update: 'u', is: { set: ['x', 'x', 'y'] } },
      { update: 'v', is: { set: ['x', 'y'] } },
    ],
    gives: { managers: { 'u updates': ['.set', '.set[="y"]'], 'v updates': ['.set[="x"]'] } },
  },
  {
    name: 'an atomic list is one piece',
    steps: [
      { apply: 'a', is: { atomic: ['x'] } },
      { apply: 'b', is: { atomic: ['x', 'y'] } },
    ],
    gives: { object: { atomic: ['x'] }, conflicts: ['a: .atomic'] },
  },
  {
    name: 'the same atomic list is shared',
    steps: [
      { apply: 'a', is: { atomic: ['x'] } },
      { apply: 'b', is: { atomic: ['x'] } },
      { apply: 'a', is: {} },
    ],
    gives: { object: { atomic: ['x'] }, managers: { 'b applies': ['.atomic'] } },
  },
  {
    name: 'items with the same key merge',
    steps: [
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
      { apply: 'b', is: { keyed: [{ name: 'x', tags: ['t'] }] } },
    ],
    gives: {
      object: { keyed: [{ name: 'x', value: 1, tags: ['t'] }] },
      managers: {
        'a applies': ['.keyed[name="x"]', '.keyed[name="x"].name', '.keyed[name="x"].value'],
        'b applies': ['.keyed[name="x"]', '.keyed[name="x"].name', '.keyed[name="x"].tags[="t"]'],
      },
    },
  },
  {
    name: 'an item that is no longer applied goes',
    steps: [
      {
        apply: 'a',
        is: {
          keyed: [
            { name: 'x', value: 1 },
            { name: 'y', value: 2 },
          ],
        },
      },
      { apply: 'a', is: { keyed: [{ name: 'y', value: 2 }] } },
    ],
    gives: { object: { keyed: [{ name: 'y', value: 2 }] } },
  },
  {
    name: 'an item stays for the parts that others manage',
    steps: [
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
      { apply: 'b', is: { keyed: [{ name: 'x', map: { k: 'v' } }] } },
      { apply: 'a', is: {} },
    ],
    gives: { object: { keyed: [{ name: 'x', map: { k: 'v' } }] } },
  },
  {
    name: 'an update of a part of an item leaves the key to its applier',
    steps: [
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
      { update: 'u', is: { keyed: [{ name: 'x', value: 2 }] } },
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
    ],
    gives: {
      object: { keyed: [{ name: 'x', value: 2 }] },
      conflicts: ['u: .keyed[name="x"].value'],
      managers: {
        'a applies': ['.keyed[name="x"]', '.keyed[name="x"].name'],
        'u updates': ['.keyed[name="x"].value'],
      },
    },
  },
  {
    name: 'several keys tell items apart, a missing one by its default',
    steps: [
      { update: 'u', is: { ports: [{ port: 53, protocol: 'TCP' }] } },
      {
        apply: 'a',
        is: {
          ports: [
            { port: 53, name: 'dns' },
            { port: 53, protocol: 'UDP' },
          ],
        },
      },
    ],
    gives: {
      object: {
        ports: [
          { port: 53, protocol: 'TCP', name: 'dns' },
          { port: 53, protocol: 'UDP' },
        ],
      },
      managers: {
        'u updates': [
          '.ports',
          '.ports[port=53,protocol="TCP"]',
          '.ports[port=53,protocol="TCP"].port',
          '.ports[port=53,protocol="TCP"].protocol',
        ],
        'a applies': [
          '.ports[port=53,protocol="TCP"]',
          '.ports[port=53,protocol="UDP"]',
          '.ports[port=53,protocol="TCP"].name',
          '.ports[port=53,protocol="TCP"].port',
          '.ports[port=53,protocol="UDP"].port',
          '.ports[port=53,protocol="UDP"].protocol',
        ],
      },
    },
  },
  {
    name: 'new items follow the order of the configuration',
    steps: [
      { update: 'u', is: { keyed: [{ name: 'c' }, { name: 'a' }] } },
      { apply: 'a', is: { keyed: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } },
    ],
    gives: { object: { keyed: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } },
  },
];

test.each(scenarios)('$name', expectOutcome);
