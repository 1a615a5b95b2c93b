import { describe, expect, test } from '@jest/globals';
import { describeFailure, explainByFullDisk } from '../../../src/agent/failure.ts';
import { InvalidDomainSpec } from '../../../src/host/libvirt/domain-check.ts';
import { DeviceNotReleased } from '../../../src/host/libvirt/hypervisor-port.ts';
import { LibvirtError, LibvirtUnavailable } from '../../../src/host/libvirt/rpc/error.ts';
import { StorageError } from '../../../src/host/ports/storage.ts';
import { inUse } from '../../../src/kinds/executor.ts';

const libvirt = (code: number): LibvirtError =>
  new LibvirtError({ code, domain: 10, level: 2, message: 'no room' });

test.each([
  [new StorageError('ChecksumMismatch', 'm', { retryable: false }), 'ChecksumMismatch', false],
  [inUse('Disk d', ['Machine m']), 'InUse', true],
  [new LibvirtUnavailable('gone'), 'HypervisorUnavailable', true],
  [libvirt(2), 'OutOfMemory', true],
  [libvirt(27), 'InvalidDefinition', false],
  [libvirt(1), 'HypervisorError', true],
  [libvirt(68), 'HypervisorTimeout', true],
  [new InvalidDomainSpec('cpus', 0, 'at least 1'), 'InvalidDefinition', false],
  [Object.assign(new Error('write'), { code: 'ENOSPC' }), 'OutOfSpace', true],
  [new DeviceNotReleased('not yet'), 'DeviceNotReleased', true],
  [Object.assign(new Error('full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 }), 'OutOfSpace', true],
  [Object.assign(new Error('locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 }), 'ExecutionFailed', true],
  [new Error('anything else'), 'ExecutionFailed', true],
  ['not even an error', 'ExecutionFailed', true],
])('%s is told as %s', (error, reason, retryable) => {
  expect(describeFailure(error)).toMatchObject({ reason, retryable });
});

test.each([
  [
    "a guest's disk",
    new LibvirtError({
      code: 1,
      domain: 10,
      level: 2,
      message: "unable to execute QEMU command 'block_resize': Could not resize file: File too large",
    }),
  ],
  [
    'a file of a disk',
    new StorageError('StorageFailed', 'Disk d: qemu-img: Could not resize file: File too large', {
      retryable: true,
    }),
  ],
  ['an image', Object.assign(new Error('EFBIG: file too large, write'), { code: 'EFBIG' })],
])('%s that the file system has no room for in one file says what to do', (_, error) => {
  const { reason, message, retryable } = describeFailure(error);
  expect({ reason, retryable }).toEqual({ reason: 'TooLarge', retryable: false });
  expect(message).toContain('the file system of the data directory takes no file of that size');
});

describe('on a host without room', () => {
  const explained = (error: unknown, freeBytes: number | undefined) =>
    explainByFullDisk(describeFailure(error), async () => freeBytes);
  const masterKey = new LibvirtError({
    code: 1,
    domain: 10,
    level: 2,
    message: 'failed to write master key file',
  });

  test('what libvirt could not write says why', async () => {
    expect(await explained(masterKey, 0)).toEqual({
      reason: 'OutOfSpace',
      message:
        'libvirt: failed to write master key file (no space is left in the data directory of the host)',
      retryable: true,
    });
  });

  test.each([
    ['where there is room', masterKey, 2 ** 30],
    ['where nobody can tell', masterKey, undefined],
    ['that has a reason of its own', inUse('Disk d', ['Machine m']), 0],
  ])('a failure %s stays what it is', async (_, error, freeBytes) => {
    expect(await explained(error, freeBytes)).toEqual(describeFailure(error));
  });
});
