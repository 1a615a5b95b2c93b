/** Which faults there are to try, and which of them go into one life. */
import type { Surveyed } from './clean-lives.ts';
import type { Course } from './courses.ts';
import { type Boundary, type Fault, type FaultName, textOf } from './faults.ts';

/** A boundary that depends on who is faster is tried again in another life. */
const attempts = 10;

/** Everything that can go wrong in the phases that a course disturbs. */
export const faultsOf = ({ course, clean }: Surveyed): Fault[] =>
  clean.boundaries
    .filter(isDisturbed(course))
    .flatMap((boundary) => kindsAt(boundary).map((kind) => ({ boundary, kind })));

/** Boundaries at which something could go wrong too, but which are not to be met in every life. */
export const notPlanned = ({ course, clean }: Surveyed): Boundary[] =>
  clean.sometimes.filter(isDisturbed(course));

const isDisturbed =
  ({ disturbed }: Course) =>
  ({ phase }: Boundary): boolean =>
    disturbed.some(({ name }) => name === phase);

/** What can go wrong at a boundary depends on what is called there. */
function kindsAt({ course, name, phase }: Boundary): FaultName[] {
  const [, port = '', method = ''] =
    /\b(hypervisor|network|storage|fence|orders|api)\.(\w+)/.exec(name) ?? [];
  const kinds: FaultName[] = ['killed before', 'killed after'];
  switch (port) {
    case 'hypervisor':
      kinds.push('failed before', 'failed after', 'done twice', 'libvirtd killed', 'disk full');
      break;
    case 'network':
    case 'storage':
      kinds.push('failed before', 'failed after', 'done twice', 'disk full');
      break;
    case 'fence':
      kinds.push('failed before', 'disk full');
      if (name.startsWith('Machine/')) kinds.push('clock ahead', 'clock back');
      break;
    case 'orders':
      kinds.push('Redis flushed', 'Redis older');
      if (method === 'put')
        kinds.push('failed before', 'failed after', 'done twice', 'clock ahead', 'clock back');
      break;
    case 'api':
      kinds.push('failed before', 'failed after', 'done twice');
      break;
  }
  if (whileMade.has(`${course}: ${phase}`)) kinds.push('deleted before', 'deleted after');
  if (freezing.has(`${phase}: ${name}`)) kinds.push('frozen before', 'frozen after');
  return kinds;
}

/** What only makes one call go wrong leaves room for others of its kind in the same phase. */
const gentle: ReadonlySet<FaultName> = new Set(['failed before', 'failed after', 'done twice']);
const gentleInOnePhase = 4;

/** Phases in which a user may think better of it. */
const whileMade = new Set(['short: image and subnet', 'short: create']);

/** A frozen process costs three quarters of a minute, so only some are: one for each way to be late. */
const freezing = new Set([
  'create: Disk/web-root disk.create storage.createDisk',
  'create: Machine/web machine.start hypervisor.startDomain',
  'delete: Machine/web machine.delete hypervisor.undefineDomain',
  'create: disks/web-root api.status claim+hostName',
  'create: placements/machine-UID api.create',
  'create: Machine/web machine.start orders.put',
  'delete: machines/web api.patch finalizers=0',
  'delete: Disk/web-root disk.delete orders.put',
]);

/**
 * Faults by phase. A life has room for something in each of its phases, since every phase is judged by itself: for one
 * fault, or for a few gentle ones.
 */
export class Plan {
  /** Phase → what may go wrong together. */
  readonly #waiting = new Map<string, Fault[][]>();
  readonly #attempts = new Map<string, number>();
  readonly size: number;

  constructor(faults: readonly Fault[]) {
    this.size = faults.length;
    for (const fault of faults) this.putBack(fault, 'in company');
  }

  /** Phase → the faults in it; empty when nothing is left. */
  nextLife(): Map<string, readonly Fault[]> {
    const life = new Map<string, readonly Fault[]>();
    for (const [phase, groups] of this.#waiting) {
      const group = groups.shift();
      if (group) life.set(phase, group);
    }
    return life;
  }

  /** The fault is for another life. */
  putBack(fault: Fault, how: 'alone' | 'in company'): void {
    const groups = this.#waiting.get(fault.boundary.phase) ?? [];
    this.#waiting.set(fault.boundary.phase, groups);
    const company = how === 'in company' ? groups.find((group) => haveRoomFor(fault, group)) : undefined;
    if (company) company.push(fault);
    else groups.push([fault]);
  }

  /** Its boundary was not reached. @returns whether it is tried in another life */
  again(fault: Fault): boolean {
    const count = (this.#attempts.get(textOf(fault)) ?? 1) + 1;
    this.#attempts.set(textOf(fault), count);
    if (count <= attempts) this.putBack(fault, 'alone');
    return count <= attempts;
  }
}

const haveRoomFor = (fault: Fault, group: readonly Fault[]): boolean =>
  gentle.has(fault.kind) &&
  group.length < gentleInOnePhase &&
  group.every(({ kind, boundary }) => gentle.has(kind) && boundary.name !== fault.boundary.name);
