import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { decodeProtobuf } from '../../../src/apiserver/protobuf/index.ts';

interface Golden {
  protobuf: string;
  json: { apiVersion: string; kind: string };
}

/** Made once with k8s.io/api's own serializers: the same objects in both forms. */
const golden = JSON.parse(
  await readFile(new URL('./golden/protobuf.json', import.meta.url), 'utf8'),
) as Golden[];

/** Go writes empty structs and null times into JSON; they mean nothing. */
function meaningful(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaningful);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, meaningful(item)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== null && !isEmpty(item)));
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

test.each(
  golden.map(({ protobuf, json }) => [`${json.kind} of ${json.apiVersion}`, protobuf, json] as const),
)('%s as Go encodes it', (_, protobuf, json) => {
  expect(meaningful(decodeProtobuf(Buffer.from(protobuf, 'base64')))).toEqual(meaningful(json));
});

// Just enough of an encoder to write messages down field by field.
const varint = (value: number | bigint): number[] => {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
};
type Part = number[];
const number = (field: number, value: number | bigint): Part => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, value: string | Part): Part => {
  const content = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return [...varint((field << 3) | 2), ...varint(content.length), ...content];
};
const message = (field: number, ...parts: Part[]): Part => bytes(field, parts.flat());
const envelope = (apiVersion: string, kind: string, ...parts: Part[]): Buffer =>
  Buffer.from([
    ...Buffer.from('k8s\0'),
    ...message(1, bytes(1, apiVersion), bytes(2, kind)),
    ...bytes(2, parts.flat()),
    ...bytes(3, ''),
    ...bytes(4, ''),
  ]);

describe('objects as typed clients send them', () => {
  test('a Secret: maps, bytes, and the zero values that Go writes', () => {
    const body = envelope(
      'v1',
      'Secret',
      message(
        1,
        bytes(1, 's'),
        bytes(2, ''),
        bytes(3, ''),
        bytes(4, ''),
        bytes(5, ''),
        bytes(6, ''),
        number(7, 0),
        message(8),
        message(11, bytes(1, 'app'), bytes(2, 'x')),
      ),
      message(2, bytes(1, 'password'), bytes(2, 'hunter2')),
      message(2, bytes(1, 'empty'), bytes(2, '')),
      bytes(3, 'Opaque'),
    );
    expect(decodeProtobuf(body)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', labels: { app: 'x' } },
      data: { password: 'aHVudGVyMg==', empty: '' },
      type: 'Opaque',
    });
  });

  test('a CustomResourceDefinition: schemas within schemas', () => {
    const double = (field: number, value: number): Part => {
      const eight = Buffer.alloc(8);
      eight.writeDoubleLE(value);
      return [...varint((field << 3) | 1), ...eight];
    };
    const json = (field: number, value: unknown): Part => message(field, bytes(1, JSON.stringify(value)));
    const property = (name: string, ...schema: Part[]): Part =>
      message(29, bytes(1, name), message(2, ...schema));
    const schema = [
      bytes(5, 'object'),
      property('size', bytes(5, 'number'), json(8, 0), double(9, 2.5), number(37, 1)),
      property('list', bytes(5, 'array'), message(24, message(1, bytes(5, 'string'), number(13, 0)))),
      property('map', bytes(5, 'object'), message(30, number(1, 1), message(2, bytes(5, 'boolean')))),
      property('free', bytes(5, 'object'), message(30, number(1, 1)), number(38, 1)),
      message(44, bytes(1, 'true'), bytes(2, 'always')),
    ];
    const version = [
      bytes(1, 'v1'),
      number(2, 1),
      number(3, 0),
      message(4, message(1, ...schema)),
      message(5, message(1)),
    ];
    const body = envelope(
      'apiextensions.k8s.io/v1',
      'CustomResourceDefinition',
      message(1, bytes(1, 'gadgets.example.com')),
      message(
        2,
        bytes(1, 'example.com'),
        message(3, bytes(1, 'gadgets'), bytes(3, 'gd')),
        message(7, ...version),
      ),
    );
    expect(decodeProtobuf(body)).toMatchObject({
      metadata: { name: 'gadgets.example.com' },
      spec: {
        group: 'example.com',
        names: { plural: 'gadgets', shortNames: ['gd'] },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: false,
            subresources: { status: {} },
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  size: { type: 'number', default: 0, maximum: 2.5, nullable: true },
                  list: { type: 'array', items: { type: 'string', maxLength: 0 } },
                  map: { type: 'object', additionalProperties: { type: 'boolean' } },
                  free: { additionalProperties: true, 'x-kubernetes-preserve-unknown-fields': true },
                },
                'x-kubernetes-validations': [{ rule: 'true', message: 'always' }],
              },
            },
          },
        ],
      },
    });
  });

  test('a Lease: pointers keep their zero, times have microseconds', () => {
    const body = envelope(
      'coordination.k8s.io/v1',
      'Lease',
      message(1, bytes(1, 'leader'), bytes(3, 'kube-system'), bytes(6, '42')),
      message(
        2,
        bytes(1, ''),
        number(2, 15),
        message(3, number(1, 1_700_000_000), number(2, 123_456_000)),
        message(4, number(1, 1_700_000_001)),
        number(5, 0),
      ),
    );
    expect(decodeProtobuf(body)).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'leader', namespace: 'kube-system', resourceVersion: '42' },
      spec: {
        holderIdentity: '',
        leaseDurationSeconds: 15,
        acquireTime: '2023-11-14T22:13:20.123456Z',
        renewTime: '2023-11-14T22:13:21.000000Z',
        leaseTransitions: 0,
      },
    });
  });

  test('an Event', () => {
    const body = envelope(
      'v1',
      'Event',
      message(1, bytes(2, 'web.')),
      message(
        2,
        bytes(1, 'Machine'),
        bytes(2, 'default'),
        bytes(3, 'web'),
        bytes(4, 'uid'),
        bytes(5, 'purlin.dev/v1alpha1'),
      ),
      bytes(3, 'Started'),
      bytes(4, 'It runs'),
      message(5, bytes(1, 'purlin')),
      message(6, number(1, 1_700_000_000)),
      message(7, number(1, 1_700_000_000)),
      number(8, 2),
      bytes(9, 'Normal'),
      message(10),
    );
    expect(decodeProtobuf(body)).toMatchObject({
      metadata: { generateName: 'web.' },
      involvedObject: { kind: 'Machine', name: 'web', namespace: 'default' },
      reason: 'Started',
      source: { component: 'purlin' },
      firstTimestamp: '2023-11-14T22:13:20Z',
      count: 2,
    });
  });

  test('DeleteOptions, a Namespace, owners', () => {
    expect(
      decodeProtobuf(
        envelope(
          'v1',
          'DeleteOptions',
          number(1, 0),
          message(2, bytes(1, 'u')),
          bytes(4, 'Foreground'),
          bytes(5, 'All'),
        ),
      ),
    ).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
      preconditions: { uid: 'u' },
      propagationPolicy: 'Foreground',
      dryRun: ['All'],
    });
    const owner = message(
      13,
      bytes(1, 'X'),
      bytes(3, 'x'),
      bytes(4, 'u'),
      bytes(5, 'v1'),
      number(6, 1),
      number(7, 0),
    );
    expect(
      decodeProtobuf(
        envelope('v1', 'Namespace', message(1, bytes(1, 'n'), owner), message(2), message(3, bytes(1, ''))),
      ),
    ).toMatchObject({
      metadata: {
        name: 'n',
        ownerReferences: [
          { kind: 'X', name: 'x', uid: 'u', apiVersion: 'v1', controller: true, blockOwnerDeletion: false },
        ],
      },
    });
  });

  test('fields of a newer version are passed over', () => {
    const fixed = [...varint((99 << 3) | 1), 1, 2, 3, 4, 5, 6, 7, 8];
    const body = envelope(
      'v1',
      'ConfigMap',
      fixed,
      number(98, -1n),
      bytes(97, 'x'),
      message(1, bytes(1, 'c')),
      number(4, 1),
    );
    expect(decodeProtobuf(body)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c' },
      immutable: true,
    });
  });
});

describe('what is no such object', () => {
  const good = envelope(
    'v1',
    'ConfigMap',
    message(1, bytes(1, 'c')),
    message(2, bytes(1, 'k'), bytes(2, 'v')),
  );

  test('cut anywhere, it is refused or read in part, never worse', () => {
    for (let length = 0; length < good.length; length++) {
      try {
        decodeProtobuf(good.subarray(0, length));
      } catch (error) {
        expect(error).toMatchObject({ code: expect.any(Number) as unknown });
        expect([400, 415]).toContain((error as { code: number }).code);
      }
    }
  });

  test.each([
    ['no magic', Buffer.from('{}'), 400],
    ['an unknown kind', envelope('apps/v1', 'Deployment'), 415],
    ['a prototype', envelope('v1', 'ConfigMap', message(2, bytes(1, '__proto__'), bytes(2, 'v'))), 400],
    [
      'an endless number',
      envelope('v1', 'ConfigMap', [0x20, ...Array.from({ length: 12 }, () => 0xff)]),
      400,
    ],
  ])('%s', (_, body, code) => {
    expect(refusalOf(body)).toMatchObject({ code });
  });
});

function refusalOf(body: Buffer): unknown {
  try {
    return decodeProtobuf(body);
  } catch (error) {
    return error;
  }
}
