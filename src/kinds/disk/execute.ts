import type { ObservedDomain } from '../../host/libvirt/hypervisor-port.ts';
import type { ExecutionContext, Executors } from '../executor.ts';
import { inUse } from '../executor.ts';

type DiskActionName = 'disk.create' | 'disk.grow' | 'disk.delete' | 'disk.retain';

export const diskExecutors: Executors<DiskActionName> = {
  'disk.create': async (wanted, { storage, signal }, { uid }) => {
    signal.throwIfAborted();
    await storage.createDisk({ diskUid: uid, ...wanted });
  },

  'disk.grow': async ({ sizeBytes }, context, { uid }) => {
    const { hypervisor, storage } = context;
    const { disks } = await storage.list();
    const disk = disks.find(({ diskUid }) => diskUid === uid);
    if (disk && disk.sizeBytes >= sizeBytes) return;
    const opened = await openedBy(context, uid);
    if (!opened) return storage.growDisk(uid, sizeBytes);
    await hypervisor.resizeBlock(opened.machineUid, opened.target, sizeBytes);
    await storage.refreshDisk(uid);
  },

  'disk.delete': async (_wanted, context, { uid }) => {
    const { domains } = await context.hypervisor.listDomains();
    const users = domains.filter((domain) => usesDisk(domain, context.storage.diskPath(uid)));
    if (users.length > 0) {
      throw inUse(
        `Disk ${uid}`,
        users.map((user) => `Machine ${user.metadata.namespace}/${user.metadata.name}`),
      );
    }
    await context.storage.deleteDisk(uid);
  },

  'disk.retain': async (_wanted, { storage }, { uid }) => storage.retainDisk(uid),
};

/** A guest that runs may have it, and one that is defined will have it with its next start. */
const usesDisk = ({ live, config }: ObservedDomain, path: string): boolean =>
  [live, config].some((hardware) => hardware?.disks.some((disk) => disk.path === path));

/** The running guest that has the disk's file open: only through it may the file grow. */
async function openedBy(
  { hypervisor, storage }: ExecutionContext,
  diskUid: string,
): Promise<{ machineUid: string; target: string } | undefined> {
  const path = storage.diskPath(diskUid);
  const { domains } = await hypervisor.listDomains();
  for (const { uuid, live } of domains) {
    const disk = live?.disks.find((each) => each.path === path);
    if (disk) return { machineUid: uuid, target: disk.target };
  }
  return undefined;
}
