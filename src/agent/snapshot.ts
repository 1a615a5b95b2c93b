import { type DomainConfig, type DomainDisk, diskSerial } from '../host/libvirt/domain-spec.ts';
import type { DomainListing, ObservedDomain, ShutdownRequest } from '../host/libvirt/hypervisor-port.ts';
import type { Storage } from '../host/ports/storage.ts';
import type {
  DomainHardware,
  DomainSnapshot,
  NetworkSnapshot,
  OrderResult,
  StorageSnapshot,
} from '../plan/snapshot.ts';
import type { SnapshotContent } from '../queue/snapshot-fields.ts';

/** What never changes while the agent runs. */
export type HostIdentity = Pick<SnapshotContent, 'hostName' | 'agentUid' | 'bootId' | 'facts'>;

/** Everything that a snapshot is made of; a part is missing until it was listed once. */
export interface Listings {
  domains?: DomainListing | undefined;
  network?: NetworkSnapshot | undefined;
  storage?: StorageSnapshot | undefined;
  /** Every part's last listing succeeded. */
  complete: boolean;
  epoch: number;
  earlierOrdersEnded: boolean;
  results: ReadonlyMap<string, OrderResult>;
  removed: Record<string, number>;
  /** Taps that running guests have and do not hold. */
  unplugged: ReadonlySet<string>;
  /** When all this is put together, in milliseconds since the host was started. */
  uptimeMs: number;
}

/** Puts the listings together, keyed by the UIDs of the owners. */
export function assembleSnapshot(
  host: HostIdentity,
  {
    domains,
    network,
    storage,
    complete,
    epoch,
    earlierOrdersEnded,
    results,
    removed,
    unplugged,
    uptimeMs,
  }: Listings,
  diskPath: Storage['diskPath'],
): SnapshotContent {
  const names = { diskPath, bySerial: bySerial(storage) };
  return {
    ...host,
    complete,
    epoch,
    earlierOrdersEnded,
    domains: keyed(
      (domains?.domains ?? []).map((domain) => describeDomain(domain, { ...names, unplugged, uptimeMs })),
      ({ machineUid }) => machineUid,
    ),
    foreignDomains: domains?.foreign ?? 0,
    disks: keyed(storage?.disks ?? [], ({ diskUid }) => diskUid),
    images: keyed(storage?.images ?? [], ({ imageUid }) => imageUid),
    seeds: Object.fromEntries((storage?.seeds ?? []).map(({ machineUid, hash }) => [machineUid, hash])),
    segments: keyed(network?.segments ?? [], ({ subnetUid }) => subnetUid),
    ports: keyed(network?.ports ?? [], ({ tap }) => tap),
    hostCidrs: network?.hostCidrs ?? [],
    storage: { freeBytes: storage?.freeBytes ?? 0, totalBytes: storage?.totalBytes ?? 0 },
    results: Object.fromEntries(results),
    removed,
  };
}

/**
 * A domain in the words of the planners: `definitionHash` is of the next start; the restart token and the pending
 * shutdown are of the present run.
 */
export function describeDomain(
  domain: ObservedDomain,
  { unplugged, uptimeMs, ...names }: DiskNames & Pick<Listings, 'unplugged' | 'uptimeMs'>,
): DomainSnapshot {
  const { uuid, stopCause, config, live, saved, pauseCause } = domain;
  // Paused while it starts, migrates or is saved: that ends by itself, and is no state to act on.
  const power = domain.power === 'paused' && pauseCause === 'passing' ? 'running' : domain.power;
  const { definitionHash } = config?.metadata ?? {};
  const request = shutdownRequestOf(domain);
  return {
    machineUid: uuid,
    power,
    persistent: config !== undefined,
    ...(stopCause !== undefined && { stopCause }),
    ...(config && { config: describeHardware(config, names) }),
    ...(live && { live: describeHardware(live, names, unplugged) }),
    ...(saved && { saved: describeHardware(saved, names) }),
    ...(definitionHash !== undefined && { definitionHash }),
    // A run that was started without a token satisfies none, which is not the same as being unknown.
    ...(live?.metadata && { restartToken: live.metadata.restartToken ?? '' }),
    ...(request && { shutdown: { graceMs: request.graceMs, overdue: dueAt(request) <= uptimeMs } }),
  };
}

/** What the guest was asked and has not done yet. */
const shutdownRequestOf = ({ live }: ObservedDomain): ShutdownRequest | undefined => {
  const { shutdownRequestedAt: requestedAt, shutdownGraceMs: graceMs = 0 } = live?.metadata ?? {};
  return requestedAt === undefined ? undefined : { requestedAt, graceMs };
};

const dueAt = ({ requestedAt, graceMs }: ShutdownRequest): number => requestedAt + graceMs;

/** When the next grace period ends, in milliseconds since the host was started; undefined when none runs. */
export function nextShutdownDue(domains: readonly ObservedDomain[], uptimeMs: number): number | undefined {
  const due = domains.flatMap((domain) => {
    const request = shutdownRequestOf(domain);
    return request ? [dueAt(request)] : [];
  });
  const ahead = due.filter((each) => each > uptimeMs);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

function describeHardware(
  config: DomainConfig,
  names: DiskNames,
  unplugged: ReadonlySet<string> = new Set(),
): DomainHardware {
  return {
    cpus: config.cpus,
    maxCpus: config.maxCpus,
    // The balloon moves what the guest may use now; the hardware is what it was started with.
    memoryBytes: config.maxMemoryBytes,
    disks: config.disks.map((disk) => {
      const { target, path } = disk;
      const diskUid = diskUidOf(disk, names);
      if (diskUid === undefined) return { target };
      return { target, diskUid, ...(path !== names.diskPath(diskUid) && { redirectedTo: path }) };
    }),
    interfaces: config.interfaces.map(({ tap, macAddress, mtu, link }) => ({
      tap,
      macAddress,
      ...(mtu !== undefined && { mtu }),
      ...(link && { link }),
      ...(unplugged.has(tap) && { unplugged: true }),
    })),
  };
}

const uuidPattern = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** How the disk of a domain is told to be a Disk. */
export interface DiskNames {
  diskPath: Storage['diskPath'];
  /** Of the disks that the storage has: a serial is too short for a UID. */
  bySerial: ReadonlyMap<string, string>;
}

const bySerial = (storage: StorageSnapshot | undefined): ReadonlyMap<string, string> =>
  new Map((storage?.disks ?? []).map(({ diskUid }) => [diskSerial(diskUid), diskUid]));

/**
 * By the file that the storage made, wherever in the chain it is; by the serial where a block copy has left no trace of
 * that file.
 */
function diskUidOf(disk: DomainDisk, { diskPath, bySerial: known }: DiskNames): string | undefined {
  const files = [disk.path, ...(disk.otherFiles ?? [])];
  return (
    files.map((path) => uidIn(path, diskPath)).find((uid) => uid !== undefined) ?? known.get(disk.serial)
  );
}

/** The UID in the path for which the storage gives that very path: it alone knows how paths are made. */
const uidIn = (path: string, diskPath: Storage['diskPath']): string | undefined =>
  path.match(uuidPattern)?.find((uid) => diskPath(uid) === path);

const keyed = <Value>(values: readonly Value[], key: (value: Value) => string): Record<string, Value> =>
  Object.fromEntries(values.map((value) => [key(value), value]));
