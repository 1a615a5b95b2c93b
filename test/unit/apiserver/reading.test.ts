import { describe, expect, test } from '@jest/globals';
import { humanDuration } from '../../../src/apiserver/duration.ts';
import { compileJsonPath } from '../../../src/apiserver/jsonpath.ts';
import { negotiate } from '../../../src/apiserver/table.ts';
import { parseLabelSelector } from '../../../src/apiserver/selectors.ts';

test.each([
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [150, '2m30s'],
  [11 * 60, '11m'],
  [3 * 3600 + 60, '3h1m'],
  [9 * 3600, '9h'],
  [47 * 3600, '47h'],
  [50 * 3600, '2d2h'],
  [20 * 86_400, '20d'],
  [800 * 86_400, '2y70d'],
  [3000 * 86_400, '8y'],
])('%d seconds are shown as %s', (seconds, shown) => {
  expect(humanDuration(seconds * 1000)).toBe(shown);
});

describe('JSONPath', () => {
  const root = {
    spec: {
      'a.b': 1,
      list: [
        { n: 'x', v: 1 },
        { n: 'y', v: 2 },
      ],
      empty: '',
    },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  test.each([
    ['.spec.list[0].n', ['x']],
    ['.spec.list[-1].n', ['y']],
    ['.spec.list[*].v', [1, 2]],
    ['{.spec.a\\.b}', [1]],
    [`.spec['a.b']`, [1]],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [`.status.conditions[?(@.type != 'Ready')].status`, ['False']],
    ['.spec.none.deeper', []],
    ['.spec.list[9]', []],
  ])('%s', (path, found) => {
    expect(compileJsonPath(path)(root)).toEqual(found);
  });

  test('what is beyond the subset is refused', () => {
    expect(() => compileJsonPath('.spec..n')).toThrow(/unsupported JSONPath/);
  });
});

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', n: '5' };
  const matches = (text: string) =>
    parseLabelSelector(text)?.({ apiVersion: '', kind: '', metadata: { labels } });
  test.each([
    'app=web',
    'app==web',
    'app!=db',
    'none!=x',
    'app in (web,db)',
    'app notin (db)',
    'none notin (x)',
    'app',
    '!none',
    'n>4,n<6',
    'app=web, tier in (front)',
    '!constructor',
    'toString!=x,valueOf notin (y)',
  ])('%s selects', (text) => expect(matches(text)).toBe(true));
  test.each([
    'app=db',
    'app!=web',
    'app in (db)',
    'app notin (web)',
    '!app',
    'none',
    'constructor',
    'n>5',
    'app=web,tier=back',
  ])('%s does not', (text) => expect(matches(text)).toBe(false));
  test('nonsense is a bad request', () => {
    expect(() => parseLabelSelector('a b c')).toThrow(/unable to parse requirement/);
  });
});

test('the first rendering that can be given is taken', () => {
  const pick = (accept: string) => negotiate(accept, new URLSearchParams());
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  expect(pick(`${table},application/json`)).toEqual({ as: 'table', version: 'v1', include: 'Metadata' });
  expect(pick('application/vnd.kubernetes.protobuf,application/json')).toEqual({ as: 'object' });
  expect(pick('application/json;as=Table;v=v9;g=meta.k8s.io, */*')).toEqual({ as: 'object' });
  expect(() => pick('application/cbor')).toThrow(/only the following media types/);
});
