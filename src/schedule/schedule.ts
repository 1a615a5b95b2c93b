import type { Host } from '../resources/kinds.ts';
import type { HostView } from '../plan/kind.ts';
import { deleting } from '../resources/metadata.ts';
import { approximateBytes } from '../values/quantity.ts';

/** What a Machine asks of a host. */
export interface Demand {
  cpus: number;
  memoryBytes: number;
  hostLabels: Record<string, string>;
  /** Hosts that already hold one of its disks; a disk cannot move. */
  diskHosts: string[];
}

/** A host that may be chosen, with what is already promised to others. */
export interface Candidate {
  view: HostView;
  host: Host | undefined;
  promised: { cpus: number; memoryBytes: number };
}

/** How many virtual CPUs a host lends for each of its own; memory is never lent twice. */
export const CPU_OVERCOMMIT = 32;

/** Kept for the host itself: one sixteenth of its memory. */
export const reservedBytes = (memoryBytes: number): number => Math.floor(memoryBytes / 16);

type Filter = (candidate: Candidate, demand: Demand) => string | undefined;

const registered: Filter = ({ host }) => (host && !deleting(host) ? undefined : 'it is not registered');

const reachable: Filter = ({ view }) =>
  view.alive && view.snapshot !== 'unknown' ? undefined : 'its agent does not answer';

const schedulable: Filter = ({ host }) => (host?.spec?.unschedulable ? 'it is cordoned' : undefined);

const labelled: Filter = ({ host }, { hostLabels }) => {
  const missing = Object.entries(hostLabels).find(([key, value]) => host?.metadata.labels?.[key] !== value);
  return missing && `it lacks the label ${missing[0]}=${missing[1]}`;
};

const holdsDisks: Filter = ({ view }, { diskHosts }) => {
  const elsewhere = diskHosts.find((name) => name !== view.name);
  return elsewhere && `a disk of the Machine is on host ${elsewhere}`;
};

const enoughCpus: Filter = ({ view, promised }, { cpus }) => {
  if (view.snapshot === 'unknown') return undefined;
  const free = view.snapshot.facts.cpus * CPU_OVERCOMMIT - promised.cpus;
  return cpus <= free ? undefined : `${cpus} CPUs asked, ${Math.max(0, free)} left`;
};

const memoryOf = ({ snapshot }: HostView): number =>
  snapshot === 'unknown' ? 0 : snapshot.facts.memoryBytes;

const enoughMemory: Filter = ({ view, promised }, { memoryBytes }) => {
  const total = memoryOf(view);
  const free = total - reservedBytes(total) - promised.memoryBytes;
  if (memoryBytes <= free) return undefined;
  return `${approximateBytes(memoryBytes)} of memory asked, ${approximateBytes(Math.max(0, free))} left`;
};

const filters: Filter[] = [
  registered,
  reachable,
  schedulable,
  labelled,
  holdsDisks,
  enoughCpus,
  enoughMemory,
];

/** The chosen host, or why each host was passed over. */
export type Decision = { hostName: string } | { reasons: { hostName: string; because: string }[] };

/** The host with the most memory left of those that pass every filter; ties by name, so that the choice is stable. */
export function chooseHost(candidates: readonly Candidate[], demand: Demand): Decision {
  const reasons: { hostName: string; because: string }[] = [];
  const fitting: Candidate[] = [];
  for (const candidate of candidates) {
    const because = filters.map((filter) => filter(candidate, demand)).find((reason) => reason !== undefined);
    if (because === undefined) fitting.push(candidate);
    else reasons.push({ hostName: candidate.view.name, because });
  }
  const chosen = fitting.sort(
    (a, b) => freeMemory(b) - freeMemory(a) || (a.view.name < b.view.name ? -1 : 1),
  )[0];
  return chosen ? { hostName: chosen.view.name } : { reasons };
}

const freeMemory = ({ view, promised }: Candidate): number => memoryOf(view) - promised.memoryBytes;
