import { describe, expect, test } from '@jest/globals';
import { isTrue } from '../../../../src/apiserver/crd/definition.ts';
import type { CrdStatus, CustomResourceDefinition } from '../../../../src/apiserver/crd/definition.ts';
import { establish } from '../../../../src/apiserver/crd/establish.ts';
import { byPriority } from '../../../../src/apiserver/crd/version-order.ts';
import { builtinResources } from '../../../../src/apiserver/builtin/index.ts';
import { definition } from './definitions.ts';

const NOW = new Date('2026-01-02T03:04:05Z');

interface Given {
  name: string;
  names?: object;
  group?: string;
  created?: string;
  status?: CrdStatus;
}

function crd({
  name,
  names = {},
  group = 'example.com',
  created = '2026-01-01T00:00:00Z',
  status = {},
}: Given) {
  const kind = name.charAt(0).toUpperCase() + name.slice(1, -1);
  const made = definition(
    {
      group,
      names: { plural: name, singular: name.slice(0, -1), kind, listKind: `${kind}List`, ...names },
    },
    status as Record<string, unknown>,
  );
  made.metadata = { name: `${name}.${group}`, creationTimestamp: created };
  return made;
}

/** `name: Established NamesAccepted(reason: message)`, in the order of judgement. */
const sentences = (definitions: CustomResourceDefinition[]) =>
  establish(definitions, builtinResources(), NOW).map(({ crd: { metadata }, status, serveAs }) => {
    const accepted = status.conditions?.find(({ type }) => type === 'NamesAccepted');
    const established = isTrue(status, 'Established') ? 'established' : 'not established';
    const served = serveAs
      ? `served as ${[serveAs.plural, ...(serveAs.shortNames ?? [])].join(',')}`
      : 'not served';
    return `${metadata.name}: ${established}, ${accepted?.reason} (${accepted?.message}), ${served}`;
  });

describe('names', () => {
  test.each<[string, Given[], string[]]>([
    [
      'that nobody has are accepted',
      [{ name: 'gadgets', names: { shortNames: ['gd'] } }],
      ['gadgets.example.com: established, NoConflicts (no conflicts found), served as gadgets,gd'],
    ],
    [
      'belong to the older one',
      [
        { name: 'pads', names: { shortNames: ['p'] }, created: '2026-01-01T00:00:02Z' },
        { name: 'pods', names: { shortNames: ['p'] }, created: '2026-01-01T00:00:01Z' },
      ],
      [
        'pods.example.com: established, NoConflicts (no conflicts found), served as pods,p',
        'pads.example.com: not established, ShortNamesConflict ("p" is already in use), not served',
      ],
    ],
    [
      'do not clash between groups',
      [
        { name: 'pods', group: 'a.example.com' },
        { name: 'pods', group: 'b.example.com' },
      ],
      [
        'pods.a.example.com: established, NoConflicts (no conflicts found), served as pods',
        'pods.b.example.com: established, NoConflicts (no conflicts found), served as pods',
      ],
    ],
    [
      'of kinds and lists clash too',
      [
        { name: 'as', names: { kind: 'Thing', listKind: 'Things' } },
        { name: 'bs', names: { kind: 'Thing', listKind: 'Other' } },
        { name: 'cs', names: { kind: 'Things' } },
      ],
      [
        'as.example.com: established, NoConflicts (no conflicts found), served as as',
        'bs.example.com: not established, KindConflict ("Thing" is already in use), not served',
        'cs.example.com: not established, KindConflict ("Things" is already in use), not served',
      ],
    ],
    [
      'of a built-in kind are taken',
      [{ name: 'leases', group: 'coordination.k8s.io' }],
      [
        'leases.coordination.k8s.io: not established, ListKindConflict ("LeaseList" is already in use), not served',
      ],
    ],
    [
      'once accepted are kept by one that asks for others in vain',
      [
        { name: 'pods', names: { shortNames: ['p'] }, status: { acceptedNames: { shortNames: ['p'] } } },
        {
          name: 'pads',
          names: { shortNames: ['p'] },
          created: '2020-01-01T00:00:00Z',
          status: {
            acceptedNames: {
              plural: 'pads',
              singular: 'pad',
              kind: 'Pad',
              listKind: 'PadList',
              shortNames: ['d'],
            },
            conditions: [
              { type: 'Established', status: 'True', reason: '', message: '', lastTransitionTime: '' },
            ],
          },
        },
        { name: 'dvds', names: { shortNames: ['d'] } },
      ],
      [
        'pads.example.com: established, ShortNamesConflict ("p" is already in use), served as pads,d',
        'dvds.example.com: not established, ShortNamesConflict ("d" is already in use), not served',
        'pods.example.com: established, NoConflicts (no conflicts found), served as pods,p',
      ],
    ],
  ])('%s', (_, given, expected) => {
    expect(sentences(given.map(crd))).toEqual(expected);
  });

  test('that become free are taken by the one that waited', () => {
    const [, waiting] = establish(
      [crd({ name: 'as', names: { kind: 'Same' } }), crd({ name: 'bs', names: { kind: 'Same' } })],
      [],
      NOW,
    );
    const again = { ...crd({ name: 'bs', names: { kind: 'Same' } }), status: waiting?.status as never };
    expect(sentences([again])).toEqual([
      'bs.example.com: established, NoConflicts (no conflicts found), served as bs',
    ]);
  });
});

test('what was established stays as it is, times included', () => {
  const [first] = establish([crd({ name: 'gadgets' })], [], NOW);
  const later = new Date('2027-01-01T00:00:00Z');
  const [second] = establish([{ ...crd({ name: 'gadgets' }), status: first?.status as never }], [], later);
  expect(second?.status).toEqual(first?.status);
});

test('versions are ranked as Kubernetes ranks them', () => {
  const ranked = [
    'v10',
    'v2',
    'v1',
    'v11beta2',
    'v10beta3',
    'v3beta1',
    'v12alpha1',
    'v11alpha2',
    'foo1',
    'foo10',
  ];
  expect(ranked.toReversed().sort(byPriority)).toEqual(ranked);
});
