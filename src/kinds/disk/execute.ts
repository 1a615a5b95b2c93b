import { isDisk } from '../../host/libvirt/domain-spec.ts';
import { diskRedirected, type ExecutionContext, type Executors, inUse } from '../executor.ts';

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
    const attachments = await attachmentsOf(context, uid);
    const redirected = attachments.find(({ path }) => path !== storage.diskPath(uid));
    if (redirected) throw diskRedirected(redirected.machineUid, redirected);
    // Only through the guest that has it open may the file grow.
    const opened = attachments.find(({ running }) => running);
    if (!opened) return storage.growDisk(uid, sizeBytes);
    // libvirt makes a disk as large as it is told: an earlier growth that came late would make it smaller again.
    await hypervisor.settle(opened.machineUid);
    await hypervisor.resizeBlock(opened.machineUid, opened.target, sizeBytes);
    await storage.refreshDisk(uid);
  },

  'disk.delete': async (_wanted, context, { uid }) => {
    const users = new Set((await attachmentsOf(context, uid)).map(({ user }) => user));
    if (users.size > 0) throw inUse(`Disk ${uid}`, [...users]);
    await context.storage.deleteDisk(uid);
  },

  'disk.retain': async (_wanted, { storage }, { uid }) => storage.retainDisk(uid),
};

/** How one domain has the disk. */
interface Attachment {
  machineUid: string;
  /** The Machine, for a message. */
  user: string;
  /** Now, or at the next start. */
  running: boolean;
  target: string;
  path: string;
}

/** A guest that runs may have it, and one that is defined will have it with its next start. */
async function attachmentsOf(
  { hypervisor, storage }: ExecutionContext,
  diskUid: string,
): Promise<Attachment[]> {
  const { domains } = await hypervisor.listDomains();
  return domains.flatMap(({ uuid, metadata, live, config, saved }) =>
    [live, config, saved].flatMap((hardware) =>
      (hardware?.disks ?? [])
        .filter((disk) => isDisk(disk, diskUid, storage.diskPath(diskUid)))
        .map(({ target, path }) => ({
          machineUid: uuid,
          user: `Machine ${metadata.namespace}/${metadata.name}`,
          running: live !== undefined && hardware === live,
          target,
          path,
        })),
    ),
  );
}
