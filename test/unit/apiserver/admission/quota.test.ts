import { describe, expect, test } from '@jest/globals';
import { checkQuotas } from '../../../../src/apiserver/admission/quota/check.ts';
import {
  canonicalQuantity,
  integerQuantity,
  namesOf,
} from '../../../../src/apiserver/admission/quota/count.ts';
import { QuotaIndex } from '../../../../src/apiserver/admission/quota/index.ts';
import type { AdmissionRequest } from '../../../../src/apiserver/admission/index.ts';
import { builtin, machines, newEvents, request } from './requests.ts';

const indexOf = (quotas: Record<string, Record<string, string>>): QuotaIndex => {
  const index = new QuotaIndex();
  for (const [name, hard] of Object.entries(quotas)) index.observe(quota(name, hard), undefined);
  return index;
};
const quota = (name: string, hard: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name, namespace: 'tenant' },
  spec: { hard },
});

const refusal = (
  used: number,
  quotas: Record<string, Record<string, string>>,
  more: Partial<AdmissionRequest> = {},
): string | undefined => {
  try {
    checkQuotas({ count: () => used }, indexOf(quotas), request(more));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

const MACHINES = 'count/machines.purlin.dev';

describe('one more object', () => {
  test.each<[string, number, Record<string, string>, Partial<AdmissionRequest>, string | undefined]>([
    ['fits', 1, { [MACHINES]: '2' }, {}, undefined],
    [
      'does not',
      2,
      { [MACHINES]: '2' },
      {},
      `requested: ${MACHINES}=1, used: ${MACHINES}=2, limited: ${MACHINES}=2`,
    ],
    ['never fits into nothing', 0, { [MACHINES]: '0' }, {}, `used: ${MACHINES}=0, limited: ${MACHINES}=0`],
    ['is of another kind', 2, { 'count/disks.purlin.dev': '2', pods: '0' }, {}, undefined],
    ['changes only', 2, { [MACHINES]: '2' }, { operation: 'UPDATE' }, undefined],
    ['goes', 2, { [MACHINES]: '2' }, { operation: 'DELETE' }, undefined],
    ['is a subresource', 2, { [MACHINES]: '2' }, { subresource: 'status' }, undefined],
    [
      'is large as a number',
      1500,
      { [MACHINES]: '1500' },
      {},
      `used: ${MACHINES}=1500, limited: ${MACHINES}=1500`,
    ],
    ['is a round number', 2000, { [MACHINES]: '2k' }, {}, `used: ${MACHINES}=2k, limited: ${MACHINES}=2k`],
  ])('%s', (_, used, hard, more, why) => {
    const message = refusal(used, { q: hard }, more);
    if (why === undefined) expect(message).toBeUndefined();
    else
      expect(message).toMatch(
        new RegExp(`^machines.purlin.dev "web" is forbidden: exceeded quota: q, .*${why}$`),
      );
  });

  test('both names of a kind that had one before count', () => {
    const resource = builtin('secrets');
    expect(refusal(3, { q: { secrets: '3', 'count/secrets': '9' } }, { resource })).toContain(
      'requested: secrets=1, used: secrets=3, limited: secrets=3',
    );
  });

  test('every quota counts', () => {
    expect(refusal(2, { wide: { [MACHINES]: '9' }, narrow: { [MACHINES]: '2' } })).toContain(
      'exceeded quota: narrow',
    );
  });
});

test.each([
  [machines('v1'), [MACHINES]],
  [builtin('secrets'), ['count/secrets', 'secrets']],
  [builtin('serviceaccounts'), ['count/serviceaccounts']],
  [builtin('events'), []],
  [newEvents, []],
  [{ ...machines('v1'), plural: 'events' }, ['count/events.purlin.dev']],
])('$apiVersion $plural', (resource, names) => {
  expect(namesOf(resource)).toEqual(names);
});

test.each([
  ['1000', '1k'],
  [1000, '1k'],
  ['1500', '1500'],
  ['0', '0'],
  ['1M', '1M'],
  ['1000k', '1M'],
  ['1Ki', '1Ki'],
  ['1500m', '1500m'],
  ['x', 'x'],
])('%s is written %s', (given, written) => {
  expect(canonicalQuantity(given)).toBe(written);
});

test('the largest unit that divides', () => {
  expect([1n, 999n, 1000n, 10n ** 18n, 10n ** 21n].map(integerQuantity)).toEqual([
    '1',
    '999',
    '1k',
    '1E',
    '1000E',
  ]);
});

test('quotas come, change and go', () => {
  const index = indexOf({ b: { secrets: '1' }, a: { secrets: '1k', pods: '1.5' } });
  const shown = () => index.of('tenant').map(({ name, hard }) => [name, ...hard]);
  expect(shown()).toEqual([
    ['a', ['secrets', 1000n]],
    ['b', ['secrets', 1n]],
  ]);
  index.observe(quota('a', {}), quota('a', {}));
  index.observe(undefined, quota('b', {}));
  expect(shown()).toEqual([['a']]);
  index.observe(undefined, quota('a', {}));
  expect([shown(), index.of('other')]).toEqual([[], []]);
});
