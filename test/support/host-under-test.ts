/** A host that a test looks at as its operator does: by kubectl, virsh, ip and HTTP. What runs on it is a subclass's affair. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { demoImage } from '../../scripts/demo-image.ts';
import { pinnedClient } from '../../scripts/lib/pinned-clients.ts';
import { netnsProcesses } from '../../scripts/lib/netns.ts';
import { Guest } from './guest.ts';
import { type TestSite, testSite } from './netns.ts';

/** What the tests read of any object. */
export interface Seen {
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    ownerReferences?: unknown[];
  };
  spec: Record<string, unknown>;
  status?: {
    phase?: string;
    addresses?: { interface: string; address: string; macAddress: string }[];
    conditions?: Condition[];
  };
}

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

export interface SeenEvent {
  type: string;
  reason: string;
  message: string;
  count: number;
  involvedObject: { kind: string };
}

/** Long enough for a guest that boots while another one does, both emulated, on a busy machine with two cores. */
const patienceSeconds = 120;

/** What has to be there before the first process starts. */
export interface Ground {
  site: TestSite;
  kubectl: string;
  /** Found free, and kept over restarts, because the kubeconfig names it. */
  apiPort: number;
}

/** A namespace, directories, the demo image in one that Images may be read from, and a port. */
export async function prepareGround(purpose: string): Promise<Ground> {
  const [kubectl, image, apiPort] = await Promise.all([
    pinnedClient('kubectl-1.33'),
    demoImage(),
    freePort(),
  ]);
  const site = await testSite(purpose);
  await mkdir(join(site.dataDir, 'import'));
  await copyFile(image.path, join(site.dataDir, 'import/demo.qcow2'));
  return { site, kubectl, apiPort };
}

export abstract class HostUnderTest implements AsyncDisposable {
  readonly netns: string;
  /** Of the host side. */
  readonly dataDir: string;
  readonly importDir: string;
  /** An Image by file that the host may read. */
  readonly image: string;
  readonly apiPort: number;
  protected abstract readonly kubeconfig: string;
  readonly #site: TestSite;
  readonly #kubectl: string;
  readonly #children = new Set<ChildProcess>();

  protected constructor({ site, kubectl, apiPort }: Ground) {
    this.#site = site;
    this.#kubectl = kubectl;
    this.apiPort = apiPort;
    this.netns = site.netns;
    this.dataDir = this.path('d');
    this.importDir = this.path('import');
    this.image = join(this.importDir, 'demo.qcow2');
  }

  /** A path in the test's own directory. */
  path(relative: string): string {
    return join(this.#site.dataDir, relative);
  }

  /** Starts a program whose output goes to the log; it ends with the test at the latest. */
  async spawn(command: string, ...args: string[]): Promise<ChildProcess> {
    const log = await open(this.#logFile, 'a');
    const child = spawn(command, args, { stdio: ['ignore', log.fd, log.fd], cwd: '/' });
    await log.close();
    this.#children.add(child);
    return child;
  }

  /**
   * Sends a signal to a program that {@link spawn} started, unless it has ended, and waits for its end.
   * @returns its exit status; null when the signal ended it.
   */
  async end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'close');
    }
    this.#children.delete(child);
    return child.exitCode;
  }

  /** Pids in the namespace whose command line contains every one of `words`. */
  async processes(...words: string[]): Promise<number[]> {
    const pids = await netnsProcesses(this.netns);
    const commandLines = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    return pids.filter((_, index) => words.every((word) => commandLines[index]?.includes(word)));
  }

  /** The one process with these words in its command line. */
  async process(...words: string[]): Promise<number> {
    const [pid, ...others] = await this.processes(...words);
    if (pid === undefined || others.length > 0) throw new Error(`not one process of: ${words.join(' ')}`);
    return pid;
  }

  /** The emulator that runs a Machine. */
  async qemuOf(machineUid: string): Promise<number> {
    return this.process('qemu-system', machineUid);
  }

  /** How often QEMU was started for a Machine so far, by libvirt's own log of its guests. */
  async starts(machineUid: string): Promise<number> {
    const domain = (await this.virsh('domname', machineUid)).trim();
    const log = await readFile(join(this.dataDir, 'libvirt/log/qemu', `${domain}.log`), 'utf8');
    return log.split('\n').filter((line) => line.includes(': starting up libvirt version')).length;
  }

  /** Whether the API, and all that it was told to wait for, works. */
  async isReady(): Promise<boolean> {
    const { exitCode } = await this.tryKubectl('--request-timeout=5s', 'get', '--raw', '/readyz');
    return exitCode === 0;
  }

  /** @returns standard output. @throws with kubectl's own message. */
  async kubectl(...args: string[]): Promise<string> {
    const { stdout } = await execa(this.#kubectl, ['--kubeconfig', this.kubeconfig, ...args]);
    return stdout;
  }

  async tryKubectl(...args: string[]): Promise<{ exitCode?: number; stdout: string; stderr: string }> {
    return execa(this.#kubectl, ['--kubeconfig', this.kubeconfig, ...args], { reject: false });
  }

  async apply(yaml: string): Promise<void> {
    await execa(this.#kubectl, ['--kubeconfig', this.kubeconfig, 'apply', '-f', '-'], { input: yaml });
  }

  /** A merge patch of the object named as kubectl names it, such as `machine/web`. */
  async patch(object: string, patch: object, ...args: string[]): Promise<void> {
    await this.kubectl('patch', object, '--type', 'merge', '--patch', JSON.stringify(patch), ...args);
  }

  async get(object: string, ...args: string[]): Promise<Seen> {
    return JSON.parse(await this.kubectl('get', object, '-o', 'json', ...args)) as Seen;
  }

  async exists(object: string, ...args: string[]): Promise<boolean> {
    return (await this.kubectl('get', object, '-o', 'name', '--ignore-not-found', ...args)) !== '';
  }

  async condition(object: string, type: string, ...args: string[]): Promise<Condition | undefined> {
    const { status } = await this.get(object, ...args);
    return status?.conditions?.find((condition) => condition.type === type);
  }

  /** Waits for Ready by `kubectl wait`; when it does not come, the error tells what the object says. */
  async waitReady(object: string, ...args: string[]): Promise<void> {
    const wait = ['--for=condition=Ready', `--timeout=${patienceSeconds}s`];
    const { exitCode, stderr } = await this.tryKubectl('wait', object, ...wait, ...args);
    if (exitCode === 0) return;
    const description = await this.tryKubectl('describe', object, ...args);
    throw new Error(`${stderr}\n${description.stdout}\n${await this.#logTail()}`);
  }

  /** The Events about one object, in the order in which they came. */
  async events(name: string, ...args: string[]): Promise<SeenEvent[]> {
    const about = ['--field-selector', `involvedObject.name=${name}`, '--sort-by=.lastTimestamp'];
    const list = await this.kubectl('get', 'events', ...about, '-o', 'json', ...args);
    return (JSON.parse(list) as { items: SeenEvent[] }).items;
  }

  /** How often an object, named as `kind/name`, was said to have acted for `reason`. */
  async timesTold(object: string, reason: string): Promise<number> {
    const [kind, name = ''] = object.split('/');
    const about = (await this.events(name)).filter(
      (event) => event.reason === reason && event.involvedObject.kind.toLowerCase() === kind,
    );
    return about.reduce((sum, { count }) => sum + count, 0);
  }

  /** Waits for an Event whose reason is `reason`. */
  async event(name: string, reason: string, ...args: string[]): Promise<SeenEvent> {
    return this.until(`an Event ${reason} about ${name}`, async () =>
      (await this.events(name, ...args)).find((event) => event.reason === reason),
    );
  }

  /** The guest at an address, or at the first address of a Machine. */
  guest(address: string): Guest {
    return new Guest(this.netns, address);
  }

  async virsh(...args: string[]): Promise<string> {
    const uri = `qemu+unix:///system?socket=${this.dataDir}/libvirt/run/libvirt-sock`;
    return (await execa('virsh', ['--connect', uri, ...args])).stdout;
  }

  /** Runs a program in the namespace of the host side. */
  async inside(...command: string[]): Promise<string> {
    return (await execa('ip', ['netns', 'exec', this.netns, ...command])).stdout;
  }

  /**
   * Asks until `probe` answers with something, and returns that.
   * @throws what was logged last, when it does not within the patience.
   */
  async until<T>(what: string, probe: () => Promise<T | false | undefined>): Promise<T> {
    for (const deadline = Date.now() + patienceSeconds * 1000; Date.now() < deadline; await delay(200)) {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
    }
    throw new Error(`not within ${patienceSeconds} s: ${what}\n${await this.#logTail()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await this.end(child, 'SIGKILL');
    await this.#site[Symbol.asyncDispose]();
  }

  get #logFile(): string {
    return this.path('log');
  }

  async #logTail(): Promise<string> {
    const lines = (await readFile(this.#logFile, 'utf8').catch(() => '')).trimEnd().split('\n');
    return lines.slice(-30).join('\n');
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('no free port on 127.0.0.1');
  return address.port;
}
