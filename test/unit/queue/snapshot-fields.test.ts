import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DiskSnapshot, HostSnapshot, PortSnapshot } from '../../../src/plan/snapshot.ts';
import {
  applyChange,
  changedUids,
  difference,
  fromFields,
  isNoChange,
  publishedStart,
  readVersion,
  type SnapshotContent,
  toFields,
  writeVersion,
} from '../../../src/queue/snapshot-fields.ts';

const empty: SnapshotContent = {
  hostName: 'h1',
  agentUid: 'a',
  bootId: 'b',
  complete: true,
  earlierOrdersEnded: true,
  epoch: 1,
  facts: {
    cpus: 2,
    memoryBytes: 1,
    accelerator: 'TCG',
    acceleratorReason: '',
    versions: { purlin: '', libvirt: '', qemu: '', kernel: '' },
    architecture: 'x86_64',
  },
  domains: {},
  foreignDomains: 0,
  disks: {},
  images: {},
  seeds: {},
  segments: {},
  ports: {},
  hostCidrs: [],
  storage: { freeBytes: 1, totalBytes: 2 },
  results: {},
  removed: {},
};

const version = { incarnation: 'n', sequence: 1 };
const disk = (diskUid: string, sizeBytes: number): DiskSnapshot => ({
  diskUid,
  sizeBytes,
  format: 'raw',
  retained: false,
});

const contents = fc
  .record({
    disks: fc.dictionary(fc.constantFrom('d1', 'd2', 'd3'), fc.nat(3)),
    seeds: fc.dictionary(fc.constantFrom('m1', 'm2'), fc.constantFrom('x', 'y')),
    removed: fc.dictionary(fc.constantFrom('r1', 'r2'), fc.nat(2)),
    epoch: fc.nat(2),
    complete: fc.boolean(),
  })
  .map(({ disks, ...rest }) => ({
    ...empty,
    ...rest,
    disks: Object.fromEntries(Object.entries(disks).map(([uid, size]) => [uid, disk(uid, size)])),
  }));

const whole = (content: SnapshotContent, at = version): HostSnapshot => fromFields(toFields(content), at);

describe('a snapshot as fields', () => {
  test('reads back as it was written', () => {
    fc.assert(fc.property(contents, (content) => expect(whole(content)).toEqual({ ...content, ...version })));
  });

  test('a change applied to one content gives the other, and leaves the first alone', () => {
    fc.assert(
      fc.property(contents, contents, (before, after) => {
        const change = difference(toFields(before), toFields(after));
        const snapshot = whole(before);
        const next = { incarnation: 'n', sequence: 2 };
        expect(applyChange(snapshot, change, next)).toEqual({ ...after, ...next });
        expect(snapshot).toEqual(whole(before));
      }),
    );
  });

  test('equal contents make no change', () => {
    fc.assert(
      fc.property(contents, (content) =>
        expect(isNoChange(difference(toFields(content), toFields(structuredClone(content))))).toBe(true),
      ),
    );
  });

  test('a version reads back, whatever the incarnation is', () => {
    expect(readVersion(writeVersion({ incarnation: 'a/b', sequence: 12 }))).toEqual({
      incarnation: 'a/b',
      sequence: 12,
    });
  });
});

describe('who has to look again', () => {
  const changed = (before: SnapshotContent, after: SnapshotContent) =>
    changedUids(whole(before), whole(after), difference(toFields(before), toFields(after)));

  test('the objects whose facts changed, appeared or went', () => {
    const before = { ...empty, disks: { d1: disk('d1', 1), d2: disk('d2', 1), d3: disk('d3', 1) } };
    const after = { ...empty, disks: { d1: disk('d1', 2), d3: disk('d3', 1), d4: disk('d4', 1) } };
    expect(changed(before, after)).toEqual(new Set(['d1', 'd2', 'd4']));
  });

  test('Machine and Subnet of a tap', () => {
    const port = { tap: 't', machineUid: 'm', subnetUid: 's' } as PortSnapshot;
    expect(changed(empty, { ...empty, ports: { t: port } })).toEqual(new Set(['m', 's']));
    expect(changed({ ...empty, ports: { t: port } }, empty)).toEqual(new Set(['m', 's']));
  });

  test('the Disks that a domain has, or had', () => {
    const hardware = (diskUid: string) => ({
      cpus: 1,
      maxCpus: 1,
      memoryBytes: 1,
      interfaces: [],
      disks: [{ diskUid, target: 'vda' }],
    });
    const domain = { machineUid: 'm', power: 'running' as const, persistent: true };
    const before = { ...empty, domains: { m: { ...domain, config: hardware('d1'), live: hardware('d2') } } };
    const after = { ...empty, domains: { m: { ...domain, saved: hardware('d3') } } };
    expect(changed(before, after)).toEqual(new Set(['m', 'd1', 'd2', 'd3']));
    expect(changed(before, empty)).toEqual(new Set(['m', 'd1', 'd2']));
  });

  test.each([{ complete: false }, { epoch: 2 }, { hostCidrs: ['10.0.0.0/8'] }])(
    'everybody, after %j',
    (change) => {
      expect(changed(empty, { ...empty, ...change })).toBe('all');
    },
  );

  test('nobody, when only the free space moved', () => {
    expect(changed(empty, { ...empty, storage: { freeBytes: 0, totalBytes: 2 } })).toEqual(new Set());
  });
});

test.each([
  [undefined, 0],
  ['7.uuid', 7],
  ['uuid', 0],
  ['-3.uuid', 0],
  ['99999999999999999999.uuid', 0],
])('what was published as %s is of start %d', (incarnation, start) => {
  expect(publishedStart(incarnation === undefined ? undefined : { incarnation })).toBe(start);
});
