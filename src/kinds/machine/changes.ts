import type { MachineDefinition } from '../../plan/actions.ts';
import type { DomainHardware, DomainInterface, DomainSnapshot } from '../../plan/snapshot.ts';
import { tapName } from '../../values/links.ts';

type Difference = (live: DomainHardware, wanted: MachineDefinition, domain: DomainSnapshot) => boolean;

const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((member) => b.includes(member));

/** What a running guest can differ in, by the spec field that a user would look for. */
const differences: Record<string, Difference> = {
  'spec.cpus': (live, wanted) => live.cpus !== wanted.cpus,
  // A guest started from exactly this definition has its memory, whatever libvirt made of the number: otherwise
  // `updatePolicy: Restart` could restart it for ever.
  'spec.memory': (live, wanted, { runningHash }) =>
    live.memoryBytes !== wanted.memoryBytes && runningHash !== wanted.definitionHash,
  'spec.disks': (live, wanted) =>
    !sameMembers(
      live.disks.flatMap(({ diskUid }) => diskUid ?? []),
      wanted.disks.map(({ diskUid }) => diskUid),
    ),
  'spec.interfaces': (live, wanted, { machineUid }) =>
    !sameMembers(
      live.interfaces.map(({ tap }) => tap),
      wanted.interfaces.map(({ name }) => tapName(machineUid, name)),
    ),
};

/**
 * Fields that libvirt can still bring nearer to the spec while the guest runs: an attempt that was cut short, by a crash
 * of the agent say, leaves the definition as wanted and the guest halfway.
 */
export function changeableLive(domain: DomainSnapshot, wanted: MachineDefinition): string[] {
  const { live } = domain;
  if (!live) return [];
  const devices = ['spec.disks', 'spec.interfaces'].filter((field) =>
    differences[field]?.(live, wanted, domain),
  );
  return live.cpus < Math.min(wanted.cpus, live.maxCpus) ? ['spec.cpus', ...devices] : devices;
}

/**
 * Fields in which a running guest still differs after everything was applied that libvirt can apply live. What it was
 * started from does not tell: a CPU added since stays when the spec goes back to fewer.
 */
export function awaitingRestart(domain: DomainSnapshot, wanted: MachineDefinition): string[] {
  const { live } = domain;
  if (!live) return [];
  return Object.entries(differences)
    .filter(
      ([field, differs]) =>
        differs(live, wanted, domain) || (field === 'spec.interfaces' && anotherMtu(live, wanted)),
    )
    .map(([field]) => field);
}

/**
 * Cut off from a tap that was made anew, which only a card that is plugged anew holds; one whose link an operator took
 * down is left as it is.
 */
export const isUnplugged = ({ unplugged, link }: DomainInterface): boolean =>
  unplugged === true && link !== 'down';

/** The Subnet of an interface has another MTU since: a card keeps the one that it was made for. */
const anotherMtu = (live: DomainHardware, wanted: MachineDefinition): boolean =>
  wanted.interfaces.some(({ macAddress, mtu }) =>
    live.interfaces.some((each) => each.macAddress === macAddress && (each.mtu ?? mtu) !== mtu),
  );
