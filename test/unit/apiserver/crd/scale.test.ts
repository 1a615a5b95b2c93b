import { describe, expect, test } from '@jest/globals';
import { applyScale, scaleErrors, scaleOf } from '../../../../src/apiserver/crd/scale.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';

const paths = {
  specReplicasPath: '.spec.team.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.status.selector',
};

const crew = (spec: object, status: object = {}): KubeObject =>
  ({
    apiVersion: 'example.com/v1',
    kind: 'Crew',
    metadata: { name: 'c', namespace: 'n', uid: 'u', resourceVersion: '7', labels: { a: 'b' } },
    spec,
    status,
  }) as KubeObject;

const scale = (replicas: unknown, metadata: object = {}): KubeObject =>
  ({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata, spec: { replicas } }) as KubeObject;

describe('the Scale of an object', () => {
  test('shows its fields', () => {
    const shown = scaleOf(crew({ team: { replicas: 3 } }, { replicas: 2, selector: 'a=b' }), paths);
    expect(shown).toEqual({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'c', namespace: 'n', uid: 'u', resourceVersion: '7' },
      spec: { replicas: 3 },
      status: { replicas: 2, selector: 'a=b' },
    });
  });

  test('has no replicas where there is no status yet, and none where nobody asked for any', () => {
    expect(scaleOf(crew({ team: { replicas: 0 } }), paths).status).toEqual({ replicas: 0 });
    expect(() => scaleOf(crew({}), paths)).toThrow(
      'the spec replicas field ".spec.team.replicas" does not exist',
    );
  });
});

describe('a Scale that is written', () => {
  test('changes the replicas, whose place is made when it is missing', () => {
    expect(applyScale(crew({ other: 1 }), scale(4), paths).spec).toEqual({ other: 1, team: { replicas: 4 } });
  });

  test('carries the version that it is about', () => {
    const { metadata } = applyScale(crew({}), scale(4, { name: 'c', resourceVersion: '5', uid: 'x' }), paths);
    expect(metadata).toMatchObject({ resourceVersion: '5', uid: 'x' });
  });

  test.each<[string, KubeObject, RegExp]>([
    ['of another object', scale(1, { name: 'd' }), /does not match the name on the URL \(c\)/],
    ['that is something else', crew({ replicas: 1 }), /expected autoscaling\/v1, Kind=Scale/],
    ['with half a replica', scale(1.5), /spec\.replicas must be an integer/],
  ])('%s is refused', (_, wrong, message) => {
    expect(() => applyScale(crew({}), wrong, paths)).toThrow(message);
  });
});

describe('an object with a Scale', () => {
  test.each<[string, KubeObject, string[]]>([
    ['nothing said', crew({}), []],
    ['the least', crew({ team: { replicas: 0 } }, { replicas: 0, selector: '' }), []],
    ['the most', crew({ team: { replicas: 2 ** 31 - 1 } }), []],
    [
      'less than nothing',
      crew({ team: { replicas: -1 } }, { replicas: -2 }),
      [
        '.spec.team.replicas: Invalid value: -1: should be a non-negative integer',
        '.status.replicas: Invalid value: -2: should be a non-negative integer',
      ],
    ],
    [
      'too many',
      crew({ team: { replicas: 2 ** 31 } }),
      ['.spec.team.replicas: Invalid value: 2147483648: should be less than or equal to 2147483647'],
    ],
    [
      'other types',
      crew({ team: { replicas: 'many' } }, { replicas: 1.5, selector: 5 }),
      [
        '.spec.team.replicas: Invalid value: 0: .spec.team.replicas accessor error: many is of the type string, expected int64',
        '.status.replicas: Invalid value: 0: .status.replicas accessor error: 1.5 is of the type float64, expected int64',
        '.status.selector: Invalid value: "": .status.selector accessor error: 5 is of the type int64, expected string',
      ],
    ],
  ])('%s', (_, object, wanted) => {
    const faults = scaleErrors(object, paths).map(({ field, message }) => `${field}: ${message}`);
    expect(faults).toEqual(wanted);
  });
});
