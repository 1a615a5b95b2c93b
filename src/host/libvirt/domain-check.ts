import type { DiskSpec, DomainSpec, InterfaceSpec } from './domain-spec.ts';

/** A value that must not reach libvirt; the message names the field and what it should be. */
export class InvalidDomainSpec extends Error {
  override readonly name = 'InvalidDomainSpec';

  constructor(field: string, value: unknown, wanted: string) {
    super(`${field} is ${JSON.stringify(value)}; it must be ${wanted}`);
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const macAddress = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
/** IFNAMSIZ is 16 with the terminating zero. */
const tapName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;
const diskTarget = /^vd[a-y]$/;
/** What XML 1.0 cannot hold at all, and what its parsers change: control characters, lone surrogates. */
const unwritable = /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;

export function checkDomain(spec: DomainSpec): void {
  matching('uuid', spec.uuid, uuid, 'a lower-case UUID');
  whole('cpus', spec.cpus, 1, 'a whole number of at least 1');
  whole('maxCpus', spec.maxCpus, spec.cpus, 'a whole number of at least cpus');
  if (spec.memoryBytes <= 0 || !Number.isSafeInteger(spec.memoryBytes) || spec.memoryBytes % 1024 !== 0) {
    throw new InvalidDomainSpec('memoryBytes', spec.memoryBytes, 'a positive whole number of KiB');
  }
  if (spec.firmware.type === 'uefi') absolutePath('firmware.nvramPath', spec.firmware.nvramPath);
  if (spec.seedPath !== undefined) absolutePath('seedPath', spec.seedPath);
  absolutePath('consoleLogPath', spec.consoleLogPath);
  spec.disks.forEach(checkDisk);
  distinct(
    'disks[].target',
    spec.disks.map(({ target }) => target),
  );
  spec.interfaces.forEach(checkInterface);
  distinct(
    'interfaces[].macAddress',
    spec.interfaces.map((each) => each.macAddress),
  );
}

export function checkDisk(spec: DiskSpec): void {
  matching('disk.diskUid', spec.diskUid, uuid, 'a lower-case UUID');
  absolutePath('disk.path', spec.path);
  matching('disk.target', spec.target, diskTarget, 'vda to vdy');
  if (spec.bootOrder !== undefined)
    whole('disk.bootOrder', spec.bootOrder, 1, 'a whole number of at least 1');
}

export function checkInterface(spec: InterfaceSpec): void {
  matching('interface.tap', spec.tap, tapName, 'the name of a network device');
  matching('interface.macAddress', spec.macAddress, macAddress, 'a lower-case MAC address');
  whole('interface.mtu', spec.mtu, 68, 'a whole number of at least 68');
}

/** @returns the text, once nothing in it can get lost in XML */
export function checkText(field: string, text: string): string {
  if (unwritable.test(text)) throw new InvalidDomainSpec(field, text, 'text without control characters');
  return text;
}

/** QEMU reads `json:`, `nbd:` and `a:b` as protocols; a path that begins with a slash is always a file. */
function absolutePath(field: string, path: string): void {
  if (!path.startsWith('/') || path.split('/').includes('..')) {
    throw new InvalidDomainSpec(field, path, 'an absolute path without ".."');
  }
  checkText(field, path);
}

function matching(field: string, value: string, pattern: RegExp, wanted: string): void {
  if (!pattern.test(value)) throw new InvalidDomainSpec(field, value, wanted);
}

function whole(field: string, value: number, minimum: number, wanted: string): void {
  if (!Number.isSafeInteger(value) || value < minimum) throw new InvalidDomainSpec(field, value, wanted);
}

function distinct(field: string, values: readonly string[]): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw new InvalidDomainSpec(field, twice, 'used once only');
}
