/** One installation for the benchmark, in a namespace and a directory of its own, and what is measured on it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { LibvirtConnection } from '../../src/host/libvirt/connection.ts';
import { demoImage } from '../demo-image.ts';
import { kubectlPath } from '../kubectl.ts';
import { purlinMain } from '../lib/build.ts';
import { removeSite } from '../lib/leftovers.ts';
import { createNetns, fetchInside } from '../lib/netns.ts';

const netns = `purlin-bench-${process.pid}`;

export class BenchSite implements AsyncDisposable {
  readonly netns = netns;
  readonly dataDir: string;
  readonly kubectl: string;
  readonly #port: number;
  #daemon: ChildProcess | undefined;
  #libvirt: LibvirtConnection | undefined;
  readonly #startedAt = new Map<string, number>();
  readonly #stoppedAt = new Map<string, number>();
  #onStarted: (() => void) | undefined;

  private constructor(dataDir: string, kubectl: string, port: number) {
    this.dataDir = dataDir;
    this.kubectl = kubectl;
    this.#port = port;
  }

  static async create(): Promise<BenchSite> {
    await createNetns(netns);
    const dataDir = await mkdtemp(join(tmpdir(), 'pb-'));
    const site = new BenchSite(dataDir, await kubectlPath(), await freePort());
    await mkdir(site.importDir);
    await copyFile((await demoImage()).path, site.image);
    return site;
  }

  get importDir(): string {
    return join(this.dataDir, 'import');
  }

  get image(): string {
    return join(this.importDir, 'demo.qcow2');
  }

  get libvirtUri(): string {
    return `qemu+unix:///system?socket=${this.#libvirtSocket}`;
  }

  get #libvirtSocket(): string {
    return join(this.dataDir, 'libvirt/run/libvirt-sock');
  }

  /** Starts `purlin up`; resolves with the milliseconds until it was ready. */
  async up(): Promise<number> {
    const startedAt = performance.now();
    const place = ['--data-dir', this.dataDir, '--host-netns', netns, '--import-dir', this.importDir];
    const args = ['up', ...place, '--api-port', String(this.#port), '--log-level', 'warn'];
    this.#daemon = spawn(process.execPath, [purlinMain, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    while (!(await this.#ready())) await delay(20);
    return performance.now() - startedAt;
  }

  async down(): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon || daemon.exitCode !== null) return;
    daemon.kill('SIGTERM');
    await once(daemon, 'close');
  }

  /** All parts are ready, as the supervisor tells on its socket; no process is spawned to ask. */
  async #ready(): Promise<boolean> {
    const status = await this.status().catch(() => undefined);
    return status?.parts.every(({ ready }) => ready) ?? false;
  }

  async status(): Promise<{ pid: number; parts: { name: string; pid: number; ready: boolean }[] }> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: join(this.dataDir, 'purlin.sock'), path: '/' }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => resolve(JSON.parse(text)));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  async run(args: string[], input?: string): Promise<string> {
    const options = input === undefined ? {} : { input };
    const { stdout } = await execa(
      this.kubectl,
      ['--kubeconfig', join(this.dataDir, 'kubeconfig'), ...args],
      options,
    );
    return stdout;
  }

  async apply(objects: object[]): Promise<void> {
    await this.run(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  /** From now on every domain's start and stop is noted by libvirt's own event. */
  async followStarts(): Promise<void> {
    const connection = new LibvirtConnection({ socketPath: this.#libvirtSocket });
    this.#libvirt = connection;
    connection.on('domain', (event) => {
      if (event.kind !== 'lifecycle') return;
      if (event.event === 'stopped') this.#stoppedAt.set(event.domain.uuid, performance.now());
      if (event.event !== 'started') return;
      this.#startedAt.set(event.domain.uuid, performance.now());
      this.#onStarted?.();
    });
    connection.start();
    if (!connection.connected) await once(connection, 'connected');
  }

  /** Moments at which `count` domains started after `since`, in order. */
  async starts(since: number, count: number): Promise<number[]> {
    for (;;) {
      const moments = [...this.#startedAt.values()].filter((moment) => moment > since).sort((a, b) => a - b);
      if (moments.length >= count) return moments;
      await new Promise<void>((resolve) => {
        this.#onStarted = resolve;
      });
    }
  }

  /** Every guest answers HTTP: none of them boots any more. */
  async booted(): Promise<void> {
    const list = await this.run(['get', 'ipaddresses', '-o', 'jsonpath={.items[*].spec.address}']);
    for (const address of list.split(' ')) await fetchInside(netns, `http://${address}/`, 300);
  }

  /** When libvirt last told that the domain of this Machine had stopped. */
  stoppedAt(uid: string): number {
    return this.#stoppedAt.get(uid) ?? Number.NaN;
  }

  /** Process ids of Purlin itself: supervisor, parts and their children, without libvirt, dnsmasq and QEMU. */
  async ownProcesses(): Promise<number[]> {
    const { pid, parts } = await this.status();
    return [pid, ...parts.map((part) => part.pid)];
  }

  /** Pid of the QEMU of the Machine with this UID. */
  async qemuOf(uid: string): Promise<number> {
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      if (command.startsWith('/usr/bin/qemu-system') && command.includes(uid)) return Number(name);
    }
    throw new Error(`no QEMU runs for ${uid}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#libvirt?.close();
    await this.down();
    await execa(process.execPath, [purlinMain, 'down', '--purge', '--data-dir', this.dataDir], {
      reject: false,
    });
    await removeSite({ netns, dataDir: this.dataDir });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
