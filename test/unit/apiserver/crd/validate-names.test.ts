/** What a definition is called, what else it offers, and what may change of it. */
import { describe, expect, test } from '@jest/globals';
import { definition, rootOf, version } from './definitions.ts';
import { faults } from './faults.ts';

test('a sound definition has none', () => {
  expect(faults()).toEqual([]);
});

const named = (names: object) =>
  definition({
    names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList', ...names },
  });

describe('names and versions', () => {
  const label = /a DNS-1035 label must consist of lower case/;
  test.each<[string, ReturnType<typeof definition>, (string | RegExp)[]]>([
    ['no group', definition({ group: undefined }), ['spec.group: Required value']],
    [
      'a group of one word',
      { ...definition({ group: 'example' }), metadata: { name: 'gadgets.example' } },
      ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
    ],
    [
      'a group of Kubernetes',
      { ...definition({ group: 'x.k8s.io' }), metadata: { name: 'gadgets.x.k8s.io' } },
      [/^metadata\.annotations\[api-approved\.kubernetes\.io\]: Required value: protected groups/],
    ],
    [
      'another name than the names make',
      { ...definition(), metadata: { name: 'gadget.example.com' } },
      ['metadata.name: Invalid value: "gadget.example.com": must be spec.names.plural+"."+spec.group'],
    ],
    ['a short name in capitals', named({ shortNames: ['GD'] }), [label]],
    ['a list kind like the kind', named({ listKind: 'Gadget' }), [/kind and listKind may not be the same/]],
    [
      'a kind with a dash in front',
      named({ kind: '-Gadget' }),
      [/may have mixed case, but should otherwise match/],
    ],
    ['an odd scope', definition({ scope: 'World' }), [/spec\.scope: Unsupported value: "World"/]],
    [
      'no version',
      definition({ versions: [] }, { storedVersions: [] }),
      [
        /spec\.versions: Invalid value: \[\]: must have exactly one/,
        /storedVersions: Invalid value: null: must have at least one/,
      ],
    ],
    [
      'two storage versions',
      definition({ versions: [version('v1'), version('v2')] }),
      ['spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version'],
    ],
    [
      'a version twice',
      definition({ versions: [version('v1'), version('v1', { storage: false })] }),
      ['spec.versions: Invalid value: ["v1","v1"]: must contain unique version names'],
    ],
    [
      'no schema',
      definition({ versions: [{ name: 'v1', served: true, storage: true }] }),
      ['spec.versions[0].schema.openAPIV3Schema: Required value'],
    ],
    [
      'a conversion webhook',
      definition({ conversion: { strategy: 'Webhook' } }),
      [
        /^spec\.conversion\.strategy: Forbidden: conversion webhooks are not supported by this server: use strategy "None"/,
      ],
    ],
    [
      'a warning for a version that is not deprecated',
      definition({ versions: [version('v1', { deprecationWarning: 'old' })] }),
      [/deprecationWarning: Invalid value: "old": can only be set for deprecated versions/],
    ],
  ])('%s', (_, crd, expected) => {
    expect(faults(crd)).toEqual(
      expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
    );
  });
});

describe('what else a version offers', () => {
  const offering = (more: object) => faults(definition({ versions: [version('v1', more)] }));
  const schema = {
    openAPIV3Schema: rootOf({
      color: { type: 'string' },
      parts: { type: 'array', items: { type: 'string' } },
    }),
  };
  const selecting = (...paths: string[]) =>
    offering({ schema, selectableFields: paths.map((jsonPath) => ({ jsonPath })) });

  test('selectable fields are few and plain', () => {
    expect(selecting('.spec.color')).toEqual([]);
    expect(selecting('.spec.size')).toEqual([
      'spec.selectableFields[0].jsonPath: Invalid value: ".spec.size": is an invalid path: does not refer to a valid field',
    ]);
    expect(selecting('.spec.parts')).toEqual([expect.stringMatching(/must point to a field of type string/)]);
    expect(selecting('.metadata.name')).toEqual([
      expect.stringMatching(/must not point to fields in metadata/),
    ]);
    expect(selecting('.spec.color', '.spec.color')).toEqual([
      'spec.selectableFields[1].jsonPath: Duplicate value: ".spec.color"',
    ]);
    expect(selecting(...Array.from({ length: 9 }, () => '.spec.color'))).toEqual([
      'spec.selectableFields: Too many: 9: must have at most 8 items',
    ]);
  });

  test('printer columns', () => {
    const column = { name: 'Color', type: 'string', jsonPath: '.spec.color' };
    expect(offering({ additionalPrinterColumns: [column] })).toEqual([]);
    expect(offering({ additionalPrinterColumns: [{ ...column, type: 'text' }] })).toEqual([
      'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
    ]);
    expect(offering({ additionalPrinterColumns: [{ ...column, jsonPath: '.spec[' }] })).toEqual([
      expect.stringMatching(/jsonPath: Invalid value: "\.spec\[": unsupported JSONPath/),
    ]);
  });

  test('the paths of scale', () => {
    const scale = (more: object) =>
      offering({
        subresources: { scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', ...more } },
      });
    expect(scale({})).toEqual([]);
    expect(scale({ specReplicasPath: '.status.n' })).toEqual([
      'spec.subresources.scale.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec',
    ]);
    expect(scale({ statusReplicasPath: '.status.list[0]' })).toEqual([
      expect.stringMatching(/must be a json path of field names/),
    ]);
    expect(scale({ labelSelectorPath: '.metadata.x' })).toEqual([
      expect.stringMatching(/under \.spec or \.status/),
    ]);
  });
});

describe('over time', () => {
  const established = {
    storedVersions: ['v1'],
    conditions: [{ type: 'Established', status: 'True' }],
  };

  test('what keys and kinds depend on stays', () => {
    const old = definition({}, established);
    expect(faults(definition({ scope: 'Cluster' }, established), old)).toEqual([
      'spec.scope: Invalid value: "Cluster": field is immutable',
    ]);
    expect(faults(definition({ scope: 'Cluster' }), definition())).toEqual([]);
    expect(faults(named({ plural: 'gizmos' }), old)).toEqual(
      expect.arrayContaining(['spec.names.plural: Invalid value: "gizmos": field is immutable']),
    );
  });

  test('a version that objects may be stored in stays', () => {
    const next = definition({ versions: [version('v2')] }, { storedVersions: ['v1', 'v2'] });
    expect(faults(next, definition())).toEqual([
      expect.stringMatching(
        /^status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions; v1 was previously/,
      ),
    ]);
    expect(faults(definition({}, { storedVersions: [] }), definition())).toEqual([
      'status.storedVersions: Invalid value: null: must have at least one stored version',
    ]);
    const both = definition(
      { versions: [version('v1'), version('v2', { storage: false })] },
      { storedVersions: ['v2'] },
    );
    expect(faults(both, both)).toEqual([
      'status.storedVersions: Invalid value: ["v2"]: must have the storage version v1',
    ]);
  });

  test('a spec that was let in before is not looked at again', () => {
    const faulty = definition({
      versions: [version('v1', { schema: { openAPIV3Schema: rootOf({ x: {} }) } })],
    });
    expect(faults(faulty)).toHaveLength(1);
    expect(faults(faulty, faulty)).toEqual([]);
  });
});
