import { XMLBuilder } from 'fast-xml-parser';
import { checkDisk, checkDomain, checkInterface, checkText } from './domain-check.ts';
import {
  type DiskSpec,
  type DomainMetadata,
  type DomainSpec,
  diskSerial,
  domainName,
  type InterfaceSpec,
  metadataNamespace,
  metadataPrefix,
  seedSerial,
} from './domain-spec.ts';

/** An element: `@x` is an attribute, other keys are children, arrays repeat their element. */
interface Xml {
  readonly [key: string]: string | number | Xml | readonly Xml[] | undefined;
}

/** PCIe slots left free for disks and interfaces that are attached while the guest runs. */
const spareRootPorts = 14;

/**
 * Per guest; QEMU's default of up to 1 GiB would not let 50 guests run. QEMU 7.2 deals the cache out in regions and
 * aborts when a CPU is plugged while none is left (`tcg_region_initial_alloc__locked`), as with 32 MiB right after a
 * boot; pages that were never filled cost nothing.
 */
const translationCacheMebibytes = 128;

const ovmf = { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' };

/**
 * libvirt's domain XML. Every value passes an XML writer, and those with a shape (UUID, MAC, path, names)
 * are checked first, so no value can become markup.
 *
 * @throws InvalidDomainSpec naming the field
 * @see https://libvirt.org/formatdomain.html
 */
export function buildDomainXml(spec: DomainSpec): string {
  checkDomain(spec);
  const kibibytes = spec.memoryBytes / 1024;
  return render('domain', {
    '@type': spec.accelerator,
    name: domainName(spec.uuid),
    uuid: spec.uuid,
    metadata: metadataElement(spec.metadata),
    memory: { '@unit': 'KiB', '#': kibibytes },
    currentMemory: { '@unit': 'KiB', '#': kibibytes },
    vcpu: { '@placement': 'static', '@current': spec.cpus, '#': spec.maxCpus },
    os: firmware(spec),
    features: { acpi: {}, apic: {}, ...(spec.accelerator === 'qemu' && { tcg: translationCache }) },
    cpu: cpuModel(spec),
    clock: { '@offset': 'utc' },
    on_poweroff: 'destroy',
    on_reboot: 'restart',
    on_crash: 'destroy',
    pm: { 'suspend-to-mem': { '@enabled': 'no' }, 'suspend-to-disk': { '@enabled': 'no' } },
    devices: {
      emulator: '/usr/bin/qemu-system-x86_64',
      disk: [...spec.disks.map(disk), ...(spec.seedPath === undefined ? [] : [seedDisk(spec)])],
      controller: controllers(spec),
      interface: spec.interfaces.map(networkInterface),
      serial: {
        '@type': 'pty',
        log: { '@file': spec.consoleLogPath, '@append': 'on' },
        target: { '@type': 'isa-serial', '@port': 0 },
      },
      channel: { '@type': 'unix', target: { '@type': 'virtio', '@name': 'org.qemu.guest_agent.0' } },
      memballoon: { '@model': 'virtio' },
      rng: { '@model': 'virtio', backend: { '@model': 'random', '#': '/dev/urandom' } },
    },
  });
}

/** For attaching to a running guest. @throws InvalidDomainSpec */
export function buildDiskXml(spec: DiskSpec): string {
  checkDisk(spec);
  return render('disk', disk(spec));
}

/** For attaching to a running guest. @throws InvalidDomainSpec */
export function buildInterfaceXml(spec: InterfaceSpec): string {
  checkInterface(spec);
  return render('interface', networkInterface(spec));
}

/** Names a disk for detaching; libvirt looks at the target alone. */
export function diskReferenceXml(observed: { target: string; path: string }): string {
  return render('disk', {
    '@type': 'file',
    '@device': 'disk',
    source: { '@file': checkText('path', observed.path) },
    target: { '@dev': checkText('target', observed.target), '@bus': 'virtio' },
  });
}

/** Names an interface for detaching; libvirt looks at the MAC address. */
export function interfaceReferenceXml(observed: { macAddress: string }): string {
  return render('interface', {
    '@type': 'ethernet',
    mac: { '@address': checkText('macAddress', observed.macAddress) },
  });
}

/** Our metadata element for virDomainSetMetadata, which puts it into the namespace itself. */
export function buildMetadataXml(metadata: DomainMetadata): string {
  return render('domain', metadataAttributes(metadata));
}

function metadataElement(metadata: DomainMetadata): Xml {
  return {
    [`${metadataPrefix}:domain`]: {
      [`@xmlns:${metadataPrefix}`]: metadataNamespace,
      ...metadataAttributes(metadata),
    },
  };
}

/** Attributes, because they read the same however libvirt spells the element's namespace. */
function metadataAttributes(metadata: DomainMetadata): Xml {
  const attributes: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata) as [string, string | number | undefined][]) {
    if (value !== undefined) attributes[`@${key}`] = checkText(`metadata.${key}`, String(value));
  }
  return attributes;
}

function firmware(spec: DomainSpec): Xml {
  const type = { '@arch': 'x86_64', '@machine': 'q35', '#': 'hvm' };
  switch (spec.firmware.type) {
    case 'bios':
      return { type };
    case 'uefi':
      return {
        type,
        loader: { '@readonly': 'yes', '@type': 'pflash', '#': ovmf.code },
        nvram: { '@template': ovmf.variables, '#': spec.firmware.nvramPath },
      };
  }
}

const translationCache: Xml = { 'tb-cache': { '@unit': 'MiB', '#': translationCacheMebibytes } };

/**
 * Under emulation the x86-64-v2 level: what today's distributions ask for at least, without the AVX that a
 * guest's libc would prefer although its emulation is slow.
 */
function cpuModel(spec: DomainSpec): Xml {
  if (spec.accelerator === 'kvm') return { '@mode': 'host-passthrough', '@check': 'none' };
  return {
    '@mode': 'custom',
    '@match': 'exact',
    '@check': 'none',
    model: { '@fallback': 'forbid', '#': 'Nehalem' },
  };
}

function controllers(spec: DomainSpec): Xml[] {
  const virtioDevices = spec.disks.length + spec.interfaces.length + 1 + 3; // the seed; channel, balloon, rng
  const rootPort: Xml = { '@type': 'pci', '@model': 'pcie-root-port' };
  return [
    { '@type': 'usb', '@model': 'none' },
    { '@type': 'pci', '@index': 0, '@model': 'pcie-root' },
    ...Array.from({ length: virtioDevices + spareRootPorts }, () => rootPort),
  ];
}

function disk(spec: DiskSpec): Xml {
  return {
    '@type': 'file',
    '@device': 'disk',
    driver: {
      '@name': 'qemu',
      '@type': spec.format,
      '@cache': spec.cache ?? 'writeback',
      '@io': 'threads',
      '@discard': 'unmap',
    },
    source: { '@file': spec.path },
    target: { '@dev': spec.target, '@bus': 'virtio' },
    serial: diskSerial(spec.diskUid),
    ...(spec.readOnly === true && { readonly: {} }),
    ...(spec.bootOrder !== undefined && { boot: { '@order': spec.bootOrder } }),
  };
}

/** Far from the disks' names, so that a disk added later never meets it. */
export const seedTarget = 'vdz';

function seedDisk(spec: DomainSpec): Xml {
  return {
    '@type': 'file',
    '@device': 'disk',
    driver: { '@name': 'qemu', '@type': 'raw' },
    source: { '@file': spec.seedPath },
    target: { '@dev': seedTarget, '@bus': 'virtio' },
    serial: seedSerial,
    readonly: {},
  };
}

function networkInterface(spec: InterfaceSpec): Xml {
  return {
    '@type': 'ethernet',
    mac: { '@address': spec.macAddress },
    target: { '@dev': spec.tap, '@managed': 'no' },
    model: { '@type': 'virtio' },
    mtu: { '@size': spec.mtu },
  };
}

/** Every value is meant literally: `processEntities` escapes it for where it stands. */
const writer = new XMLBuilder({
  attributeNamePrefix: '@',
  ignoreAttributes: false,
  textNodeName: '#',
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
  processEntities: true,
});

const render = (root: string, content: Xml): string => writer.build({ [root]: content });
