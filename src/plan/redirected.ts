import { type Outcome, blocked } from './outcome.ts';
import type { DomainSnapshot } from './snapshot.ts';

/**
 * Waits for a disk that goes on in another file than Purlin made, after a snapshot or a block copy with libvirt's own
 * tools: what Purlin would define, attach or grow is the file as it was before.
 *
 * @param diskUid of one disk, or nothing for any
 */
export function awaitsDisks(domain: DomainSnapshot, diskUid?: string): Outcome | undefined {
  const disks = [domain.live, domain.config].flatMap((hardware) => hardware?.disks ?? []);
  for (const { target, redirectedTo, ...disk } of disks) {
    if (redirectedTo === undefined || (diskUid !== undefined && disk.diskUid !== diskUid)) continue;
    return blocked('DiskRedirected', bringBack(domain.machineUid, { target, redirectedTo }));
  }
  return undefined;
}

/** What is there, and how to get back; virsh takes a guest's UID for its name. */
export const bringBack = (machineUid: string, disk: { target: string; redirectedTo: string }): string =>
  `disk ${disk.target} of the guest is ${disk.redirectedTo || 'no file'} and not the file that Purlin made, by a snapshot or a block copy; ` +
  `bring it back while the guest runs, after a snapshot with: virsh blockcommit ${machineUid} ${disk.target} --active --pivot`;
