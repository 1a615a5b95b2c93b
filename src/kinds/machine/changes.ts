import type { MachineDefinition } from '../../plan/actions.ts';
import type { DomainHardware, DomainInterface, DomainSnapshot } from '../../plan/snapshot.ts';
import { tapName } from '../../values/links.ts';
import { MEBIBYTE } from '../../values/quantity.ts';

type Difference = (has: DomainHardware, wanted: MachineDefinition, machineUid: string) => boolean;

const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((member) => b.includes(member));

/** What a domain can differ in, by the spec field that a user would look for. */
const differences: Record<string, Difference> = {
  'spec.cpus': (has, wanted) => has.cpus !== wanted.cpus,
  // libvirt may round it, though never by as much as a user can ask for.
  'spec.memory': (has, wanted) => Math.abs(has.memoryBytes - wanted.memoryBytes) >= MEBIBYTE,
  'spec.disks': (has, wanted) =>
    !sameMembers(
      has.disks.flatMap(({ diskUid }) => diskUid ?? []),
      wanted.disks.map(({ diskUid }) => diskUid),
    ),
  'spec.interfaces': (has, wanted, machineUid) =>
    !sameMembers(
      has.interfaces.map(({ tap }) => tap),
      wanted.interfaces.map(({ name }) => tapName(machineUid, name)),
    ),
};

const fieldsThatDiffer = (
  has: DomainHardware | undefined,
  wanted: MachineDefinition,
  machineUid: string,
): string[] =>
  has === undefined
    ? []
    : Object.entries(differences)
        .filter(
          ([field, differs]) =>
            differs(has, wanted, machineUid) || (field === 'spec.interfaces' && anotherMtu(has, wanted)),
        )
        .map(([field]) => field);

/**
 * Fields in which the definition is not what was defined: somebody edited it (`virsh edit`), which leaves the hash as
 * it was. The next start would bring that.
 */
export function editedByHand({ config, machineUid }: DomainSnapshot, wanted: MachineDefinition): string[] {
  return fieldsThatDiffer(config, wanted, machineUid);
}

/**
 * Fields that libvirt can still bring nearer to the spec while the guest runs: an attempt that was cut short, by a crash
 * of the agent say, leaves the definition as wanted and the guest halfway.
 */
export function changeableLive(domain: DomainSnapshot, wanted: MachineDefinition): string[] {
  const { live, machineUid } = domain;
  if (!live) return [];
  const devices = ['spec.disks', 'spec.interfaces'].filter((field) =>
    differences[field]?.(live, wanted, machineUid),
  );
  return live.cpus < Math.min(wanted.cpus, live.maxCpus) ? ['spec.cpus', ...devices] : devices;
}

/**
 * Fields in which a running guest still differs after everything was applied that libvirt can apply live. What it was
 * started from does not tell: a CPU added since stays when the spec goes back to fewer.
 */
export function awaitingRestart({ live, machineUid }: DomainSnapshot, wanted: MachineDefinition): string[] {
  return fieldsThatDiffer(live, wanted, machineUid);
}

/**
 * Cut off from a tap that was made anew, which only a card that is plugged anew holds; one whose link an operator took
 * down is left as it is.
 */
export const isUnplugged = ({ unplugged, link }: DomainInterface): boolean =>
  unplugged === true && link !== 'down';

/** The Subnet of an interface has another MTU since: a card keeps the one that it was made for. */
const anotherMtu = (has: DomainHardware, wanted: MachineDefinition): boolean =>
  wanted.interfaces.some(({ macAddress, mtu }) =>
    has.interfaces.some((each) => each.macAddress === macAddress && (each.mtu ?? mtu) !== mtu),
  );
