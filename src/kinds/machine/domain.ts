import { type DiskSpec, type DomainSpec, isDisk } from '../../host/libvirt/domain-spec.ts';
import type { ObservedDomain } from '../../host/libvirt/hypervisor-port.ts';
import { tapName } from '../../host/ports/network.ts';
import type { MachineDefinition } from '../../plan/actions.ts';
import type { ExecutionContext, Owner } from '../executor.ts';

/**
 * A q35 guest has more only with an IOMMU that remaps interrupts, and libvirt refuses it otherwise; `spec.cpus` ends far
 * below.
 */
const mostCpus = 255;

/** The domain that a Machine's definition asks for; paths and tap names come from UIDs alone. */
export function domainSpec(
  definition: MachineDefinition,
  { storage, host }: Pick<ExecutionContext, 'storage' | 'host'>,
  owner: Owner,
  existing: ObservedDomain | undefined,
): DomainSpec {
  const { uid, generation, installationUid } = owner;
  const { namespace, name, restartToken, definitionHash } = definition;
  return {
    uuid: uid,
    metadata: {
      namespace,
      name,
      installationUid,
      generation,
      definitionHash,
      ...(restartToken !== '' && { restartToken }),
    },
    accelerator: host.accelerator === 'KVM' ? 'kvm' : 'qemu',
    cpus: definition.cpus,
    maxCpus: Math.max(definition.cpus, Math.min(host.cpus, mostCpus)),
    memoryBytes: definition.memoryBytes,
    firmware:
      definition.firmware === 'UEFI' ? { type: 'uefi', nvramPath: storage.nvramPath(uid) } : { type: 'bios' },
    disks: diskSpecs(definition, storage, existing),
    seedPath: storage.seedPath(uid),
    interfaces: definition.interfaces.map((each) => ({
      tap: tapName(uid, each.name),
      macAddress: each.macAddress,
      mtu: each.mtu,
    })),
    consoleLogPath: storage.consoleLogPath(uid),
  };
}

/**
 * A disk keeps the target that it has in the running guest, or else in the definition, so that adding and removing
 * others never moves it; a new one takes the first that is free in both.
 */
function diskSpecs(
  definition: MachineDefinition,
  storage: ExecutionContext['storage'],
  existing: ObservedDomain | undefined,
): DiskSpec[] {
  const present = [...(existing?.live?.disks ?? []), ...(existing?.config?.disks ?? [])];
  const taken = new Set(present.map(({ target }) => target));
  const used = new Set<string>();
  return definition.disks.map(({ diskUid, format, boot }) => {
    const path = storage.diskPath(diskUid);
    const kept = present.find((disk) => isDisk(disk, diskUid, path) && !used.has(disk.target))?.target;
    const target = kept ?? freeTarget(taken);
    taken.add(target);
    used.add(target);
    return { diskUid, path, format, target, ...(boot && { bootOrder: 1 }) };
  });
}

/** `vda` to `vdy`; `vdz` is the seed's. */
function freeTarget(taken: ReadonlySet<string>): string {
  const letter = 'abcdefghijklmnopqrstuvwxy'.split('').find((each) => !taken.has(`vd${each}`));
  return `vd${letter ?? 'y'}`;
}
