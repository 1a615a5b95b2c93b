/** How structs and maps are shared, after structured-merge-diff's own cases. */
import { test } from '@jest/globals';
import { expectOutcome } from './history.ts';
import type { Scenario } from './history.ts';

const scenarios: Scenario[] = [
  {
    name: 'appliers of different fields of a struct share it',
    steps: [
      { apply: 'a', is: { struct: { a: 1 } } },
      { apply: 'b', is: { struct: { b: 2 } } },
    ],
    gives: {
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
    gives: { object: { text: 'x' }, managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'a struct stays for the fields of others',
    steps: [
      { apply: 'a', is: { struct: { a: 1 } } },
      { apply: 'b', is: { struct: { inner: { c: 3 } } } },
      { apply: 'a', is: {} },
    ],
    gives: { object: { struct: { inner: { c: 3 } } }, managers: { 'b applies': ['.struct.inner.c'] } },
  },
  {
    name: 'an empty struct is managed as a whole',
    steps: [{ apply: 'a', is: { struct: {}, map: {} } }],
    gives: { object: { struct: {}, map: {} }, managers: { 'a applies': ['.map', '.struct'] } },
  },
  {
    name: 'an empty struct applied over one with content leaves the content',
    steps: [
      { apply: 'a', is: { struct: { a: 1 } } },
      { apply: 'b', is: { struct: {} } },
    ],
    gives: {
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
    gives: { object: { whole: { a: 1 } }, conflicts: ['a: .whole'] },
  },
  {
    name: 'an atomic struct is replaced as a whole',
    steps: [
      { apply: 'a', is: { whole: { a: 1 } } },
      { apply: 'b', is: { whole: { b: 1 } }, force: true },
    ],
    gives: { object: { whole: { b: 1 } }, managers: { 'b applies': ['.whole'] } },
  },
  {
    name: 'entries of a map are managed one by one, and the map by nobody',
    steps: [
      { apply: 'a', is: { map: { x: '1' } } },
      { apply: 'b', is: { map: { y: '2' } } },
      { apply: 'a', is: { map: { z: '3' } } },
    ],
    gives: {
      object: { map: { y: '2', z: '3' } },
      managers: { 'a applies': ['.map.z'], 'b applies': ['.map.y'] },
    },
  },
  {
    name: 'an entry of a map of maps is managed besides what is in it',
    steps: [{ apply: 'a', is: { maps: { one: { x: '1' } } } }],
    gives: { managers: { 'a applies': ['.maps.one', '.maps.one.x'] } },
  },
  {
    name: 'an emptied entry of a map of maps stays while it is applied',
    steps: [
      { apply: 'a', is: { maps: { one: { x: '1', y: '2' } } } },
      { apply: 'a', is: { maps: { one: {} } } },
    ],
    gives: { object: { maps: { one: {} } }, managers: { 'a applies': ['.maps.one'] } },
  },
  {
    // As structured-merge-diff has it: who updates a part manages the part, and not the entry around it.
    name: 'an entry goes with its applier, also with what an update put into it',
    steps: [
      { apply: 'a', is: { structs: { one: { a: 1 } } } },
      { update: 'u', is: { structs: { one: { a: 1, b: 2 } } } },
      { apply: 'a', is: { structs: {} } },
    ],
    gives: { object: { structs: {} }, managers: { 'a applies': ['.structs'] } },
  },
  {
    name: 'what an update adds, it manages with its parents',
    steps: [{ update: 'u', is: { struct: { inner: { c: 1 } }, map: { x: '1' } } }],
    gives: {
      managers: {
        'u updates': ['.map', '.struct', '.map.x', '.struct.inner', '.struct.inner.c'],
      },
    },
  },
];

test.each(scenarios)('$name', expectOutcome);
