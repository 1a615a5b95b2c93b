import { join } from 'node:path';

/**
 * Where a private libvirt keeps its files. libvirt's directories are compiled in, so the daemons see
 * ours in their place through bind mounts in a mount namespace of their own; from outside, everything
 * stays reachable under `root`.
 */
export interface LibvirtLayout {
  root: string;
  socket: string;
  libvirtdPidFile: string;
  virtlogdPidFile: string;
  /** ours → libvirt's */
  mounts: readonly { source: string; target: string }[];
}

/** @param root an absolute directory of which Purlin is the only user, such as `<dataDir>/libvirt` */
export function libvirtLayout(root: string): LibvirtLayout {
  return {
    root,
    socket: join(root, 'run', 'libvirt-sock'),
    libvirtdPidFile: join(root, 'run', 'libvirtd.pid'),
    virtlogdPidFile: join(root, 'run', 'virtlogd.pid'),
    mounts: [
      { source: join(root, 'lib'), target: '/var/lib/libvirt' },
      { source: join(root, 'run'), target: '/run/libvirt' },
      { source: join(root, 'etc'), target: '/etc/libvirt' },
      { source: join(root, 'log'), target: '/var/log/libvirt' },
      { source: join(root, 'cache'), target: '/var/cache/libvirt' },
    ],
  };
}

/** The socket of a libvirt that the system itself runs: monolithic first, then modular. */
export const systemSockets = ['/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock'] as const;
