import { expect, test } from '@jest/globals';
import { describeFailure } from '../../../src/agent/failure.ts';
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
  [new InvalidDomainSpec('cpus', 0, 'at least 1'), 'InvalidDefinition', false],
  [Object.assign(new Error('write'), { code: 'ENOSPC' }), 'OutOfSpace', true],
  [new DeviceNotReleased('not yet'), 'DeviceNotReleased', true],
  [new Error('anything else'), 'ExecutionFailed', true],
  ['not even an error', 'ExecutionFailed', true],
])('%s is told as %s', (error, reason, retryable) => {
  expect(describeFailure(error)).toMatchObject({ reason, retryable });
});
