import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { idOf, type QemuIdentity } from './qemu-identity.ts';

/**
 * libvirt refuses to start its QEMU driver where the user and group `libvirt-qemu` have no names, even
 * when its configuration names others. Rather than adding accounts to the machine, the private libvirt
 * sees databases that have them.
 *
 * @returns the files to mount over the system's; none where it has the accounts
 */
export async function writeAccounts(
  root: string,
  qemu: QemuIdentity,
): Promise<{ source: string; target: string }[]> {
  const databases = [
    {
      target: '/etc/passwd',
      line: `libvirt-qemu:x:${qemu.uid}:${qemu.gid}::/var/lib/libvirt:/usr/sbin/nologin`,
    },
    { target: '/etc/group', line: `libvirt-qemu:x:${qemu.gid}:` },
  ];
  const mounts: { source: string; target: string }[] = [];
  for (const { target, line } of databases) {
    const database = await readFile(target, 'utf8');
    if (idOf(database, 'libvirt-qemu') !== undefined) continue;
    const source = join(root, target.slice('/etc/'.length));
    await writeFile(source, `${database.trimEnd()}\n${line}\n`, { mode: 0o644 });
    mounts.push({ source, target });
  }
  return mounts;
}
