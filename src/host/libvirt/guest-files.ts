import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { DomainDisk } from './domain-spec.ts';
import { findQemuIdentity, type QemuIdentity } from './private/qemu-identity.ts';

/**
 * Lets QEMU, which runs as an unprivileged user, open the files of a guest that is about to use them: its
 * disks for writing, its seed and other read-only media for reading only. Base images stay with root and
 * readable by all; see {@link QemuIdentity} for why libvirt does not do this.
 *
 * @throws with the path, when it is no regular file
 */
export async function grantAccess(
  files: readonly Pick<DomainDisk, 'path' | 'readOnly'>[],
  identity: () => Promise<QemuIdentity> = findQemuIdentity,
): Promise<void> {
  if (files.length === 0) return;
  const qemu = await identity();
  await Promise.all(files.map((file) => grant(file, qemu)));
}

async function grant(
  { path, readOnly }: Pick<DomainDisk, 'path' | 'readOnly'>,
  qemu: QemuIdentity,
): Promise<void> {
  const file = await openIfThere(path);
  if (file === undefined) return;
  try {
    const { uid, gid, mode } = await file.stat();
    const wanted = readOnly
      ? { uid: 0, gid: qemu.gid, mode: 0o440 }
      : { uid: qemu.uid, gid: qemu.gid, mode: 0o600 };
    if (uid !== wanted.uid || gid !== wanted.gid) await file.chown(wanted.uid, wanted.gid);
    if ((mode & 0o7777) !== wanted.mode) await file.chmod(wanted.mode);
  } finally {
    await file.close();
  }
}

/** A file that is missing is libvirt's to complain about: it names the guest as well. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    // Through a handle and never through a link: what is changed is what was looked at.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be handed to its guest`, { cause: error });
  }
}
