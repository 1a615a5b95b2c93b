/** How single values change hands, after structured-merge-diff's own cases. */
import { test } from '@jest/globals';
import { expectOutcome } from './history.ts';
import type { Scenario } from './history.ts';

const scenarios: Scenario[] = [
  {
    name: 'a second apply of the same changes nothing',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'a', is: { text: 'x', number: 1 } },
    ],
    gives: { object: { text: 'x', number: 1 }, managers: { 'a applies': ['.number', '.text'] } },
  },
  {
    name: 'what is no longer applied goes',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1, flag: true } },
      { apply: 'a', is: { text: 'x' } },
    ],
    gives: { object: { text: 'x' }, managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'another value of another applier is a conflict and changes nothing',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'b', is: { text: 'y', number: 2 } },
    ],
    gives: {
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
    gives: {
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
    gives: { object: { text: 'x' }, managers: { 'a applies': ['.text'], 'b applies': ['.text'] } },
  },
  {
    name: 'one of two who share gives up: the value stays',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { apply: 'b', is: { text: 'x' } },
      { apply: 'a', is: { number: 1 } },
    ],
    gives: {
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
    gives: {
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
    gives: { managers: { 'a applies': ['.number'], 'u updates': ['.text'] } },
  },
  {
    name: 'after an update, the applier hears of it',
    steps: [
      { apply: 'a', is: { text: 'x' } },
      { update: 'u', is: { text: 'y' } },
      { apply: 'a', is: { text: 'x' } },
    ],
    gives: { object: { text: 'y' }, conflicts: ['u: .text'] },
  },
  {
    name: 'what an update changed stays when the applier gives it up',
    steps: [
      { apply: 'a', is: { text: 'x', number: 1 } },
      { update: 'u', is: { text: 'y', number: 1 } },
      { apply: 'a', is: { number: 1 } },
    ],
    gives: {
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
    gives: { managers: { 'a applies': ['.number'] } },
  },
  {
    name: 'an update that changes nothing owns nothing',
    steps: [
      { apply: 'a', is: { text: 'x' } },
      { update: 'u', is: { text: 'x' } },
    ],
    gives: { managers: { 'a applies': ['.text'] } },
  },
  {
    name: 'the same name for apply and update is two managers',
    steps: [
      { update: 'a', is: { text: 'x', number: 1 } },
      { apply: 'a', is: { text: 'y' } },
    ],
    gives: { object: { text: 'x', number: 1 }, conflicts: ['a: .text'] },
  },
  {
    name: 'an applied null takes part in the conflict',
    steps: [
      { apply: 'a', is: { text: 'x' } },
      { apply: 'b', is: { text: null } },
    ],
    gives: { object: { text: 'x' }, conflicts: ['a: .text'] },
  },
  {
    name: 'an applied null is managed',
    steps: [{ apply: 'a', is: { text: null, struct: null, map: null } }],
    gives: {
      object: { text: null, struct: null, map: null },
      managers: { 'a applies': ['.map', '.struct', '.text'] },
    },
  },
];

test.each(scenarios)('$name', expectOutcome);
