import type { HostView } from '../../plan/kind.ts';
import { knownHosts } from '../../plan/known-hosts.ts';
import { type Outcome, act, blocked, settled, waiting } from '../../plan/outcome.ts';
import { claimFinalizer, releaseFinalizer, removeFrom } from '../../plan/removal.ts';
import { awaitsDisks } from '../../plan/redirected.ts';
import type { DiskSnapshot, HostSnapshot } from '../../plan/snapshot.ts';
import { earlierOrderUnderway } from '../../plan/underway.ts';
import { domainsUsing, hostNameOf } from '../../plan/whereabouts.ts';
import { readyMessage } from '../../resources/conditions.ts';
import type { Disk, Image, Machine } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { diskName } from '../../values/names.ts';
import { diskBytes, formatBytes } from '../../values/quantity.ts';

export interface DiskInput {
  disk: Disk;
  hosts: HostView[];
  /** The Image of `spec.source.imageRef`, if it exists. */
  image: Image | undefined;
  /** The Machine that holds the claim, by UID; `gone` when no such object exists any more. */
  claimant: Machine | 'gone' | undefined;
}

/** Claimed or bound to a host, made there, grown there; removed when no domain can have it open. */
export function planDisk(input: DiskInput): Outcome {
  const { disk, hosts } = input;
  const hostName = hostNameOf(disk, hosts);
  const host = hosts.find(({ name }) => name === hostName);
  const release = releaseStaleClaim(input, host);
  if (release) return release;
  if (host && disk.status?.hostName === undefined) return bindAgain(host);
  if (deleting(disk)) return planRemoval(input, host);
  const finalizer = claimFinalizer(disk);
  if (finalizer) return finalizer;
  if (disk.status?.hostName === undefined) return planBinding(disk, hosts);
  if (!host) {
    return blocked(
      'HostGone',
      `host ${disk.status.hostName}, which had the data, has no Host any more: start its agent again, or delete the Disk`,
    );
  }
  if (host.snapshot === 'unknown') {
    return waiting('HostUnknown', `a complete snapshot of host ${disk.status.hostName}`, 5_000);
  }
  const file = host.snapshot.disks[disk.metadata.uid];
  return file ? planGrowth(disk, host, file) : planCreation(input, host);
}

/** Its data is there, although the store does not say so: the store was restored from a backup. */
const bindAgain = ({ name }: HostView): Outcome =>
  act(
    { on: 'api', action: { name: 'api.bindDisk', hostName: name } },
    { reason: 'Bound', because: `host ${name} has the data of the disk already`, adopts: true },
  );

function planBinding(disk: Disk, hosts: HostView[]): Outcome {
  if (disk.spec.bindingMode === 'WaitForFirstConsumer') {
    return waiting('WaitingForFirstConsumer', 'a Host is chosen with the first Machine that uses the disk');
  }
  const known = knownHosts(hosts, disk.metadata.uid).flatMap(({ name, alive, snapshot }) =>
    alive ? [{ name, freeBytes: snapshot.storage.freeBytes }] : [],
  );
  const chosen = known.sort((a, b) => b.freeBytes - a.freeBytes)[0];
  if (!chosen) return waiting('NoHost', 'no host has reported yet; start an agent (purlin up does)', 5_000);
  return act(
    { on: 'api', action: { name: 'api.bindDisk', hostName: chosen.name } },
    { reason: 'Bound', because: `host ${chosen.name} has the most free space` },
  );
}

function planCreation({ disk, image }: DiskInput, host: HostView): Outcome {
  // A size that was once seen stays in the status, whatever Ready says since.
  if (disk.status?.capacity !== undefined) return lost(disk, host);
  const { uid } = disk.metadata;
  const imageRef = disk.spec.source?.imageRef;
  const sizeBytes = diskBytes(disk.spec.size);
  if (imageRef && !image) {
    return waiting(
      'ImageMissing',
      `Image ${imageRef.name} does not exist in this namespace; create it or correct spec.source.imageRef`,
    );
  }
  const cached = image && host.snapshot !== 'unknown' ? host.snapshot.images[image.metadata.uid] : undefined;
  if (image && cached?.state !== 'complete') {
    return waiting('ImageNotReady', `Image ${image.metadata.name}: ${readyMessage(image)}`);
  }
  if (cached?.virtualSizeBytes !== undefined && sizeBytes < cached.virtualSizeBytes) {
    return blocked(
      'SmallerThanImage',
      `spec.size ${disk.spec.size} is smaller than Image ${imageRef?.name}, which needs ${formatBytes(cached.virtualSizeBytes)}; raise spec.size to that at least`,
    );
  }
  return act(
    {
      on: 'host',
      hostName: host.name,
      action: {
        name: 'disk.create',
        arguments: { sizeBytes, format: disk.spec.format, imageDigest: cached?.digest },
      },
      lock: cached?.digest ? [uid, cached.digest] : [uid],
    },
    { reason: 'Creating', because: `host ${host.name} does not have the disk's file` },
  );
}

/** Data that was there and is not: making an empty disk in its place would hide the loss. */
function lost(disk: Disk, host: HostView): Outcome {
  return blocked(
    'DataLost',
    `the disk's file (UID ${disk.metadata.uid}) is gone from host ${host.name}; restore it from a backup, or delete the Disk and create it again to start anew`,
  );
}

function planGrowth(disk: Disk, host: HostView, file: DiskSnapshot): Outcome {
  const sizeBytes = diskBytes(disk.spec.size);
  if (sizeBytes < file.sizeBytes) {
    return blocked(
      'ShrinkUnsupported',
      `spec.size is smaller than the disk, which has ${formatBytes(file.sizeBytes)}; a disk only grows`,
    );
  }
  if (sizeBytes === file.sizeBytes) return settled;
  const redirected = redirectedIn(host, disk);
  if (redirected) return redirected;
  return act(
    {
      on: 'host',
      hostName: host.name,
      action: { name: 'disk.grow', arguments: { sizeBytes } },
      lock: [disk.metadata.uid],
    },
    {
      reason: 'Growing',
      because: `spec.size is ${formatBytes(sizeBytes)}, the file has ${formatBytes(file.sizeBytes)}`,
    },
  );
}

function redirectedIn({ snapshot }: HostView, { metadata: { uid } }: Disk): Outcome | undefined {
  const users = snapshot === 'unknown' ? [] : domainsUsing(snapshot.domains, uid);
  return users.map((domain) => awaitsDisks(domain, uid)).find((outcome) => outcome !== undefined);
}

/**
 * A claim ends when its Machine is going or no longer names the disk, and no domain of that host can open it, now or by
 * an order that is on its way.
 */
function releaseStaleClaim({ disk, claimant }: DiskInput, host: HostView | undefined): Outcome | undefined {
  const claim = disk.status?.claim;
  if (!claim || claimant === undefined) return undefined;
  if (claimant !== 'gone' && !deleting(claimant) && namesDisk(claimant, disk.metadata.name)) return undefined;
  if (host?.snapshot === 'unknown') {
    return waiting('HostUnknown', `a complete snapshot of host ${disk.status?.hostName}`, 5_000);
  }
  // With its host everything is gone that could have it open.
  if (host && mayBeOpen(disk, host.snapshot, claimant)) return undefined;
  return act(
    {
      on: 'api',
      action: { name: 'api.claimDisk', disk: referenceTo(disk), claim: 'release' },
    },
    { reason: 'Detached', because: `Machine ${claim.machineName} does not use the disk any more` },
  );
}

function mayBeOpen({ metadata }: Disk, snapshot: HostSnapshot, claimant: Machine | 'gone'): boolean {
  if (domainsUsing(snapshot.domains, metadata.uid).length > 0) return true;
  return claimant !== 'gone' && earlierOrderUnderway(claimant.metadata, snapshot);
}

const referenceTo = ({ metadata }: Disk) => ({
  kind: 'Disk',
  namespace: metadata.namespace,
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
});

const namesDisk = (machine: Machine, name: string): boolean =>
  (machine.spec.disks ?? []).some((entry) => diskName(machine.metadata.name, entry) === name);

function planRemoval({ disk, claimant }: DiskInput, host: HostView | undefined): Outcome {
  const claim = disk.status?.claim;
  if (claim && claimant !== 'gone') return waiting('InUse', `in use by Machine ${claim.machineName}`);
  if (!host) {
    const hostName = disk.status?.hostName;
    return releaseFinalizer(
      hostName === undefined
        ? 'the disk was never made on a host'
        : `host ${hostName}, which had the data, is gone`,
    );
  }
  if (host.snapshot === 'unknown') {
    return waiting('HostUnknown', `a complete snapshot of host ${host.name}`, 5_000);
  }
  const { uid } = disk.metadata;
  if (domainsUsing(host.snapshot.domains, uid).length > 0) {
    return waiting('InUse', `a domain on host ${host.name} still has the disk`);
  }
  if (disk.spec.reclaimPolicy === 'Retain') return planRetention(disk, host.name, host.snapshot.disks[uid]);
  return (
    removeFrom([host], uid, {
      action: { name: 'disk.delete', arguments: {} },
      lock: [uid],
      because: 'the Disk is being deleted and no domain uses it',
    }) ?? releaseFinalizer('nothing of the disk is left on the host')
  );
}

function planRetention(disk: Disk, hostName: string, file: DiskSnapshot | undefined): Outcome {
  if (!file || file.retained) return releaseFinalizer('the data stays on the host (reclaimPolicy Retain)');
  return act(
    {
      on: 'host',
      hostName,
      action: { name: 'disk.retain', arguments: {} },
      lock: [disk.metadata.uid],
    },
    { reason: 'Retaining', because: 'reclaimPolicy is Retain' },
  );
}
