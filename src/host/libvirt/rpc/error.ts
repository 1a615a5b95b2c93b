import type { XdrReader } from './xdr.ts';
import { readDomain, readUuid } from './domain-ref.ts';

/** Base of everything that a libvirt call can end with, so that callers can tell it from their own bugs. */
export abstract class LibvirtFailure extends Error {}

/** libvirt answered, and the answer is an error. `message` is libvirt's own text. */
export class LibvirtError extends LibvirtFailure {
  override readonly name = 'LibvirtError';
  /** virErrorNumber */
  readonly code: number;
  /** its name without `VIR_ERR_`, such as `NO_DOMAIN` */
  readonly codeName: LibvirtErrorName | 'UNKNOWN';
  /** virErrorDomain: the part of libvirt that raised it */
  readonly domain: number;
  /** virErrorLevel: 1 warning, 2 error */
  readonly level: number;

  constructor(fields: { code: number; domain: number; level: number; message: string }) {
    super(fields.message);
    this.code = fields.code;
    this.codeName = nameOf(fields.code);
    this.domain = fields.domain;
    this.level = fields.level;
  }
}

/** libvirt did not answer: it is not there, or the connection broke. A call may or may not have taken effect. */
export class LibvirtUnavailable extends LibvirtFailure {
  override readonly name = 'LibvirtUnavailable';
}

/** No answer within the time limit. The call may still take effect later: look before repeating it. */
export class LibvirtTimeout extends LibvirtFailure {
  override readonly name = 'LibvirtTimeout';
}

export function isLibvirtError(error: unknown, ...names: LibvirtErrorName[]): error is LibvirtError {
  return error instanceof LibvirtError && names.some((name) => name === error.codeName);
}

/** `remote_error` of remote_protocol.x */
export function readError(reader: XdrReader): LibvirtError {
  const code = reader.int();
  const domain = reader.int();
  const message = reader.optionalString() ?? 'libvirt gave no message';
  const level = reader.int();
  reader.optional(readDomain);
  for (let index = 0; index < 3; index += 1) reader.optionalString();
  reader.int();
  reader.int();
  reader.optional((network) => ({ name: network.string(), uuid: readUuid(network) }));
  return new LibvirtError({ code, domain, level, message });
}

/** virErrorNumber, from libvirt's virterror.h; numbers never change there. */
const errorNames = {
  0: 'OK',
  1: 'INTERNAL_ERROR',
  2: 'NO_MEMORY',
  3: 'NO_SUPPORT',
  4: 'UNKNOWN_HOST',
  5: 'NO_CONNECT',
  6: 'INVALID_CONN',
  7: 'INVALID_DOMAIN',
  8: 'INVALID_ARG',
  9: 'OPERATION_FAILED',
  10: 'GET_FAILED',
  11: 'POST_FAILED',
  12: 'HTTP_ERROR',
  13: 'SEXPR_SERIAL',
  14: 'NO_XEN',
  15: 'XEN_CALL',
  16: 'OS_TYPE',
  17: 'NO_KERNEL',
  18: 'NO_ROOT',
  19: 'NO_SOURCE',
  20: 'NO_TARGET',
  21: 'NO_NAME',
  22: 'NO_OS',
  23: 'NO_DEVICE',
  24: 'NO_XENSTORE',
  25: 'DRIVER_FULL',
  26: 'CALL_FAILED',
  27: 'XML_ERROR',
  28: 'DOM_EXIST',
  29: 'OPERATION_DENIED',
  30: 'OPEN_FAILED',
  31: 'READ_FAILED',
  32: 'PARSE_FAILED',
  33: 'CONF_SYNTAX',
  34: 'WRITE_FAILED',
  35: 'XML_DETAIL',
  36: 'INVALID_NETWORK',
  37: 'NETWORK_EXIST',
  38: 'SYSTEM_ERROR',
  39: 'RPC',
  40: 'GNUTLS_ERROR',
  42: 'NO_DOMAIN',
  43: 'NO_NETWORK',
  44: 'INVALID_MAC',
  45: 'AUTH_FAILED',
  46: 'INVALID_STORAGE_POOL',
  47: 'INVALID_STORAGE_VOL',
  49: 'NO_STORAGE_POOL',
  50: 'NO_STORAGE_VOL',
  52: 'INVALID_NODE_DEVICE',
  53: 'NO_NODE_DEVICE',
  54: 'NO_SECURITY_MODEL',
  55: 'OPERATION_INVALID',
  57: 'NO_INTERFACE',
  58: 'INVALID_INTERFACE',
  59: 'MULTIPLE_INTERFACES',
  61: 'INVALID_NWFILTER',
  62: 'NO_NWFILTER',
  63: 'BUILD_FIREWALL',
  65: 'INVALID_SECRET',
  66: 'NO_SECRET',
  67: 'CONFIG_UNSUPPORTED',
  68: 'OPERATION_TIMEOUT',
  69: 'MIGRATE_PERSIST_FAILED',
  70: 'HOOK_SCRIPT_FAILED',
  71: 'INVALID_DOMAIN_SNAPSHOT',
  72: 'NO_DOMAIN_SNAPSHOT',
  73: 'INVALID_STREAM',
  74: 'ARGUMENT_UNSUPPORTED',
  75: 'STORAGE_PROBE_FAILED',
  76: 'STORAGE_POOL_BUILT',
  77: 'SNAPSHOT_REVERT_RISKY',
  78: 'OPERATION_ABORTED',
  79: 'AUTH_CANCELLED',
  80: 'NO_DOMAIN_METADATA',
  81: 'MIGRATE_UNSAFE',
  82: 'OVERFLOW',
  83: 'BLOCK_COPY_ACTIVE',
  84: 'OPERATION_UNSUPPORTED',
  85: 'SSH',
  86: 'AGENT_UNRESPONSIVE',
  87: 'RESOURCE_BUSY',
  88: 'ACCESS_DENIED',
  89: 'DBUS_SERVICE',
  90: 'STORAGE_VOL_EXIST',
  91: 'CPU_INCOMPATIBLE',
  92: 'XML_INVALID_SCHEMA',
  93: 'MIGRATE_FINISH_OK',
  94: 'AUTH_UNAVAILABLE',
  95: 'NO_SERVER',
  96: 'NO_CLIENT',
  97: 'AGENT_UNSYNCED',
  98: 'LIBSSH',
  99: 'DEVICE_MISSING',
  100: 'INVALID_NWFILTER_BINDING',
  101: 'NO_NWFILTER_BINDING',
  102: 'INVALID_DOMAIN_CHECKPOINT',
  103: 'NO_DOMAIN_CHECKPOINT',
  104: 'NO_DOMAIN_BACKUP',
  105: 'INVALID_NETWORK_PORT',
  106: 'NETWORK_PORT_EXIST',
  107: 'NO_NETWORK_PORT',
  108: 'NO_HOSTNAME',
  109: 'CHECKPOINT_INCONSISTENT',
  110: 'MULTIPLE_DOMAINS',
} as const;

export type LibvirtErrorName = (typeof errorNames)[keyof typeof errorNames];

function nameOf(code: number): LibvirtErrorName | 'UNKNOWN' {
  return (errorNames as Record<number, LibvirtErrorName>)[code] ?? 'UNKNOWN';
}
