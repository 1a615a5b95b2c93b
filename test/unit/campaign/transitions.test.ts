/** The generator alone: what it makes of the CRDs, and of a small schema whose every case can be counted. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readCrdFiles } from '../../../src/apiserver/crd/files.ts';
import type { Schema } from '../../../src/apiserver/schema/schema.ts';
import { subjectsOf, transitionsOf, uncovered } from '../../campaign/campaign.ts';
import { blameOf, isBlamed } from '../../campaign/generator/blame.ts';
import type { Json, Path } from '../../campaign/generator/json.ts';
import { admittance } from '../../campaign/simulated/admittance.ts';
import { chosenForReal } from '../../campaign/real/choice.ts';
import {
  type Subject,
  type Transition,
  applied,
  changesOf,
  pairs,
  singles,
} from '../../campaign/generator/transitions.ts';

const crds = join(import.meta.dirname, '../../../crds');

describe('of the CRDs', () => {
  let subjects: Subject[];
  let all: Transition[];
  beforeAll(async () => {
    subjects = subjectsOf(await readCrdFiles(crds));
    all = transitionsOf(subjects);
  });

  test('every field of every spec is changed', () => {
    expect(uncovered(subjects, all)).toEqual([]);
  });

  test('a field that nothing changes is a hole', () => {
    const blind = all.filter(({ patterns }) => !patterns.includes('spec.cpus'));
    expect(uncovered(subjects, blind)).toEqual(['Machine spec.cpus']);
  });

  test('a kind without a leading actor is told', async () => {
    const [crd] = await readCrdFiles(crds);
    if (!crd) throw new Error('there is a CRD');
    crd.spec.names.kind = 'Router';
    expect(() => subjectsOf([crd])).toThrow('kind Router has no leading actor');
  });

  test('there are thousands, each of another name, and the same each time', () => {
    const names = all.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(2_000);
    expect(new Set(names).size).toBe(names.length);
    expect(transitionsOf(subjects).map(({ name }) => name)).toEqual(names);
  });

  test('hundreds of those that reach a host are played for real', async () => {
    const letsIn = await admittance(crds);
    const chosen = chosenForReal(all, letsIn);
    const reaching = chosen.filter(
      (each) => letsIn(each) && ['Machine', 'Disk', 'Subnet', 'Image'].includes(each.kind),
    );
    expect(reaching.length).toBeGreaterThanOrEqual(300);
    expect(new Set(chosen).size).toBe(chosen.length);
  }, 60_000);
});

const small: Schema = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 9 },
    mode: { type: 'string', enum: ['A', 'B'] },
    fixed: { type: 'boolean', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] },
    items: {
      type: 'array',
      maxItems: 2,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string', maxLength: 3 } } },
    },
  },
};
const thing = { spec: { size: 5, fixed: true, items: [{ name: 'a' }] } };
const object: Schema = {
  type: 'object',
  'x-kubernetes-validations': [
    { rule: "!has(self.spec.size) || self.spec.mode.matches('A')", fieldPath: '.spec.mode' },
  ],
  properties: { spec: small },
};
const subject: Subject = { kind: 'Thing', object, schema: small, bases: { full: thing }, madeBy: 'users' };
const nobody = { names: {}, worthTrying: {} };

describe('of a small schema', () => {
  const changes = changesOf(subject, nobody);
  const written = (text: string) =>
    changes.filter(({ field }) => field.text === text).map(({ edit, refused }) => [edit.value, refused]);

  test('a number: its bounds, beyond them, zero, absent, and what is no number', () => {
    expect(written('spec.size')).toEqual([
      [undefined, true],
      [null, true],
      [6, false],
      [4, false],
      [1, false],
      [0, true],
      [9, false],
      [10, true],
      [2 ** 31, true],
      [1.5, true],
      ['2', true],
    ]);
  });

  test('a choice that was left out: each value, and some that are none', () => {
    expect(written('spec.mode')).toEqual([
      ['A', false],
      ['B', false],
      ['Nonsense', true],
      ['', true],
      [7, true],
      [{}, true],
    ]);
  });

  test('a list: empty, longer, as long as it may be, longer than that, with one key twice', () => {
    const values = written('spec.items').filter(([value]) => Array.isArray(value));
    expect(values).toEqual([
      [[], false],
      [[{ name: 'a' }, { name: 'more1' }], true],
      [[{ name: 'a' }, { name: 'a' }], true],
      [[{ name: 'a' }, { name: 'more1' }, { name: 'more2' }], true],
      [['text'], true],
    ]);
  });

  test('an item is named by its key, and can be taken out', () => {
    const [change] = changes.filter(
      ({ field, changeClass }) => field.text === 'spec.items[a]' && changeClass === 'removed',
    );
    expect(change?.text).toBe('spec.items[a] {"name":"a"} → absent (removed)');
    expect(applied(thing, change ? [change.edit] : [])).toEqual({
      spec: { size: 5, fixed: true, items: [] },
    });
  });

  test('what the schema refuses goes two ways, what it may let in four', () => {
    const routes = (text: string) =>
      singles(subject, changes)
        .filter(({ name }) => name.includes(text))
        .map(({ route }) => route);
    expect(routes('spec.size 5 → 10 ')).toEqual(['reverted', 'made, then mended']);
    expect(routes('spec.size 5 → 9 ')).toEqual([
      'reverted',
      'made, then mended',
      'deleted and made anew',
      'reverted at once',
    ]);
  });

  test('pairs are of two mutable fields, neither inside the other', () => {
    const first = (choices: readonly (typeof changes)[number][]) => {
      const [choice] = choices;
      if (!choice) throw new Error('there is a choice');
      return choice;
    };
    const named = pairs(changes, first).map(({ patterns, route }) => `${patterns.join(' & ')}: ${route}`);
    expect(named.filter((name) => name.endsWith('together'))).toEqual([
      'spec.size & spec.mode: together',
      'spec.size & spec.items: together',
      'spec.size & spec.items[]: together',
      'spec.size & spec.items[].name: together',
      'spec.mode & spec.items: together',
      'spec.mode & spec.items[]: together',
      'spec.mode & spec.items[].name: together',
    ]);
    expect(named).toHaveLength(21);
  });
});

describe('a refusal may name', () => {
  const blame = (path: Path, value?: Json) =>
    blameOf(object, value === undefined ? { path } : { path, value });
  const size = blame(['spec', 'size'], 4);

  test('what was written, or something in it', () => {
    expect(isBlamed(size, 'spec.size')).toBe(true);
    expect(isBlamed(blame(['spec', 'items'], []), 'spec.items[0].name')).toBe(true);
    expect(isBlamed(size, 'spec.sizes')).toBe(false);
  });

  test('another field, where a rule reads both', () => {
    expect(isBlamed(size, 'spec.mode')).toBe(true);
    expect(isBlamed(blame(['spec', 'fixed'], false), 'spec.mode')).toBe(false);
  });

  test('what is around it only where a rule stands there', () => {
    expect(isBlamed(size, 'spec')).toBe(false);
    expect(isBlamed(blame(['spec', 'fixed'], false), 'spec.fixed')).toBe(true);
  });

  test('any item of a list of which one goes, or gets another name', () => {
    expect(isBlamed(blame(['spec', 'items', 0]), 'spec.items[1]')).toBe(true);
    expect(isBlamed(blame(['spec', 'items', 0, 'name'], 'b'), 'spec.items[1]')).toBe(true);
    expect(isBlamed(size, 'spec.items[1]')).toBe(false);
  });
});
