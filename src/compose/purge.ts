import { existsSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { DataDirectoryTaken, SqliteFenceBook } from '../agent/fence-book.ts';
import { LibvirtConnection } from '../host/libvirt/connection.ts';
import { LibvirtHypervisor } from '../host/libvirt/libvirt-hypervisor.ts';
import { PrivateLibvirt, findSystemLibvirt } from '../host/libvirt/private-libvirt.ts';
import { createLinuxNetwork } from '../host/network/index.ts';
import { createLogger } from '../telemetry/logger.ts';
import { pathsOf } from './paths.ts';
import { MAIN } from './up.ts';

/** The directory is not what a purge may remove, or not yet; nothing of it was touched. */
export class PurgeRefused extends Error {
  override readonly name = 'PurgeRefused';
}

/**
 * Removes every guest, bridge, process and file of a data directory. The host side is done inside its network
 * namespace, by this same program.
 * @throws PurgeRefused before anything is touched
 */
export async function purgeHost(dataDir: string): Promise<void> {
  if (!existsSync(dataDir)) return;
  const paths = pathsOf(dataDir);
  if (![paths.hostNetns, paths.trust, paths.libvirtChoice].some((mark) => existsSync(mark))) {
    throw new PurgeRefused(`${dataDir} is no data directory of purlin; nothing was removed`);
  }
  if (await accepts(paths.controlSocket)) {
    throw new PurgeRefused(
      `purlin still runs with data directory ${dataDir}; stop it first; nothing was removed`,
    );
  }
  const lock = lockOutAgents(dataDir);
  try {
    await purgeHostInNamespace(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  } finally {
    lock?.close();
  }
}

/** Whether a process has the socket, be it too busy or stopped to answer; the socket of a dead one refuses. */
async function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: socketPath });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** An agent alone has no control socket; while it ran it would put back what is removed. */
function lockOutAgents(dataDir: string): SqliteFenceBook | undefined {
  if (!existsSync(join(dataDir, 'agent'))) return undefined;
  try {
    return new SqliteFenceBook(dataDir);
  } catch (error) {
    if (error instanceof DataDirectoryTaken)
      throw new PurgeRefused(`${error.message}; nothing was removed`, { cause: error });
    // No agent could start on what is damaged, and it is about to go.
    return undefined;
  }
}

async function purgeHostInNamespace(dataDir: string): Promise<void> {
  const netns = readIfThere(pathsOf(dataDir).hostNetns);
  if (netns && existsSync(`/run/netns/${netns}`)) {
    const inside = [
      `--net=/run/netns/${netns}`,
      '--',
      process.execPath,
      MAIN,
      'purge-host',
      '--data-dir',
      dataDir,
    ];
    await execa('/usr/bin/nsenter', inside, { stdio: 'inherit' });
  } else if (!netns) {
    await purgeHostSide(dataDir);
  }
}

/** Guests first, then the network that they were on, then the libvirt that ran them. */
export async function purgeHostSide(dataDir: string): Promise<void> {
  const logger = await createLogger({ level: 'warn', format: 'pretty' });
  await purgeGuests(dataDir);
  const network = createLinuxNetwork({ dataDir, logger });
  try {
    const { ports, segments } = await network.list();
    for (const { machineUid, interfaceName } of ports) await network.deletePort(machineUid, interfaceName);
    for (const { subnetUid } of segments) await network.deleteSegment(subnetUid);
  } finally {
    await network.close();
  }
}

async function purgeGuests(dataDir: string): Promise<void> {
  const paths = pathsOf(dataDir);
  const choice = readIfThere(paths.libvirtChoice);
  const trust = readIfThere(paths.trust);
  if (!choice || !trust) return;
  const { installationUid } = JSON.parse(trust) as { installationUid: string };
  // With /dev/kvm hidden or not: nothing is started any more.
  const daemon =
    choice === 'private' ? new PrivateLibvirt({ root: paths.libvirtDir, kvm: 'hidden' }) : undefined;
  await daemon?.ensureRunning();
  const socketPath = daemon?.socketPath ?? (await findSystemLibvirt(undefined));
  if (!socketPath)
    throw new Error('the system libvirt does not run; start it, so that its guests can be removed');
  const connection = new LibvirtConnection({ socketPath });
  connection.start();
  try {
    await new Promise<void>((resolve) => {
      if (connection.connected) resolve();
      else connection.once('connected', resolve);
    });
    const hypervisor = new LibvirtHypervisor(connection, installationUid);
    for (const { uuid } of (await hypervisor.listDomains()).domains) {
      await hypervisor.destroyDomain(uuid);
      await hypervisor.undefineDomain(uuid, { nvram: 'delete' });
    }
  } finally {
    await connection.close();
  }
  await daemon?.stop();
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}
