/** What a simulated hypervisor keeps of one domain: how it is made from a spec, and how it is seen. */
import { copyJson } from '../values/copy.ts';
import type { DiskSpec, DomainConfig, DomainSpec } from './libvirt/domain-spec.ts';
import { domainName, diskSerial, seedSerial } from './libvirt/domain-spec.ts';
import { seedTarget } from './libvirt/domain-xml.ts';
import type { ObservedDomain } from './libvirt/hypervisor-port.ts';

export interface Domain {
  config?: DomainConfig;
  live?: DomainConfig;
  saved?: DomainConfig;
  power: ObservedDomain['power'];
  stopCause?: NonNullable<ObservedDomain['stopCause']>;
  pauseCause?: NonNullable<ObservedDomain['pauseCause']>;
}

/** @returns nothing for a domain that carries no tag of ours */
export function observe(
  uuid: string,
  { config, live, saved, power, stopCause, pauseCause }: Domain,
): ObservedDomain | undefined {
  const metadata = (live ?? config)?.metadata;
  return (
    metadata && {
      uuid,
      metadata,
      power,
      ...(stopCause !== undefined && { stopCause }),
      ...(pauseCause !== undefined && { pauseCause }),
      ...(config && { config }),
      ...(live && { live }),
      ...(saved && { saved }),
    }
  );
}

export function configOf(spec: DomainSpec): DomainConfig {
  const seed = spec.seedPath === undefined ? [] : [seedDisk(spec.seedPath)];
  return copyJson({
    uuid: spec.uuid,
    name: domainName(spec.uuid),
    metadata: spec.metadata,
    accelerator: spec.accelerator,
    cpus: spec.cpus,
    maxCpus: spec.maxCpus,
    memoryBytes: spec.memoryBytes,
    maxMemoryBytes: spec.memoryBytes,
    firmware: spec.firmware.type,
    disks: [...spec.disks.map(diskOf), ...seed],
    interfaces: spec.interfaces.map(({ tap, macAddress, mtu }) => ({ tap, macAddress, mtu })),
  });
}

export const diskOf = ({
  path,
  target,
  diskUid,
  format,
  readOnly,
}: DiskSpec): DomainConfig['disks'][number] => ({
  path,
  target,
  serial: diskSerial(diskUid),
  format,
  readOnly: readOnly ?? false,
});

const seedDisk = (path: string): DomainConfig['disks'][number] => ({
  path,
  target: seedTarget,
  serial: seedSerial,
  format: 'raw',
  readOnly: true,
});
