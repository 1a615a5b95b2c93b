import { randomUUID } from 'node:crypto';
import { access, chmod, chown, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LibvirtLayout } from './layout.ts';
import type { QemuIdentity } from './qemu-identity.ts';

export interface QemuSettings {
  identity: QemuIdentity;
  /** `private`: each guest sees a /dev of its own with only what it needs; `shared`: the machine's */
  guestDevices: 'private' | 'shared';
}

/** Makes the directories and configuration files of a private libvirt; doing it again changes nothing. */
export async function writePrivateConfig(layout: LibvirtLayout, qemu: QemuSettings): Promise<void> {
  // 0711: QEMU, unprivileged, passes through to its own files but lists nothing.
  await makeDirectory(layout.root, 0o711);
  for (const { source, target } of layout.mounts) {
    await makeDirectory(source, 0o711);
    await mkdir(target, { recursive: true });
  }
  const qemuState = join(layout.root, 'lib', 'qemu');
  await makeDirectory(qemuState, 0o751);
  await chown(qemuState, qemu.identity.uid, qemu.identity.gid);

  const etc = join(layout.root, 'etc');
  await replaceFile(join(etc, 'libvirtd.conf'), libvirtdConf(await hostUuid(layout)));
  await replaceFile(join(etc, 'qemu.conf'), qemuConf(qemu));
  await replaceFile(join(etc, 'virtlogd.conf'), virtlogdConf);
}

/** libvirt tells hosts apart by this, and a namespace shares the machine's own: so each root has one. */
async function hostUuid(layout: LibvirtLayout): Promise<string> {
  const file = join(layout.root, 'host-uuid');
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known !== undefined) return known.trim();
  const fresh = randomUUID();
  await replaceFile(file, `${fresh}\n`);
  return fresh;
}

const libvirtdConf = (uuid: string): string => `# Written by Purlin at every start.
host_uuid = "${uuid}"
listen_tls = 0
listen_tcp = 0
unix_sock_group = "root"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
max_clients = 200
max_client_requests = 50
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
`;

// cgroup_controllers: a host without systemd gives libvirt no delegated cgroup, and one inside a container
// often none at all; guests are bounded by their vCPUs and memory instead. A host with systemd has a
// system libvirt, which Purlin then uses.
// seccomp_sandbox, user, group: a guest that breaks out of QEMU meets an unprivileged, sandboxed process.
const qemuConf = ({ identity, guestDevices }: QemuSettings): string => `# Written by Purlin at every start.
user = "+${identity.uid}"
group = "+${identity.gid}"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
seccomp_sandbox = 1
cgroup_controllers = [ ]
namespaces = ${guestDevices === 'private' ? '[ "mount" ]' : '[ ]'}
stdio_handler = "logd"
dump_guest_core = 0
max_core = 0
`;

/** Bounds each guest's console log to 1 MiB and two older files. */
const virtlogdConf = `# Written by Purlin at every start.
max_clients = 4096
max_size = 1048576
max_backups = 2
`;

/** What stands in for a device that the daemons must not see: a file that QEMU's user cannot open. */
export async function writeNoDevice(
  root: string,
  device: string,
): Promise<{ source: string; target: string }[]> {
  const there = await access(device).then(
    () => true,
    () => false,
  );
  if (!there) return [];
  const source = join(root, 'no-device');
  await replaceFile(source, '');
  return [{ source, target: device }];
}

async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, mode); // mkdir's mode is cut by the umask
}

async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
