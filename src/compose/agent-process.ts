import { chmodSync, existsSync, mkdirSync, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { release, cpus as hostCpus, arch } from 'node:os';
import { type Agent, startAgent } from '../agent/agent.ts';
import { type FenceBook, SqliteFenceBook } from '../agent/fence-book.ts';
import { type ConnectionOptions, LibvirtConnection } from '../host/libvirt/connection.ts';
import { probeKvm } from '../host/libvirt/kvm-probe.ts';
import { LibvirtHypervisor } from '../host/libvirt/libvirt-hypervisor.ts';
import { PrivateLibvirt, findSystemLibvirt } from '../host/libvirt/private-libvirt.ts';
import { createLinuxNetwork } from '../host/network/index.ts';
import { createFileStorage } from '../host/storage/index.ts';
import type { HostFacts } from '../plan/snapshot.ts';
import type { RedisAddress } from '../queue/redis-connection.ts';
import type { Logger } from '../telemetry/logger.ts';
import { nothingAround, type Around } from '../values/around.ts';
import { keepLibvirtChoice, libvirtChoice } from './libvirt-choice.ts';
import { pathsOf } from './paths.ts';
import { writePrivateFile } from './private-files.ts';
import { purlinVersion } from './version.ts';

export interface AgentProcessOptions {
  dataDir: string;
  hostName: string;
  redis: RedisAddress;
  importDirs: string[];
  allowPrivateImageSources: boolean;
  libvirt: 'auto' | 'private' | 'system';
  /** `{ installationUid, controllerPublicKey }` as JSON; waited for until it is there. */
  trustFile: string;
  logger: Logger;
}

export interface AgentProcess {
  agent: Agent;
  close(): Promise<void>;
}

const TEBIBYTE = 2 ** 40;
const GIBIBYTE = 2 ** 30;
const LIBVIRT_CHECK_MS = 1_000;

/**
 * Starts everything of one hypervisor: libvirt (private or the system's), network, storage, and the agent over them.
 *
 * @throws DataDirectoryTaken before anything of the host was touched
 * @param around what a test puts between the agent and all that it changes
 */
export async function startAgentProcess(
  options: AgentProcessOptions,
  signal: AbortSignal,
  around: Around = nothingAround,
): Promise<AgentProcess> {
  const { dataDir, trustFile, logger } = options;
  // Searchable by QEMU's own user; one that is there already is the operator's.
  if (mkdirSync(dataDir, { recursive: true }) !== undefined) chmodSync(dataDir, 0o711);
  // Before anything is touched, the leftovers in tmp/ for one, which another agent may be at work on.
  const book = new SqliteFenceBook(dataDir);
  try {
    const trust = await readTrust(trustFile, logger, signal);
    // Kept beside what belongs to the installation, so that a purge knows whose guests it may remove.
    if (trustFile !== pathsOf(dataDir).trust) writePrivateFile(pathsOf(dataDir).trust, JSON.stringify(trust));
    return await startOnHost({ ...options, trust, book, around }, signal);
  } catch (error) {
    book.close();
    throw error;
  }
}

interface HostOptions extends AgentProcessOptions {
  trust: Trust;
  book: FenceBook;
  around: Around;
}

async function startOnHost(options: HostOptions, signal: AbortSignal): Promise<AgentProcess> {
  const { dataDir, hostName, redis, importDirs, logger, trust, book, around } = options;
  const kvm = await probeKvm();
  logger.info({ works: kvm.works }, `KVM: ${kvm.reason}`);

  const libvirt = await provideLibvirt(options, kvm.works);
  const connection = new LibvirtConnection(libvirt.access);
  connection.start();
  const { guestLogDirectory } = libvirt;
  const logs = guestLogDirectory === undefined ? {} : { guestLogDirectory };
  const hypervisor = new LibvirtHypervisor(connection, trust.installationUid, logs);
  const network = createLinuxNetwork({ dataDir, logger: logger.child({ component: 'network' }) });
  const storage = createFileStorage({
    dataDir,
    importDirs,
    limits: {
      maxVirtualSizeBytes: 16 * TEBIBYTE,
      maxDownloadBytes: 100 * GIBIBYTE,
      maxDecompressedBytes: 500 * GIBIBYTE,
    },
    allowPrivateAddresses: options.allowPrivateImageSources,
    logger: logger.child({ component: 'storage' }),
  });
  const stopWatching = libvirt.keepRunning(logger, () => connection.retryNow());
  try {
    await connected(connection, signal);
    const facts = await readFacts(kvm, await hypervisor.versions());
    const agent = await startAgent({
      redis,
      hostName,
      dataDir,
      ports: {
        hypervisor: around('hypervisor', hypervisor),
        network: around('network', network),
        storage: around('storage', storage),
      },
      facts,
      trust,
      book,
      logger,
      around,
    });
    return {
      agent,
      close: async () => {
        await agent.close();
        stopWatching();
        await network.close();
        await storage.close();
        await connection.close();
      },
    };
  } catch (error) {
    stopWatching();
    await network.close();
    await storage.close();
    await connection.close();
    throw error;
  }
}

interface Libvirt {
  access: ConnectionOptions;
  /** Where a private libvirt keeps QEMU's messages, which it never removes itself. */
  guestLogDirectory?: string;
  /** Starts a private libvirtd again when it died; the system's own is the system's affair. Returns a stopper. */
  keepRunning(logger: Logger, onStarted: () => void): () => void;
}

async function provideLibvirt(options: AgentProcessOptions, kvmWorks: boolean): Promise<Libvirt> {
  const { dataDir, libvirt, logger } = options;
  const wanted = libvirtChoice(dataDir, libvirt);
  const system = wanted === 'private' ? undefined : await findSystemLibvirt(undefined);
  if (wanted === 'system' && !system) {
    throw new Error(
      'this host was set up with the system libvirt, which does not run; start libvirtd or virtqemud',
    );
  }
  keepLibvirtChoice(dataDir, system ? 'system' : 'private');
  if (system) {
    logger.info({ socket: system }, 'using the libvirt of the system');
    return { access: { socketPath: system }, keepRunning: () => () => undefined };
  }
  const daemon = new PrivateLibvirt({
    root: pathsOf(dataDir).libvirtDir,
    kvm: kvmWorks ? 'offered' : 'hidden',
  });
  await daemon.ensureRunning();
  logger.info({ socket: daemon.socketPath }, 'private libvirt runs');
  return {
    access: { socketPath: daemon.socketPath, slowCallsAtOnce: PrivateLibvirt.slowCallsAtOnce },
    guestLogDirectory: daemon.guestLogDirectory,
    keepRunning: (log, onStarted) => {
      let busy = false;
      const timer = setInterval(() => {
        if (busy) return;
        busy = true;
        reviveIfDead(daemon, log, onStarted)
          .catch((error: unknown) =>
            log.error({ err: error }, 'private libvirt cannot be started; it is tried again'),
          )
          .finally(() => {
            busy = false;
          });
      }, LIBVIRT_CHECK_MS);
      return () => clearInterval(timer);
    },
  };
}

async function reviveIfDead(daemon: PrivateLibvirt, logger: Logger, onStarted: () => void): Promise<void> {
  if (await daemon.isRunning()) return;
  logger.warn('private libvirt ended; it is started again');
  await daemon.ensureRunning();
  onStarted();
}

async function connected(connection: LibvirtConnection, signal: AbortSignal): Promise<void> {
  if (connection.connected) return;
  await new Promise<void>((resolve, reject) => {
    connection.once('connected', resolve);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

interface Trust {
  installationUid: string;
  controllerPublicKey: string;
}

async function readTrust(file: string, logger: Logger, signal: AbortSignal): Promise<Trust> {
  if (!existsSync(file)) logger.info({ file }, 'waiting for the trust file of the installation');
  while (!existsSync(file)) await changed(dirname(file), signal);
  return JSON.parse(readFileSync(file, 'utf8')) as Trust;
}

/** Resolves when something in the directory changed, or after a second where that cannot be watched. */
async function changed(directory: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!existsSync(directory)) return delay(1_000, undefined, { signal });
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(directory);
    const timer = setTimeout(finish, 1_000);
    function finish(): void {
      clearTimeout(timer);
      watcher.close();
      resolve();
    }
    watcher.once('change', finish);
    watcher.once('error', finish);
    signal.addEventListener('abort', () => (finish(), reject(signal.reason)), { once: true });
  });
}

async function readFacts(
  kvm: { works: boolean; reason: string },
  versions: { libvirt: string; hypervisor: string },
): Promise<HostFacts> {
  return {
    cpus: hostCpus().length,
    memoryBytes: totalMemoryBytes(),
    accelerator: kvm.works ? 'KVM' : 'TCG',
    acceleratorReason: kvm.reason,
    versions: {
      purlin: purlinVersion,
      libvirt: versions.libvirt,
      qemu: versions.hypervisor,
      kernel: release(),
    },
    architecture: arch() === 'x64' ? 'x86_64' : arch(),
  };
}

/** From /proc/meminfo: libvirt's node information was seen to miss memory that had been added hot. */
function totalMemoryBytes(): number {
  const kibibytes = /^MemTotal:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}
