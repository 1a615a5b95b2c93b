/** The built product in a namespace and directories of a test's own, used as a user uses it: `purlin up` and kubectl. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { execa } from 'execa';
import { purlinMain } from '../../scripts/lib/build.ts';
import { type DaemonStatus, readDaemonStatus } from '../../src/compose/control-socket.ts';
import { HostUnderTest, prepareGround } from './host-under-test.ts';

/** One of the processes of `purlin up`: the supervisor itself or one of its parts. */
export type Part = 'supervisor' | 'redis' | 'control-plane' | 'agent';

export class Installation extends HostUnderTest {
  protected readonly kubeconfig = join(this.dataDir, 'kubeconfig');
  #daemon: ChildProcess | undefined;

  /** A namespace, the demo image and a free port; nothing runs yet. */
  static async create(purpose: string): Promise<Installation> {
    return new Installation(await prepareGround(purpose));
  }

  /** Starts `purlin up` and waits until it is ready. */
  async up(): Promise<void> {
    await this.start();
    await this.ready();
  }

  /** Starts `purlin up` without waiting for it. */
  async start(): Promise<void> {
    const log = ['--log-level', 'debug', '--log-format', 'json'];
    this.#daemon = await this.spawn(process.execPath, purlinMain, ...this.#upArguments, ...log);
  }

  /** Waits until all parts work: `/readyz` says so. */
  async ready(): Promise<void> {
    await this.until('/readyz answers with success', async () => {
      if (this.#daemon?.exitCode != null) throw new Error(`purlin up ended with ${this.#daemon.exitCode}`);
      return this.isReady();
    });
  }

  /** A second `purlin up` on the same data directory, to its end. */
  async upOnceMore(): Promise<{ exitCode?: number; stderr: string }> {
    return execa(process.execPath, [purlinMain, ...this.#upArguments], { reject: false, timeout: 30_000 });
  }

  /**
   * Stops `purlin up` with SIGTERM.
   * @returns its exit status and how long it took
   */
  async down(): Promise<{ exitCode: number | null; milliseconds: number }> {
    const startedAt = performance.now();
    const exitCode = await this.end(this.daemon, 'SIGTERM');
    return { exitCode, milliseconds: performance.now() - startedAt };
  }

  /** The supervisor as it was started last. */
  get daemon(): ChildProcess {
    if (!this.#daemon) throw new Error('purlin up was not started');
    return this.#daemon;
  }

  /**
   * Kills one process of `purlin up` without a warning. With the supervisor every part ends; parts alone come back,
   * and one that has not come back yet from an earlier crash is waited for.
   */
  async crash(part: Part): Promise<void> {
    if (part === 'supervisor') await this.end(this.daemon, 'SIGKILL');
    else process.kill(await this.until(`a process of ${part}`, () => this.pidOf(part)), 'SIGKILL');
  }

  /** What the supervisor tells on its socket; undefined while there is none. */
  async status(): Promise<DaemonStatus | undefined> {
    return readDaemonStatus(join(this.dataDir, 'purlin.sock'));
  }

  /** Process id of a part; undefined while it does not run. */
  async pidOf(part: Exclude<Part, 'supervisor'>): Promise<number | undefined> {
    return (await this.status())?.parts.find(({ name }) => name === part)?.pid;
  }

  get #upArguments(): string[] {
    const place = ['--data-dir', this.dataDir, '--host-netns', this.netns];
    const images = ['--import-dir', this.importDir];
    return ['up', ...place, ...images, '--api-port', String(this.apiPort), '--host-name', 'h1'];
  }
}
