/** How objects and ownership change from write to write, after structured-merge-diff's own cases. */
import { expect, test } from '@jest/globals';
import { History } from './history.ts';
import type { Outcome, Step } from './history.ts';
import { everySort } from './schemas.ts';

interface Scenario {
  name: string;
  steps: Step[];
  then: Partial<Outcome>;
}

const scenarios: Scenario[] = [
  // Leaves.
  {
    name: 'a second apply of the same changes nothing',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'a', is: { text: 'x', number: 1 } },
    ],
    then: { object: { text: 'x', number: 1 }, managers: { 'a applies': ['.number', '.text'] } },
  },
  {
    name: 'what is no longer applied goes',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1, flag: true } },
      { apply: 'a', is: { text: 'x' } },
    ],
    then: { object: { text: 'x' }, managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'another value of another applier is a conflict and changes nothing',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'b', is: { text: 'y', number: 2 } },
    ],
    then: {
      object: { text: 'x', number: 1 },
      managers: { 'a applies': ['.number', '.text'] },
      conflicts: ['a: .number', 'a: .text'],
    },
  },
  {
    name: 'force takes over what conflicts and only that',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'b', is: { text: 'y' }, force: true },
    ],
    then: {
      object: { text: 'y', number: 1 },
      managers: { 'a applies': ['.number'], 'b applies': ['.text'] },
    },
  },
  {
    name: 'the same value is shared',
    steps: [
      { apply: 'a', is: { text: 'x' } },
      { apply: 'b', is: { text: 'x' } },
    ],
    then: { object: { text: 'x' }, managers: { 'a applies': ['.text'], 'b applies': ['.text'] } },
  },
  {
    name: 'one of two who share gives up: the value stays',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'b', is: { text: 'x' } },
      { apply: 'a', is: { number: 1 } },
    ],
    then: {
      object: { text: 'x', number: 1 },
      managers: { 'a applies': ['.number'], 'b applies': ['.text'] },
    },
  },
  {
    name: 'both give up: the value goes with the second',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'b', is: { text: 'x', flag: true } },
      { apply: 'a', is: { number: 1 } },
      { apply: 'b', is: { flag: true } },
    ],
    then: {
      object: { number: 1, flag: true },
      managers: { 'a applies': ['.number'], 'b applies': ['.flag'] },
    },
  },
  {
    name: 'an update takes what it changes, without asking',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { update: 'u', is: { text: 'y', number: 1 } },
    ],
    then: { managers: { 'a applies': ['.number'], 'u updates': ['.text'] } },
  },
  {
    name: 'after an update, the applier hears of it',
    steps: [
      { apply: 'a', is: { text: 'x' } },
      { update: 'u', is: { text: 'y' } },
      { apply: 'a', is: { text: 'x' } },
    ],
    then: { object: { text: 'y' }, conflicts: ['u: .text'] },
  },
  {
    name: 'what an update changed stays when the applier gives it up',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { update: 'u', is: { text: 'y', number: 1 } },
      { apply: 'a', is: { number: 1 } },
    ],
    then: {
      object: { text: 'y', number: 1 },
      managers: { 'a applies': ['.number'], 'u updates': ['.text'] },
    },
  },
  {
    name: 'what an update removes nobody manages any more',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { update: 'u', is: { number: 1 } },
    ],
    then: { managers: { 'a applies': ['.number'] } },
  },
  {
    name: 'an update that changes nothing owns nothing',
    steps: [
      { apply: 'a', is: { text: 'x' } },
      { update: 'u', is: { text: 'x' } },
    ],
    then: { managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'the same name for apply and update is two managers',
    steps: [
      { update: 'a', is: { text: 'x', number: 1 } },
      { apply: 'a', is: { text: 'y' } },
    ],
    then: { object: { text: 'x', number: 1 }, conflicts: ['a: .text'] },
  },
  {
    name: 'an applied null takes part in the conflict',
    steps: [
      { apply: 'a', is: { text: 'x' } },
      { apply: 'b', is: { text: null } },
    ],
    then: { object: { text: 'x' }, conflicts: ['a: .text'] },
  },
  {
    name: 'an applied null is managed',
    steps: [{ apply: 'a', is: { text: null, struct: null, map: null } }],
    then: {
      object: { text: null, struct: null, map: null },
      managers: { 'a applies': ['.map', '.struct', '.text'] },
    },
  },

  // Structs and maps.
  {
    name: 'appliers of different fields of a struct share it',
    steps: [
      { apply: 'a', is: { struct: { a: 1 } } },
      { apply: 'b', is: { struct: { b: 2 } } },
    ],
    then: {
      object: { struct: { a: 1, b: 2 } },
      managers: { 'a applies': ['.struct.a'], 'b applies': ['.struct.b'] },
    },
  },
  {
    name: 'a struct goes with the last of its fields',
    steps: [
      { apply: 'a', is: { text: 'x', struct: { a: 1, inner: { c: 3 } } } },
      { apply: 'a', is: { text: 'x' } },
    ],
    then: { object: { text: 'x' }, managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'a struct stays for the fields of others',
    steps: [
      { apply: 'a', is: { struct: { a: 1 } } },
      { apply: 'b', is: { struct: { inner: { c: 3 } } } },
      { apply: 'a', is: {} },
    ],
    then: { object: { struct: { inner: { c: 3 } } }, managers: { 'b applies': ['.struct.inner.c'] } },
  },
  {
    name: 'an empty struct is managed as a whole',
    steps: [{ apply: 'a', is: { struct: {}, map: {} } }],
    then: { object: { struct: {}, map: {} }, managers: { 'a applies': ['.map', '.struct'] } },
  },
  {
    name: 'an empty struct applied over one with content leaves the content',
    steps: [
      { apply: 'a', is: { struct: { a: 1 } } },
      { apply: 'b', is: { struct: {} } },
    ],
    then: {
      object: { struct: { a: 1 } },
      managers: { 'a applies': ['.struct.a'], 'b applies': ['.struct'] },
    },
  },
  {
    name: 'an atomic struct is one piece: another part of it is a conflict',
    steps: [
      { apply: 'a', is: { whole: { a: 1 } } },
      { apply: 'b', is: { whole: { b: 1 } } },
    ],
    then: { object: { whole: { a: 1 } }, conflicts: ['a: .whole'] },
  },
  {
    name: 'an atomic struct is replaced as a whole',
    steps: [
      { apply: 'a', is: { whole: { a: 1 } } },
      { apply: 'b', is: { whole: { b: 1 } }, force: true },
    ],
    then: { object: { whole: { b: 1 } }, managers: { 'b applies': ['.whole'] } },
  },
  {
    name: 'entries of a map are managed one by one, and the map by nobody',
    steps: [
      { apply: 'a', is: { map: { x: '1' } } },
      { apply: 'b', is: { map: { y: '2' } } },
      { apply: 'a', is: { map: { z: '3' } } },
    ],
    then: {
      object: { map: { y: '2', z: '3' } },
      managers: { 'a applies': ['.map.z'], 'b applies': ['.map.y'] },
    },
  },
  {
    name: 'an entry of a map of maps is managed besides what is in it',
    steps: [{ apply: 'a', is: { maps: { one: { x: '1' } } } }],
    then: { managers: { 'a applies': ['.maps.one', '.maps.one.x'] } },
  },
  {
    name: 'an emptied entry of a map of maps stays while it is applied',
    steps: [
      { apply: 'a', is: { maps: { one: { x: '1', y: '2' } } } },
      { apply: 'a', is: { maps: { one: {} } } },
    ],
    then: { object: { maps: { one: {} } }, managers: { 'a applies': ['.maps.one'] } },
  },
  {
    // As structured-merge-diff has it: who updates a part manages the part, and not the entry around it.
    name: 'an entry goes with its applier, also with what an update put into it',
    steps: [
      { apply: 'a', is: { structs: { one: { a: 1 } } } },
      { update: 'u', is: { structs: { one: { a: 1, b: 2 } } } },
      { apply: 'a', is: { structs: {} } },
    ],
    then: { object: { structs: {} }, managers: { 'a applies': ['.structs'] } },
  },
  {
    name: 'what an update adds, it manages with its parents',
    steps: [{ update: 'u', is: { struct: { inner: { c: 1 } }, map: { x: '1' } } }],
    then: {
      managers: {
        'u updates': ['.map', '.struct', '.map.x', '.struct.inner', '.struct.inner.c'],
      },
    },
  },

  // Sets.
  {
    name: 'items of a set are managed one by one',
    steps: [
      { apply: 'a', is: { set: ['x', 'y'] } },
      { apply: 'b', is: { set: ['y', 'z'] } },
    ],
    then: {
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
    then: {
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
    then: { object: { set: ['d', 'c', 'b', 'a'] } },
  },
  {
    name: 'items of others keep their place where they can',
    steps: [
      { update: 'u', is: { set: ['a', 'b', 'c', 'd'] } },
      { apply: 'a', is: { set: ['c', 'a', 'e'] } },
    ],
    then: { object: { set: ['b', 'c', 'd', 'a', 'e'] } },
  },
  {
    name: 'new items come after those before them',
    steps: [
      { update: 'u', is: { set: ['a', 'z'] } },
      { apply: 'a', is: { set: ['a', 'm', 'z'] } },
    ],
    then: { object: { set: ['a', 'm', 'z'] } },
  },
  {
    name: 'a set of numbers',
    steps: [
      { apply: 'a', is: { numbers: [1, 10, 2] } },
      { apply: 'b', is: { numbers: [3] } },
    ],
    then: {
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
    then: { object: { set: ['x'] }, managers: { 'a applies': ['.set[="x"]'] } },
  },
  {
    name: 'what the other wrote twice is one piece to an update',
    steps: [
      { update: 'u', is: { set: ['x', 'x', 'y'] } },
      { update: 'v', is: { set: ['x', 'y'] } },
    ],
    then: { managers: { 'u updates': ['.set', '.set[="y"]'], 'v updates': ['.set[="x"]'] } },
  },

  // Atomic lists.
  {
    name: 'an atomic list is one piece',
    steps: [
      { apply: 'a', is: { atomic: ['x'] } },
      { apply: 'b', is: { atomic: ['x', 'y'] } },
    ],
    then: { object: { atomic: ['x'] }, conflicts: ['a: .atomic'] },
  },
  {
    name: 'the same atomic list is shared',
    steps: [
      { apply: 'a', is: { atomic: ['x'] } },
      { apply: 'b', is: { atomic: ['x'] } },
      { apply: 'a', is: {} },
    ],
    then: { object: { atomic: ['x'] }, managers: { 'b applies': ['.atomic'] } },
  },

  // Lists with keys.
  {
    name: 'items with the same key merge',
    steps: [
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
      { apply: 'b', is: { keyed: [{ name: 'x', tags: ['t'] }] } },
    ],
    then: {
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
    then: { object: { keyed: [{ name: 'y', value: 2 }] } },
  },
  {
    name: 'an item stays for the parts that others manage',
    steps: [
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
      { apply: 'b', is: { keyed: [{ name: 'x', map: { k: 'v' } }] } },
      { apply: 'a', is: {} },
    ],
    then: { object: { keyed: [{ name: 'x', map: { k: 'v' } }] } },
  },
  {
    name: 'an update of a part of an item leaves the key to its applier',
    steps: [
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
      { update: 'u', is: { keyed: [{ name: 'x', value: 2 }] } },
      { apply: 'a', is: { keyed: [{ name: 'x', value: 1 }] } },
    ],
    then: {
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
    then: {
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
    then: { object: { keyed: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } },
  },

  // Content without a schema.
  {
    name: 'free-form content merges key by key down to lists',
    steps: [
      { apply: 'a', is: { free: { x: { y: 1 }, list: [{ k: 1 }] } } },
      { apply: 'b', is: { free: { x: { z: 2 } } } },
    ],
    then: {
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
    then: { managers: { 'v updates': ['.anything', '.anything.now'] } },
  },
  {
    name: 'a number or a text',
    steps: [
      { apply: 'a', is: { intOrText: 80 } },
      { apply: 'b', is: { intOrText: '80' } },
    ],
    then: { object: { intOrText: 80 }, conflicts: ['a: .intOrText'] },
  },
  {
    name: 'an embedded object has metadata of its own',
    steps: [
      { apply: 'a', is: { embedded: { kind: 'X', metadata: { finalizers: ['p.dev/a'] }, spec: { n: 1 } } } },
      { apply: 'b', is: { embedded: { metadata: { finalizers: ['p.dev/b'] } } } },
    ],
    then: {
      object: { embedded: { kind: 'X', metadata: { finalizers: ['p.dev/a', 'p.dev/b'] }, spec: { n: 1 } } },
    },
  },

  // The system's part of metadata.
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
    then: { managers: { 'a applies': ['.metadata.labels.l'] } },
  },
  {
    name: 'metadata stays when its last managed part goes',
    steps: [
      { apply: 'a', is: { metadata: { name: 'n', labels: { l: '1' } }, text: 'x' } },
      { apply: 'a', is: { metadata: { name: 'n' }, text: 'x' } },
    ],
    then: { object: { metadata: { name: 'n' }, text: 'x' }, managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'owner references are told apart by UID and are one piece each',
    steps: [
      { apply: 'a', is: { metadata: { ownerReferences: [{ uid: '1', name: 'x' }] } } },
      { apply: 'b', is: { metadata: { ownerReferences: [{ uid: '1', name: 'y' }] } } },
    ],
    then: { conflicts: ['a: .metadata.ownerReferences[uid="1"]'] },
  },

  // Before anybody kept track.
  {
    name: 'an object without managers belongs to its past',
    steps: [{ apply: 'a', is: { text: 'y' } }],
    then: { managers: { 'a applies': ['.text'] } },
  },
];

test.each(scenarios)('$name', ({ steps, then }) => {
  const history = new History(everySort);
  for (const step of steps) history.do(step);
  expect(history.outcome()).toMatchObject(then);
});
