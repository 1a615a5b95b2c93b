/** A world as lines that are the same for two worlds in which the same was asked for, however they came there. */
import type { Disk, Machine } from '../../../src/resources/kinds.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { canonicalJson } from '../../../src/values/hash.ts';
import { bridgeName, tapName } from '../../../src/values/links.ts';
import { bytesOf } from '../generator/quantities.ts';
import type { Sight } from '../ground.ts';
import { type Cluster, nameOf } from './cluster.ts';
import type { HostPicture } from './picture.ts';

/**
 * What may rightly differ is left out: times and versions; UIDs, MACs and allocated addresses (by whose they are);
 * targets of disks, which a disk keeps; taps of a guest that is off, which keeps those it has; the running hardware where the status says that it waits for a restart; a Disk
 * whose entry was taken out of its Machine, because data is never removed for that.
 */
export function likenessOf({ cluster, picture }: Sight): string[] {
  const waiting = new Set(
    cluster.all('Machine').flatMap(({ metadata, status }) => (status?.restartRequired ? metadata.uid : [])),
  );
  const detached = new Set(detachedDisks(cluster).map(({ metadata }) => metadata.uid));
  const held = disksOnlyHeld(picture);
  const seen = [
    ...cluster.objects
      .filter(({ metadata }) => !detached.has(metadata.uid))
      .map((object): [string, unknown] => [
        nameOf(object),
        held.has(object.metadata.uid) ? { ...told(object), claim: undefined } : told(object),
      ]),
    ...pictureParts(picture, waiting, detached),
  ];
  const names = pseudonyms(cluster);
  return seen
    .flatMap(([what, value]) => leaves(what, value))
    .map((line) => rename(line, names))
    .sort();
}

/** A line for each value; a list is a set of lines, because in which order things are on a host tells nothing. */
function leaves(place: string, value: unknown): string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${place}: none`];
    return value.map((item) => `${place}: ${typeof item === 'string' ? item : canonicalJson(item)}`);
  }
  if (typeof value !== 'object' || value === null) return [`${place}: ${String(value)}`];
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .flatMap(([name, member]) => leaves(`${place} ${name}`, member));
}

/** Disks that a running guest has and its definition does not: their claims end with the run. */
const disksOnlyHeld = ({ domains }: HostPicture): ReadonlySet<string> =>
  new Set(
    domains.flatMap(({ config, live }) =>
      (live?.disks ?? [])
        .map(({ diskUid }) => diskUid)
        .filter((uid) => !config?.disks.some(({ diskUid }) => diskUid === uid)),
    ),
  );

/** Disks whose entry was taken out of their Machine. */
export const detachedDisks = (cluster: Cluster): Disk[] =>
  cluster.all('Disk').filter(({ metadata }) => {
    const owner = cluster.byUid(metadata.ownerReferences?.[0]?.uid ?? '') as Machine | undefined;
    return (
      owner &&
      !owner.spec.disks?.some(
        ({ name, template }) => template && `${owner.metadata.name}-${name}` === metadata.name,
      )
    );
  });

/** Fields of a status that say when and where, and what else is on the host. */
const passing = new Set(['observedGeneration', 'restartRequired', 'allocatable', 'agentUid', 'machines']);

/** An object without what passes. */
function told({ kind, metadata, spec, status }: Resource): Record<string, unknown> {
  const { conditions = [], ...fields } = (status ?? {}) as {
    conditions?: { type: string; status: string; reason: string; message: string }[];
    [field: string]: unknown;
  };
  const lasting = Object.entries(fields).filter(([name]) => !passing.has(name));
  return {
    // However its template spells the size.
    spec:
      kind === 'Disk' ? { ...(spec as object), size: bytesOf((spec as Disk['spec']).size) } : (spec ?? null),
    finalizers: metadata.finalizers ?? [],
    owners: (metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind} ${name}`),
    deleting: metadata.deletionTimestamp !== undefined,
    ...Object.fromEntries(lasting),
    conditions: conditions
      .filter(({ type }) => type !== 'RestartRequired')
      .map(({ type, status: holds, reason, message }) => `${type}=${holds} ${reason}: ${message}`)
      .sort(),
  };
}

/** The host by parts, each under the name of what it is. */
function pictureParts(
  { domains, disks, segments, ports, seeds, images }: HostPicture,
  waiting: ReadonlySet<string>,
  detached: ReadonlySet<string>,
): [string, unknown][] {
  const used = new Set(domains.flatMap(({ live }) => (live?.interfaces ?? []).map(({ tap }) => tap)));
  return [
    ...domains.map(({ machineUid, live, ...domain }): [string, unknown] => [
      `domain of ${machineUid}`,
      { ...domain, live: waiting.has(machineUid) ? 'waits for a restart' : live },
    ]),
    ...disks
      .filter(({ diskUid }) => !detached.has(diskUid))
      .map(({ diskUid, ...disk }): [string, unknown] => [`file of ${diskUid}`, disk]),
    ...segments.map(({ subnetUid, ...segment }): [string, unknown] => [`segment of ${subnetUid}`, segment]),
    ...ports
      .filter(({ tap }) => used.has(tap))
      .map(({ tap, ...port }): [string, unknown] => [`port ${tap}`, port]),
    ...seeds.map(({ machineUid, ...seed }): [string, unknown] => [`seed of ${machineUid}`, seed]),
    ...images.map(({ imageUid, ...image }): [string, unknown] => [`cached ${imageUid}`, image]),
  ];
}

/** What differs in every world, by what it is here. */
function pseudonyms(cluster: Cluster): Map<string, string> {
  const names = new Map<string, string>();
  for (const { metadata, ...object } of cluster.objects) {
    names.set(metadata.uid, `<${nameOf({ metadata, ...object })}>`);
    if (object.kind === 'Subnet') names.set(bridgeName(metadata.uid), `<bridge of ${metadata.name}>`);
  }
  for (const { spec, metadata } of cluster.all('Machine')) {
    names.set(`machine-${metadata.uid}`, `machine-<${metadata.name}>`);
    for (const { name } of spec.interfaces ?? [])
      names.set(tapName(metadata.uid, name), `<tap of ${metadata.name} ${name}>`);
  }
  for (const { spec, metadata } of cluster.all('IPAddress')) {
    const whose = `${spec.machineRef.name} ${spec.interface}`;
    names.set(spec.macAddress, `<MAC of ${whose}>`);
    const entry = cluster
      .find('Machine', spec.machineRef.name)
      ?.spec.interfaces?.find(({ name }) => name === spec.interface);
    if (entry?.address !== undefined) continue;
    names.set(metadata.name, `<address object of ${whose}>`);
    names.set(spec.address, `<address of ${whose}>`);
  }
  return names;
}

/** Longer names first: one may be a part of another. */
const rename = (line: string, names: ReadonlyMap<string, string>): string =>
  [...names]
    .sort(([a], [b]) => b.length - a.length)
    .reduce(
      (text, [name, pseudonym]) => text.replaceAll(new RegExp(`\\b${escaped(name)}\\b`, 'g'), pseudonym),
      line,
    );

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Lines that only one of two likenesses has; hardware that waits for a restart in one of them is not compared. */
export function unlike(wanted: readonly string[], found: readonly string[]): string[] {
  const waiting = [...wanted, ...found].flatMap((line) =>
    line.endsWith(WAITS) ? line.slice(0, -WAITS.length) : [],
  );
  const counts = (line: string): boolean => !waiting.some((start) => line.startsWith(start));
  const [here, there] = [new Set(wanted), new Set(found)];
  return [
    ...wanted.filter((line) => !there.has(line) && counts(line)).map((line) => `missing: ${line}`),
    ...found.filter((line) => !here.has(line) && counts(line)).map((line) => `instead: ${line}`),
  ];
}

const WAITS = ': waits for a restart';
