import { describe, expect, test } from '@jest/globals';
import { type DiskInput, planDisk } from '../../../src/kinds/disk/plan.ts';
import { diskStatus } from '../../../src/kinds/disk/status.ts';
import type { DiskSnapshot } from '../../../src/plan/snapshot.ts';
import { deleted, disk, host, image, machine, readyStatus, sentence, silentHost } from './builders.ts';

const uid = 'uid-of-data';
const GIBIBYTE = 2 ** 30;

const file = (changes: Partial<DiskSnapshot> = {}): DiskSnapshot => ({
  diskUid: uid,
  sizeBytes: GIBIBYTE,
  format: 'qcow2',
  retained: false,
  ...changes,
});
const withFile = (changes: Partial<DiskSnapshot> = {}) => host({ disks: { [uid]: file(changes) } });
const hardware = (diskUid: string, changes: { redirectedTo?: string }) => ({
  cpus: 1,
  maxCpus: 1,
  memoryBytes: 1,
  disks: [{ diskUid, target: 'vda', ...changes }],
  interfaces: [],
});
const domain = (which: 'config' | 'live' | 'saved', changes: { redirectedTo?: string } = {}) => ({
  domains: {
    'uid-of-web': {
      machineUid: 'uid-of-web',
      power: which === 'live' ? ('running' as const) : ('shutoff' as const),
      persistent: true,
      [which]: hardware(uid, changes),
    },
  },
});
const claim = { machineName: 'web', machineUid: 'uid-of-web' };
const bound = { status: { hostName: 'h1' } };
/** An order of the first generation was carried out. */
const answered = {
  orderId: '',
  action: '',
  generation: 1,
  epoch: 1,
  outcome: 'done',
  atSequence: 1,
} as const;
const confirmed = host({ disks: { [uid]: file() }, results: { 'uid-of-web': answered } });
const claimed = { status: { hostName: 'h1', claim } };
const fromImage = { spec: { source: { imageRef: { name: 'debian' } } }, ...bound };
const cachedImage = (virtualSizeBytes: number) =>
  host({
    images: {
      'uid-of-debian': {
        imageUid: 'uid-of-debian',
        state: 'complete',
        digest: 'sha256:abc',
        format: 'qcow2',
        virtualSizeBytes,
        overlays: [],
      },
    },
  });
const user = machine('web', { spec: { disks: [{ name: 'data', diskRef: { name: 'data' } }] } });

const given = (changes: Partial<DiskInput> = {}): DiskInput => ({
  disk: disk('data', bound),
  hosts: [host()],
  image: undefined,
  claimant: undefined,
  ...changes,
});

describe('planning a Disk', () => {
  test.each<[string, DiskInput, string]>([
    [
      'the finalizer comes first',
      given({ disk: disk('data', { metadata: { finalizers: [] } }) }),
      'api.addFinalizer (Adopting): deletion must wait until the hosts are clean',
    ],
    [
      'unbound, it waits for its first Machine',
      given({ disk: disk('data') }),
      'wait (WaitingForFirstConsumer): a Host is chosen with the first Machine that uses the disk',
    ],
    [
      'with Immediate binding the host with the most free space is taken',
      given({
        disk: disk('data', { spec: { bindingMode: 'Immediate' } }),
        hosts: [host(), host({ hostName: 'h2', storage: { freeBytes: 2 ** 41, totalBytes: 2 ** 42 } })],
      }),
      'api.bindDisk (Bound): host h2 has the most free space',
    ],
    [
      'with Immediate binding and no host that reports it waits',
      given({ disk: disk('data', { spec: { bindingMode: 'Immediate' } }), hosts: [silentHost()] }),
      'wait (NoHost): no host has reported yet; start an agent (purlin up does)',
    ],
    [
      'bound immediately, a host without a Host is no choice',
      given({
        disk: disk('data', { spec: { bindingMode: 'Immediate' } }),
        hosts: [{ ...host(), registered: false }],
      }),
      'wait (NoHost): no host has reported yet; start an agent (purlin up does)',
    ],
    [
      'a silent host proves nothing',
      given({ hosts: [silentHost()] }),
      'wait (HostUnknown): a complete snapshot of host h1',
    ],
    [
      'a host without a Host is gone, and the data with it',
      given({ hosts: [] }),
      'blocked (HostGone): host h1, which had the data, has no Host any more: start its agent again, or delete the Disk',
    ],
    [
      'bound and absent, it is made',
      given(),
      "disk.create on h1 (Creating): host h1 does not have the disk's file",
    ],
    [
      'one that was there and is gone is never replaced by an empty one',
      given({
        disk: disk('data', { status: { hostName: 'h1', capacity: GIBIBYTE, ...readyStatus(false) } }),
      }),
      "blocked (DataLost): the disk's file (UID uid-of-data) is gone from host h1; restore it from a backup, or delete the Disk and create it again to start anew",
    ],
    [
      'the Image it names does not exist',
      given({ disk: disk('data', fromImage) }),
      'wait (ImageMissing): Image debian does not exist in this namespace; create it or correct spec.source.imageRef',
    ],
    [
      'the Image is not there yet: its own words are passed on',
      given({
        disk: disk('data', fromImage),
        image: image('debian', { status: readyStatus(false, 'HTTP status 404') }),
      }),
      'wait (ImageNotReady): Image debian: HTTP status 404',
    ],
    [
      'the Image has not been looked at yet',
      given({ disk: disk('data', fromImage), image: image() }),
      'wait (ImageNotReady): Image debian: not looked at yet',
    ],
    [
      'smaller than its Image',
      given({ disk: disk('data', fromImage), image: image(), hosts: [cachedImage(2 * GIBIBYTE)] }),
      'blocked (SmallerThanImage): spec.size 1Gi is smaller than Image debian, which needs 2Gi; raise spec.size to that at least',
    ],
    [
      'from a complete Image it is an overlay',
      given({ disk: disk('data', fromImage), image: image(), hosts: [cachedImage(GIBIBYTE)] }),
      "disk.create on h1 (Creating): host h1 does not have the disk's file",
    ],
    ['there, in the size asked for', given({ hosts: [withFile()] }), 'settled'],
    [
      'there, too small',
      given({ hosts: [withFile({ sizeBytes: GIBIBYTE / 2 })] }),
      'disk.grow on h1 (Growing): spec.size is 1Gi, the file has 512Mi',
    ],
    [
      'there, too small, and its guest writes to another file since',
      given({
        hosts: [
          host({
            disks: { [uid]: file({ sizeBytes: GIBIBYTE / 2 }) },
            ...domain('live', { redirectedTo: '/b' }),
          }),
        ],
      }),
      'blocked (DiskRedirected): disk vda of the guest is /b and not the file that Purlin made, by a snapshot or a block copy; bring it back while the guest runs, after a snapshot with: virsh blockcommit uid-of-web vda --active --pivot',
    ],
    [
      'there, larger than asked for',
      given({ hosts: [withFile({ sizeBytes: 2 * GIBIBYTE })] }),
      'blocked (ShrinkUnsupported): spec.size is smaller than the disk, which has 2Gi; a disk only grows',
    ],
    [
      'claimed by a Machine that names it',
      given({ disk: disk('data', claimed), claimant: user, hosts: [withFile()] }),
      'settled',
    ],
    [
      'claimed by a Machine that is gone, whose guest was saved with it: the claim stays',
      given({
        disk: disk('data', claimed),
        claimant: 'gone',
        hosts: [host({ disks: { [uid]: file() }, ...domain('saved') })],
      }),
      'settled',
    ],
    [
      'claimed by a Machine that is gone, with the domain still there: the claim stays',
      given({
        disk: disk('data', claimed),
        claimant: 'gone',
        hosts: [host({ disks: { [uid]: file() }, ...domain('config') })],
      }),
      'settled',
    ],
    [
      'claimed by a Machine that is gone, on a host that is gone: the claim ends',
      given({ disk: disk('data', claimed), claimant: 'gone', hosts: [] }),
      'api.claimDisk (Detached): Machine web does not use the disk any more',
    ],
    [
      'claimed by a Machine that is gone, on a silent host: the claim stays',
      given({ disk: disk('data', claimed), claimant: 'gone', hosts: [silentHost()] }),
      'wait (HostUnknown): a complete snapshot of host h1',
    ],
    [
      'claimed by a Machine that is gone, without a domain: the claim ends',
      given({ disk: disk('data', claimed), claimant: 'gone', hosts: [withFile()] }),
      'api.claimDisk (Detached): Machine web does not use the disk any more',
    ],
    [
      'claimed by a Machine that names it no more: the claim ends',
      given({ disk: disk('data', claimed), claimant: machine(), hosts: [confirmed] }),
      'api.claimDisk (Detached): Machine web does not use the disk any more',
    ],
    [
      'claimed by a Machine that names it no more, while an order of before may still attach it: the claim stays',
      given({
        disk: disk('data', claimed),
        claimant: machine('web', { metadata: { generation: 2 } }),
        hosts: [confirmed],
      }),
      'settled',
    ],
    [
      'claimed by a Machine that is being deleted: the claim ends',
      given({
        disk: disk('data', claimed),
        claimant: { ...user, metadata: { ...user.metadata, ...deleted } },
        hosts: [confirmed],
      }),
      'api.claimDisk (Detached): Machine web does not use the disk any more',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planDisk(input))).toBe(expected);
  });

  test('an overlay is ordered with the digest, and both are locked', () => {
    const outcome = planDisk(
      given({ disk: disk('data', fromImage), image: image(), hosts: [cachedImage(GIBIBYTE)] }),
    );
    expect(outcome).toMatchObject({
      step: {
        lock: [uid, 'sha256:abc'],
        action: { arguments: { sizeBytes: GIBIBYTE, format: 'qcow2', imageDigest: 'sha256:abc' } },
      },
    });
  });
});

describe('deleting a Disk', () => {
  const going = (changes: Parameters<typeof disk>[1] = bound) =>
    disk('data', { ...changes, metadata: { ...changes.metadata, ...deleted } });

  test.each<[string, DiskInput, string]>([
    [
      'claimed by a living Machine, it waits',
      given({ disk: going(claimed), claimant: user, hosts: [withFile()] }),
      'wait (InUse): in use by Machine web',
    ],
    [
      'never bound, nothing can be left of it',
      given({ disk: going({}), hosts: [] }),
      'api.releaseFinalizer (Released): the disk was never made on a host',
    ],
    [
      'on a host that is gone nothing is left',
      given({ disk: going(), hosts: [] }),
      'api.releaseFinalizer (Released): host h1, which had the data, is gone',
    ],
    [
      'on a silent host it waits',
      given({ disk: going(), hosts: [silentHost()] }),
      'wait (HostUnknown): a complete snapshot of host h1',
    ],
    [
      'a domain that runs with it keeps it',
      given({ disk: going(), hosts: [host(domain('live'))] }),
      'wait (InUse): a domain on host h1 still has the disk',
    ],
    [
      'a domain that would start with it keeps it',
      given({ disk: going(), hosts: [host(domain('config'))] }),
      'wait (InUse): a domain on host h1 still has the disk',
    ],
    [
      'unused, its file goes',
      given({ disk: going(), hosts: [withFile()] }),
      'disk.delete on h1 (Removing): the Disk is being deleted and no domain uses it',
    ],
    [
      'even a file that is not seen is ordered away, so that older orders are refused',
      given({ disk: going() }),
      'disk.delete on h1 (Removing): the Disk is being deleted and no domain uses it',
    ],
    [
      'recorded as removed, the finalizer goes',
      given({ disk: going(), hosts: [host({ removed: { [uid]: 1 } })] }),
      'api.releaseFinalizer (Released): nothing of the disk is left on the host',
    ],
    [
      'reclaimPolicy Retain marks the file',
      given({ disk: going({ ...bound, spec: { reclaimPolicy: 'Retain' } }), hosts: [withFile()] }),
      'disk.retain on h1 (Retaining): reclaimPolicy is Retain',
    ],
    [
      'marked, the data stays and the object goes',
      given({
        disk: going({ ...bound, spec: { reclaimPolicy: 'Retain' } }),
        hosts: [withFile({ retained: true })],
      }),
      'api.releaseFinalizer (Released): the data stays on the host (reclaimPolicy Retain)',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planDisk(input))).toBe(expected);
  });
});

describe('the status of a Disk', () => {
  const statusOf = (input: DiskInput, failure?: Parameters<typeof diskStatus>[2]) =>
    diskStatus(input, planDisk(input), failure);

  test('there: ready, with its capacity', () => {
    expect(statusOf(given({ hosts: [withFile()] }))).toMatchObject({
      conditions: [{ status: 'True' }],
      fields: { phase: 'Ready', capacity: GIBIBYTE },
    });
  });

  test('growing: it serves meanwhile', () => {
    expect(statusOf(given({ hosts: [withFile({ sizeBytes: GIBIBYTE / 2 })] }))).toMatchObject({
      conditions: [{ status: 'True' }],
      fields: { phase: 'Ready', capacity: GIBIBYTE / 2 },
    });
  });

  test('asked to shrink: it serves, says so, and is failed', () => {
    expect(statusOf(given({ hosts: [withFile({ sizeBytes: 2 * GIBIBYTE })] }))).toMatchObject({
      conditions: [{ status: 'True', reason: 'ShrinkUnsupported' }],
      fields: { phase: 'Failed' },
    });
  });

  test.each<[string, DiskInput, string]>([
    ['being made', given(), 'Provisioning'],
    ['waiting for a Machine', given({ disk: disk('data') }), 'Pending'],
    ['lost', given({ disk: disk('data', { status: { hostName: 'h1', capacity: 5 } }) }), 'Failed'],
    ['deleted', given({ disk: disk('data', { metadata: deleted }) }), 'Terminating'],
  ])('the phase of one %s', (_name, input, phase) => {
    expect(statusOf(input).fields['phase']).toBe(phase);
  });

  test('the host falls silent: what was last seen of the size is kept, ready it is not', () => {
    const input = given({
      disk: disk('data', { status: { hostName: 'h1', capacity: 5, ...readyStatus(true) } }),
      hosts: [silentHost()],
    });
    expect(statusOf(input)).toMatchObject({
      conditions: [{ status: 'False', reason: 'HostUnknown' }],
      fields: { capacity: 5 },
    });
  });

  test('a failed creation tells why', () => {
    const failure = { reason: 'OutOfSpace', message: 'no space left', retryable: true };
    expect(statusOf(given(), failure)).toMatchObject({
      conditions: [{ reason: 'OutOfSpace', message: 'no space left' }],
      fields: { phase: 'Failed' },
    });
  });
});
