import type { HostSnapshot } from '../plan/snapshot.ts';

/** A snapshot as fields of a Redis hash: one per object, so that a change costs what it changes. */
export type SnapshotFields = ReadonlyMap<string, string>;

/** What changes beside the numbering; the publisher adds incarnation and sequence. */
export type SnapshotContent = Omit<HostSnapshot, 'incarnation' | 'sequence'>;

const parts = ['domains', 'disks', 'images', 'seeds', 'segments', 'ports', 'results', 'removed'] as const;
type Part = (typeof parts)[number];
type Meta = Omit<SnapshotContent, Part>;

/** Field that holds `<incarnation>/<sequence>`. */
export const versionField = 'version';
/** Field that holds the host's public key for sealing, PEM. */
export const sealingKeyField = 'sealingKey';
const metaField = 'meta';

export interface Version {
  incarnation: string;
  sequence: number;
}

export const writeVersion = ({ incarnation, sequence }: Version): string => `${incarnation}/${sequence}`;

export function readVersion(text: string): Version {
  const slash = text.lastIndexOf('/');
  return { incarnation: text.slice(0, slash), sequence: Number(text.slice(slash + 1)) };
}

/**
 * An incarnation is `<start>.<uuid>`: the how-manieth start of this agent, as it counts itself on its disk. So a
 * publication of an earlier life, out of an older copy of Redis, is known for what it is.
 */
export const incarnationOf = (start: number, uuid: string): string => `${start}.${uuid}`;

/** NaN when it is none of ours. */
const startOf = (incarnation: string): number => Number.parseInt(incarnation, 10);

/** The start that a publication was made in; 0 when there is none, or none that counts. */
export function publishedStart(published: Pick<Version, 'incarnation'> | undefined): number {
  const start = published ? startOf(published.incarnation) : 0;
  return Number.isSafeInteger(start) && start > 0 ? start : 0;
}

/** Whether `found` was published before `known`, as far as can be told. */
export function isEarlier(found: Version, known: Version): boolean {
  if (found.incarnation === known.incarnation) return found.sequence < known.sequence;
  return startOf(found.incarnation) < startOf(known.incarnation);
}

export function toFields(content: SnapshotContent): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of parts) {
    for (const [key, value] of Object.entries(content[part])) {
      fields.set(`${part}/${key}`, JSON.stringify(value));
    }
  }
  const meta = Object.entries(content).filter(([name]) => !(parts as readonly string[]).includes(name));
  fields.set(metaField, JSON.stringify(Object.fromEntries(meta)));
  return fields;
}

/** @throws when a field is not JSON or there is no `meta` */
export function fromFields(fields: Iterable<[string, string]>, version: Version): HostSnapshot {
  const records = Object.fromEntries(parts.map((part) => [part, {} as Record<string, unknown>]));
  let meta: Meta | undefined;
  for (const [field, value] of fields) {
    const { part, key } = split(field);
    if (part) (records[part] as Record<string, unknown>)[key] = JSON.parse(value);
    else if (field === metaField) meta = JSON.parse(value) as Meta;
  }
  if (meta === undefined) throw new Error('the snapshot has no meta');
  return { ...meta, ...records, ...version } as HostSnapshot;
}

export interface FieldChange {
  set: Record<string, string>;
  removed: string[];
}

export function difference(before: SnapshotFields, after: SnapshotFields): FieldChange {
  const set: Record<string, string> = {};
  for (const [field, value] of after) if (before.get(field) !== value) set[field] = value;
  return { set, removed: [...before.keys()].filter((field) => !after.has(field)) };
}

export const isNoChange = ({ set, removed }: FieldChange): boolean =>
  removed.length === 0 && Object.keys(set).length === 0;

/** The snapshot after a change; the one before stays as it is, for whoever plans from it. */
export function applyChange(snapshot: HostSnapshot, change: FieldChange, version: Version): HostSnapshot {
  const next: Record<string, unknown> = { ...snapshot, ...version };
  const copied = new Set<Part>();
  const copyOf = (part: Part): Record<string, unknown> => {
    if (!copied.has(part)) next[part] = { ...snapshot[part] };
    copied.add(part);
    return next[part] as Record<string, unknown>;
  };
  for (const [field, value] of Object.entries(change.set)) {
    const { part, key } = split(field);
    if (part) copyOf(part)[key] = JSON.parse(value);
    else if (field === metaField) Object.assign(next, JSON.parse(value));
  }
  for (const field of change.removed) {
    const { part, key } = split(field);
    if (part) delete copyOf(part)[key];
  }
  return next as unknown as HostSnapshot;
}

/**
 * UIDs of the objects whose plan may come out differently, or `all` when something changed that every plan depends
 * on. An empty set: only figures of the host itself.
 */
export function changedUids(
  before: HostSnapshot,
  after: HostSnapshot,
  change: FieldChange,
): Set<string> | 'all' {
  const forAll = ({ incarnation, complete, epoch, hostCidrs }: HostSnapshot): string =>
    JSON.stringify({ incarnation, complete, epoch, hostCidrs });
  if (forAll(before) !== forAll(after)) return 'all';
  const uids = new Set<string>();
  for (const field of [...Object.keys(change.set), ...change.removed]) {
    const { part, key } = split(field);
    if (part === 'ports') {
      for (const port of [before.ports[key], after.ports[key]]) {
        if (port) uids.add(port.machineUid).add(port.subnetUid);
      }
    } else if (part) uids.add(key);
    if (part === 'domains') for (const uid of disksOf(before, key).concat(disksOf(after, key))) uids.add(uid);
  }
  return uids;
}

/** Whoever has a disk open keeps others from it. */
const disksOf = ({ domains }: HostSnapshot, uuid: string): string[] => {
  const { config, live, saved } = domains[uuid] ?? {};
  return [config, live, saved].flatMap(
    (hardware) => hardware?.disks.flatMap(({ diskUid }) => diskUid ?? []) ?? [],
  );
};

function split(field: string): { part?: Part; key: string } {
  const slash = field.indexOf('/');
  const part = parts.find((each) => each === field.slice(0, slash));
  return part ? { part, key: field.slice(slash + 1) } : { key: field };
}
