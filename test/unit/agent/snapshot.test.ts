import { describe, expect, test } from '@jest/globals';
import { describeDomain } from '../../../src/agent/snapshot.ts';
import { type DomainConfig, type DomainMetadata, diskSerial } from '../../../src/host/libvirt/domain-spec.ts';

const uuid = '00000000-0000-4000-8000-000000000001';
const diskUid = '00000000-0000-4000-8000-000000000002';
const diskPath = (uid: string): string => `/data/disks/${uid}/disk`;

const seenAt = (uptimeMs: number, ...unplugged: string[]) => ({
  diskPath,
  bySerial: new Map([[diskSerial(diskUid), diskUid]]),
  unplugged: new Set(unplugged),
  uptimeMs,
});

const metadata = (overrides: Partial<DomainMetadata> = {}): DomainMetadata => ({
  namespace: 'default',
  name: 'web',
  installationUid: 'i',
  generation: 1,
  definitionHash: 'h1',
  ...overrides,
});

const config = (overrides: Partial<DomainConfig> = {}): DomainConfig => ({
  uuid,
  name: 'purlin',
  metadata: metadata(),
  accelerator: 'qemu',
  cpus: 1,
  maxCpus: 4,
  memoryBytes: 100,
  maxMemoryBytes: 200,
  firmware: 'bios',
  disks: [],
  interfaces: [],
  ...overrides,
});

const domain = { uuid, metadata: metadata(), power: 'running' as const };

describe('a domain as planners see it', () => {
  test('has the hash of the next start from its definition, and what concerns the present run from itself', () => {
    const live = config({
      metadata: metadata({
        definitionHash: 'h0',
        restartToken: 't',
        shutdownRequestedAt: 5,
        shutdownGraceMs: 30,
      }),
    });
    expect(describeDomain({ ...domain, config: config(), live }, seenAt(34))).toMatchObject({
      persistent: true,
      definitionHash: 'h1',
      restartToken: 't',
      shutdown: { graceMs: 30, overdue: false },
    });
    expect(describeDomain({ ...domain, config: config(), live }, seenAt(35))).toMatchObject({
      shutdown: { graceMs: 30, overdue: true },
    });
  });

  test('that runs without a restart token satisfies the empty one', () => {
    expect(describeDomain({ ...domain, live: config() }, seenAt(34))).toMatchObject({
      persistent: false,
      restartToken: '',
    });
  });

  test('that is off satisfies no token and has no pending shutdown', () => {
    const seen = describeDomain(
      { ...domain, power: 'shutoff', stopCause: 'guest', config: config() },
      seenAt(34),
    );
    expect(seen).toMatchObject({ power: 'shutoff', stopCause: 'guest' });
    expect(seen).not.toHaveProperty('restartToken');
    expect(seen).not.toHaveProperty('live');
  });

  test.each([
    ['passing', 'running'],
    ['user', 'paused'],
    ['ioError', 'paused'],
    ['other', 'paused'],
  ] as const)('that is paused (%s) is %s to a planner', (pauseCause, power) => {
    const paused = { ...domain, power: 'paused', pauseCause, live: config() } as const;
    expect(describeDomain(paused, seenAt(34)).power).toBe(power);
  });

  test('shows the memory that it was started with, wherever its balloon is', () => {
    expect(describeDomain({ ...domain, live: config() }, seenAt(34)).live?.memoryBytes).toBe(200);
  });

  test('shows which of its cards are cut off, and which somebody took down', () => {
    const live = config({
      interfaces: [
        { tap: 'a', macAddress: '02:00:00:00:00:01' },
        { tap: 'b', macAddress: '02:00:00:00:00:02', link: 'down' },
      ],
    });
    expect(describeDomain({ ...domain, config: live, live }, seenAt(34, 'a'))).toMatchObject({
      config: {
        interfaces: [
          { tap: 'a', macAddress: '02:00:00:00:00:01' },
          { tap: 'b', link: 'down' },
        ],
      },
      live: {
        interfaces: [
          { tap: 'a', unplugged: true },
          { tap: 'b', link: 'down' },
        ],
      },
    });
  });

  test('knows its disks by the paths that the storage makes, and the seed as none of them', () => {
    const file = (path: string, target: string) => ({
      path,
      target,
      serial: '',
      format: 'raw',
      readOnly: false,
    });
    const disks = [
      file(diskPath(diskUid), 'vda'),
      file(`/data/seeds/${uuid}.iso`, 'vdz'),
      file(`/elsewhere/${diskUid}/disk`, 'vdb'),
    ];
    expect(describeDomain({ ...domain, config: config({ disks }) }, seenAt(34)).config?.disks).toEqual([
      { diskUid, target: 'vda' },
      { target: 'vdz' },
      { target: 'vdb' },
    ]);
  });

  test.each([
    ['a snapshot stands on its file', { otherFiles: [diskPath(diskUid), '/images/base'] }],
    ['a copy of it has left its file behind', { serial: diskSerial(diskUid) }],
  ])('knows a disk again of which %s, and tells where it is now', (_what, left) => {
    const disk = { path: '/backup/overlay', target: 'vda', serial: '', format: 'qcow2', readOnly: false };
    const live = config({ disks: [{ ...disk, ...left }] });
    expect(describeDomain({ ...domain, live }, seenAt(34)).live?.disks).toEqual([
      { diskUid, target: 'vda', redirectedTo: '/backup/overlay' },
    ]);
  });
});
