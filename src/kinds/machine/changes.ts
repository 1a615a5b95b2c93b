import type { MachineDefinition } from '../../plan/actions.ts';
import type { DomainHardware, DomainSnapshot } from '../../plan/snapshot.ts';
import { tapName } from '../../values/links.ts';

type Difference = (live: DomainHardware, wanted: MachineDefinition, machineUid: string) => boolean;

const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((member) => b.includes(member));

/** What a running guest can differ in, by the spec field that a user would look for. */
const differences: Record<string, Difference> = {
  'spec.cpus': (live, wanted) => live.cpus !== wanted.cpus,
  'spec.memory': (live, wanted) => live.memoryBytes !== wanted.memoryBytes,
  'spec.disks': (live, wanted) =>
    !sameMembers(
      live.disks.flatMap(({ diskUid }) => diskUid ?? []),
      wanted.disks.map(({ diskUid }) => diskUid),
    ),
  'spec.interfaces': (live, wanted, machineUid) =>
    !sameMembers(
      live.interfaces.map(({ tap }) => tap),
      wanted.interfaces.map(({ name }) => tapName(machineUid, name)),
    ),
};

/**
 * Fields in which a running guest still differs after everything was applied that libvirt can apply live. A guest
 * started from exactly this definition differs in nothing, whatever libvirt made of the numbers: otherwise
 * `updatePolicy: Restart` could restart it for ever.
 */
export function awaitingRestart(domain: DomainSnapshot, wanted: MachineDefinition): string[] {
  if (!domain.live || domain.runningHash === wanted.definitionHash) return [];
  const live = domain.live;
  return Object.entries(differences)
    .filter(([, differs]) => differs(live, wanted, domain.machineUid))
    .map(([field]) => field);
}
