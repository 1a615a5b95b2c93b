import { readFile } from 'node:fs/promises';

/**
 * The unprivileged user and group that QEMU runs as.
 *
 * Who owns what: the private libvirt runs with `dynamic_ownership = 0`, so it never changes the owner of
 * a file. (With dynamic ownership it would hand a shared base image to the QEMU user, and a guest that
 * broke out of its QEMU could rewrite the image under every other guest.) Instead, `grantAccess` hands a
 * guest its own disks and seed before it starts. Base images stay root's and readable by all, and every
 * directory above these files must let others pass (0711).
 */
export interface QemuIdentity {
  uid: number;
  gid: number;
}

/** Debian reserves this id for `libvirt-qemu`; it also works, as a number, where nobody made the user. */
const reservedId = 64055;

/** Reads the passwd and group databases directly: these are always local system accounts. */
export async function findQemuIdentity(
  files: { passwd: string; group: string } = { passwd: '/etc/passwd', group: '/etc/group' },
): Promise<QemuIdentity> {
  const [users, groups] = await Promise.all([readFile(files.passwd, 'utf8'), readFile(files.group, 'utf8')]);
  return {
    uid: idOf(users, 'libvirt-qemu') ?? reservedId,
    // The group kvm opens /dev/kvm.
    gid: idOf(groups, 'kvm') ?? idOf(groups, 'libvirt-qemu') ?? reservedId,
  };
}

/** The number of an account in the format of passwd(5) and group(5), which share their first three fields. */
export function idOf(database: string, name: string): number | undefined {
  const line = database.split('\n').find((entry) => entry.startsWith(`${name}:`));
  const id = Number(line?.split(':')[2]);
  return Number.isSafeInteger(id) ? id : undefined;
}
