import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { writeAccounts } from './private/accounts.ts';
import { forgetOtherBoots } from './private/boot.ts';
import { writeNoDevice, writePrivateConfig } from './private/config.ts';
import { isAlive, type ProcessIdentity } from '../process-identity.ts';
import { type Daemon, daemonsOf, findDaemon } from './private/daemon.ts';
import type { LaunchPlan } from './private/launcher.ts';
import { type LibvirtLayout, libvirtLayout, systemSockets } from './private/layout.ts';
import { findQemuIdentity, type QemuIdentity } from './private/qemu-identity.ts';
import { RpcClient } from './rpc/client.ts';

export interface PrivateLibvirtOptions {
  /** absolute directory for everything of this libvirt, such as `<dataDir>/libvirt` */
  root: string;
  /** name of a network namespace under /run/netns in which libvirtd, and so every guest, lives */
  networkNamespace?: string;
  /**
   * `hidden` where the probe guest did not run on /dev/kvm, or QEMU's user may not open it: libvirt trusts
   * a device that opens, and while its own judgement and QEMU's differ it probes QEMU anew, for seconds,
   * at every call. Applies to a libvirtd that is started, not to one that is adopted.
   */
  kvm: 'offered' | 'hidden';
  /** limit of one start, in milliseconds */
  startTimeoutMs?: number;
}

export interface PrivateLibvirtStatus {
  libvirtd: ProcessIdentity | undefined;
  virtlogd: ProcessIdentity | undefined;
}

/**
 * A libvirtd and virtlogd of our own, for a host that runs none, or for one that lives in a network
 * namespace. They run detached, so they outlive us and are adopted by the next process; guests in turn
 * outlive them (which is why there is no PID namespace: its end would be the guests' end).
 */
export class PrivateLibvirt {
  /** Its configuration allows 50 requests of a connection, and libvirtd works on 20 at a time, 5 quick ones besides. */
  static readonly slowCallsAtOnce = 16;

  readonly layout: LibvirtLayout;
  readonly #options: PrivateLibvirtOptions;
  readonly #daemons: readonly Daemon[];
  #starting: Promise<void> | undefined;
  /** The daemons when they were last found running, all of them. */
  #seen: readonly ProcessIdentity[] = [];

  constructor(options: PrivateLibvirtOptions) {
    this.#options = options;
    this.layout = libvirtLayout(options.root);
    this.#daemons = daemonsOf(this.layout);
  }

  get socketPath(): string {
    return this.layout.socket;
  }

  /** QEMU's own messages, a file for each guest. */
  get guestLogDirectory(): string {
    return join(this.layout.root, 'log', 'qemu');
  }

  /** Who QEMU runs as, for the owners of disk files: see {@link QemuIdentity}. */
  async qemuIdentity(): Promise<QemuIdentity> {
    return await findQemuIdentity();
  }

  /** The processes as their pid files and command lines tell; starts nothing. */
  async status(): Promise<PrivateLibvirtStatus> {
    const [virtlogd, libvirtd] = await Promise.all(this.#daemons.map(findDaemon));
    return { libvirtd, virtlogd };
  }

  /** Costs two reads of /proc while they live, so a supervisor may ask every second. */
  async isRunning(): Promise<boolean> {
    if (this.#seen.length > 0 && this.#seen.every(isAlive)) return true;
    const { libvirtd, virtlogd } = await this.status();
    this.#seen = libvirtd && virtlogd ? [libvirtd, virtlogd] : [];
    return this.#seen.length > 0;
  }

  /**
   * Adopts the daemons that run and starts those that do not. When it returns, the socket accepts
   * connections.
   *
   * @throws with libvirt's own message when a daemon does not start
   */
  async ensureRunning(): Promise<void> {
    this.#starting ??= this.#ensureRunning().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  /** Stops the daemons, never a guest. Returns when they are gone. */
  async stop(timeoutMs = 3_000): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) await stopDaemon(daemon, timeoutMs);
  }

  async #ensureRunning(): Promise<void> {
    const missing: Daemon[] = [];
    for (const daemon of this.#daemons) if ((await findDaemon(daemon)) === undefined) missing.push(daemon);
    if (missing.length > 0) await this.#start(missing);
    await this.#proveServing();
  }

  async #start(missing: readonly Daemon[]): Promise<void> {
    // Only when neither daemon runs can the files be of another boot.
    if (missing.length === this.#daemons.length) await forgetOtherBoots(this.layout);
    const root = this.layout.root;
    const identity = await this.qemuIdentity();
    await mkdir(root, { recursive: true, mode: 0o711 });
    const kvm = this.#options.kvm === 'hidden' ? await writeNoDevice(root, '/dev/kvm') : [];
    // libvirt cannot build a guest's private /dev over the mount that hides a device. QEMU's user may open
    // no device that matters anyway.
    const guestDevices = kvm.length > 0 ? 'shared' : 'private';
    await writePrivateConfig(this.layout, { identity, guestDevices });
    const accounts = await writeAccounts(root, identity);
    await this.#launch({
      mounts: [...this.layout.mounts, ...accounts, ...kvm],
      commands: missing.map(({ command }) => command),
    });
  }

  async #launch(plan: LaunchPlan): Promise<void> {
    const [program, ...args] = [
      ...this.#enterNetworkNamespace(),
      '/usr/bin/unshare',
      '--mount',
      '--propagation',
      'private',
      '--',
      process.execPath,
      launcherPath,
      JSON.stringify(plan),
    ];
    await execa(program, args, {
      timeout: this.#options.startTimeoutMs ?? 30_000,
      stdin: 'ignore',
      extendEnv: false,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
  }

  /** libvirtd detaches before its QEMU driver is up, and ends again if that fails: only an open connection proves it. */
  async #proveServing(): Promise<void> {
    try {
      const client = await RpcClient.open({ socketPath: this.layout.socket });
      await client.close();
    } catch (error) {
      const log = join(this.layout.root, 'log', 'libvirtd.log');
      throw new Error(`libvirtd started but does not serve; its log ${log} says why`, { cause: error });
    }
  }

  /** nsenter and not `ip netns exec`, which would hide the machine's /sys behind a new one. */
  #enterNetworkNamespace(): [string, ...string[]] | [] {
    const name = this.#options.networkNamespace;
    if (name === undefined) return [];
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
      throw new Error(`"${name}" is no name of a network namespace`);
    return ['/usr/bin/nsenter', `--net=/run/netns/${name}`, '--'];
  }
}

/**
 * The socket of the system's own libvirt, if one accepts connections there (a socket file alone may be
 * left over) and it can serve us: guests in a network namespace need a libvirtd inside it.
 *
 * @param candidates in order of preference
 */
export async function findSystemLibvirt(
  networkNamespace: string | undefined,
  candidates: readonly string[] = systemSockets,
): Promise<string | undefined> {
  if (networkNamespace !== undefined) return undefined;
  for (const socket of candidates) if (await accepts(socket)) return socket;
  return undefined;
}

async function accepts(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** The launcher lies beside us, as TypeScript in the sources and as JavaScript in the build. */
const launcherPath = fileURLToPath(new URL(`./private/launcher${extname(import.meta.url)}`, import.meta.url));

/** Asks, and after the time limit kills: a guest does not notice either. */
async function stopDaemon(daemon: Daemon, timeoutMs: number): Promise<void> {
  const running = await findDaemon(daemon);
  if (running === undefined) return;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    process.kill(running.pid, signal);
    if (await disappears(daemon, running, timeoutMs)) return;
  }
  throw new Error(`${daemon.name} (pid ${running.pid}) does not even end when killed`);
}

/** A daemon is not our child: there is no exit to wait for, only its disappearance. */
async function disappears(daemon: Daemon, running: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while ((await findDaemon(daemon))?.startTicks === running.startTicks) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}
