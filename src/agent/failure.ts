import { isNativeError } from 'node:util/types';

/** How a failed order is told: `reason` is a CamelCase word for a condition. */
export interface Failure {
  reason: string;
  message: string;
  /** False when repeating cannot help until the spec changes. */
  retryable: boolean;
}

/** Failures whose classes say no more than their name. */
const byName: Record<string, Omit<Failure, 'message'>> = {
  LibvirtUnavailable: { reason: 'HypervisorUnavailable', retryable: true },
  LibvirtTimeout: { reason: 'HypervisorTimeout', retryable: true },
  DeviceNotReleased: { reason: 'DeviceNotReleased', retryable: true },
  DeviceConflict: { reason: 'DeviceConflict', retryable: true },
  ForeignDomain: { reason: 'ForeignDomain', retryable: true },
  InvalidDomainSpec: { reason: 'InvalidDefinition', retryable: false },
  LockLost: { reason: 'Interrupted', retryable: true },
  WorkerClosing: { reason: 'Interrupted', retryable: true },
  AbortError: { reason: 'Interrupted', retryable: true },
};

/** libvirt's error codes that a user can do something about; any other is a `HypervisorError`. */
const byLibvirtCode: Record<string, Omit<Failure, 'message'>> = {
  NO_MEMORY: { reason: 'OutOfMemory', retryable: true },
  XML_ERROR: { reason: 'InvalidDefinition', retryable: false },
  XML_DETAIL: { reason: 'InvalidDefinition', retryable: false },
  CONFIG_UNSUPPORTED: { reason: 'Unsupported', retryable: false },
  OPERATION_UNSUPPORTED: { reason: 'Unsupported', retryable: false },
  OPERATION_TIMEOUT: { reason: 'HypervisorTimeout', retryable: true },
  RESOURCE_BUSY: { reason: 'InUse', retryable: true },
};

/** System errors, as Node names them. */
const bySystemCode: Record<string, Omit<Failure, 'message'>> = {
  ENOSPC: { reason: 'OutOfSpace', retryable: true },
  EDQUOT: { reason: 'OutOfSpace', retryable: true },
  ENOMEM: { reason: 'OutOfMemory', retryable: true },
};

/** SQLITE_FULL (sqlite.org/rescode.html): what must be on disk before an effect found no room there. */
const sqliteFull = 13;

interface SelfDescribing {
  reason?: unknown;
  retryable?: unknown;
  codeName?: unknown;
  code?: unknown;
  errcode?: unknown;
}

/** Every error has a reason: its own, or that of its class or code, or in the end `ExecutionFailed`. */
export function describeFailure(error: unknown): Failure {
  return explainByFileSize(asTold(error));
}

function asTold(error: unknown): Failure {
  if (!isNativeError(error)) {
    return { reason: 'ExecutionFailed', message: String(error), retryable: true };
  }
  const { message } = error;
  const { reason, retryable, codeName, code, errcode } = error as SelfDescribing;
  if (typeof reason === 'string') return { reason, message, retryable: retryable !== false };
  if (typeof codeName === 'string') {
    return {
      ...(byLibvirtCode[codeName] ?? { reason: 'HypervisorError', retryable: true }),
      message: `libvirt: ${message}`,
    };
  }
  if (code === 'ERR_SQLITE_ERROR' && errcode === sqliteFull)
    return { reason: 'OutOfSpace', message, retryable: true };
  const known = byName[error.name] ?? (typeof code === 'string' ? bySystemCode[code] : undefined);
  return { ...(known ?? { reason: 'ExecutionFailed', retryable: true }), message };
}

/** Reasons that tell what failed and not why. */
const unexplained = new Set(['HypervisorError', 'NetworkToolFailed', 'StorageFailed', 'ExecutionFailed']);

/** As the system words EFBIG, wherever it comes from: QEMU through libvirt, qemu-img, or our own writing. */
const fileTooLarge = /\bfile too large\b/i;

/** The API lets in sizes that the file system of this host has no files for, as ext4 has none above 16 TiB. */
function explainByFileSize(failure: Failure): Failure {
  if (!unexplained.has(failure.reason) || !fileTooLarge.test(failure.message)) return failure;
  const remedy =
    'the file system of the data directory takes no file of that size: move it to one that does, as XFS, or ask for less';
  return { reason: 'TooLarge', message: `${failure.message} (${remedy})`, retryable: false };
}

/** Less than this much free is none: the smallest thing that is made needs more. */
const roomBytes = 256 * 1024;

/**
 * libvirt and the tools say what they could not write, and seldom that it was for lack of room; without that nobody
 * would know what to do.
 *
 * @param freeBytes asked for where it may explain the failure; undefined when it cannot be told
 */
export async function explainByFullDisk(
  failure: Failure,
  freeBytes: () => Promise<number | undefined>,
): Promise<Failure> {
  if (!unexplained.has(failure.reason)) return failure;
  const free = await freeBytes();
  if (free === undefined || free >= roomBytes) return failure;
  const message = `${failure.message} (no space is left in the data directory of the host)`;
  return { ...failure, reason: 'OutOfSpace', message };
}
