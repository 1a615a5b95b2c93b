/** Purlin in parts, of which the agent and the controllers have failpoints. All lives of a campaign are led here. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { externalEndpoint } from '../../src/compose/external-api.ts';
import { ApiClient } from '../../src/reconcile/api-client.ts';
import { type Ground, prepareGround } from '../support/host-under-test.ts';
import { Parts } from '../support/parts.ts';
import { CrashableProcess } from './crashable-process.ts';
import type { ProcessName } from './faults.ts';
import type { CrashableAgent } from './process/agent-process.ts';
import type { CrashableController } from './process/controller-process.ts';

/** A guest that never boots costs no CPU: no byte of this image is ever run. */
const emptyImageSize = '8M';

/** Room for the data of the host, little enough to be filled in no time. */
const roomBytes = 64 * 2 ** 20;

export class CrashSite extends Parts {
  readonly crashable: Record<ProcessName, CrashableProcess>;
  /** An Image by file with nothing in it. */
  readonly emptyImage: string;
  /** Where it is remembered what was written into which Disk. */
  readonly writtenData = this.path('written-data');
  readonly #redisSocket = this.path('redis.sock');
  readonly #ballast = join(this.dataDir, 'ballast');
  readonly #trustFile = this.path('trust.json');
  #api: ApiClient | undefined;
  #redisServer: ChildProcess | undefined;
  /** All that are started again when they end, until the site does. */
  readonly #supervised: CrashableProcess[] = [];
  #lives = 0;
  #ended: Promise<void> | undefined;

  private constructor(ground: Ground) {
    super(ground);
    this.emptyImage = join(this.importDir, 'empty.qcow2');
    this.crashable = {
      agent: this.#crashable('agent', (failpoints) => this.#spawnAgent(failpoints)),
      controller: this.#crashable('controller', (failpoints) => this.#spawnController('c1', failpoints)),
    };
  }

  /** A namespace, an image without a system in it, Redis, the API server, the controllers and the agent. */
  static async begin(): Promise<CrashSite> {
    const site = new CrashSite(await prepareGround('crash'));
    try {
      await site.#begin();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  get api(): ApiClient {
    if (!this.#api) throw new Error('the API server was not started');
    return this.#api;
  }

  /** What is of this site in the things that Purlin makes, by the name that it has in end states. */
  get place(): Record<string, string> {
    const { installationUid } = JSON.parse(readFileSync(this.#trustFile, 'utf8')) as {
      installationUid: string;
    };
    return { site: this.path('').replace(/\/$/, ''), installation: installationUid };
  }

  /** Number of a life that has not been led here yet. */
  nextLife(): number {
    this.#lives += 1;
    return this.#lives;
  }

  /** Kills a process, and waits until the next one works. */
  async restart(name: ProcessName): Promise<void> {
    const process = this.crashable[name];
    const { pid } = process;
    process.signal('SIGKILL');
    await this.until(`the ${name} works again`, async () => process.pid !== pid && process.isReady());
  }

  /** Asks the private Redis. */
  async redis(...command: string[]): Promise<string> {
    return (await execa('redis-cli', ['-s', this.#redisSocket, ...command])).stdout;
  }

  /** Keeps what Redis has now, for {@link restoreRedis}. */
  async saveRedis(): Promise<void> {
    await this.redis('SAVE');
    await copyFile(this.path('dump.rdb'), this.path('older.rdb'));
  }

  /** Redis dies, and comes back with what {@link saveRedis} kept. */
  async restoreRedis(): Promise<void> {
    if (this.#redisServer) await this.end(this.#redisServer, 'SIGKILL');
    await copyFile(this.path('older.rdb'), this.path('dump.rdb'));
    this.#redisServer = await this.startRedis();
    await this.until('Redis answers', async () => (await this.redis('PING').catch(() => '')) === 'PONG');
    await rm(this.path('dump.rdb'));
  }

  /** Leaves no byte free where the host has its data, whatever a tool of a stopped agent still writes there. */
  async fillDisk(): Promise<void> {
    const filled = await execa('dd', ['if=/dev/zero', `of=${this.#ballast}`, 'bs=64K'], { reject: false });
    if (!filled.stderr.includes('No space left on device')) throw new Error(filled.stderr);
  }

  async freeDisk(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async killLibvirtd(): Promise<void> {
    const pid = Number(await readFile(join(this.dataDir, 'libvirt/run/libvirtd.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
  }

  /** What the parts have logged from `fromByte` on. */
  async log(fromByte = 0): Promise<string> {
    return (await readFile(this.path('log'))).subarray(fromByte).toString('utf8');
  }

  /** Once, whoever asks for it: a campaign that is ended from outside does so from two sides. */
  override async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    await this.#ended;
  }

  async #end(): Promise<void> {
    for (const each of this.#supervised) await each.close();
    this.#api?.close();
    await super[Symbol.asyncDispose]();
  }

  async #begin(): Promise<void> {
    await mkdir(this.dataDir, { mode: 0o711 });
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', this.emptyImage, emptyImageSize]);
    await execa('mount', ['-t', 'tmpfs', '-o', `size=${roomBytes},mode=711`, 'tmpfs', this.dataDir]);
    this.#redisServer = await this.startRedis();
    await this.startApiServer();
    this.#api = new ApiClient(await externalEndpoint(this.kubeconfig));
    const started = Object.values(this.crashable);
    for (const each of started) await each.start();
    await this.until('controllers and agent work', async () => started.every((each) => each.isReady()));
    await this.until('the Host is there', () => this.exists('host/h1'));
    await this.waitReady('host/h1');
  }

  /** Controllers that wait to lead; no fault is ever armed in them. */
  standby(): CrashableProcess {
    return this.#crashable('controller', (failpoints) => this.#spawnController('c2', failpoints), 'standby');
  }

  #crashable(
    name: ProcessName,
    spawn: (failpoints: string) => Promise<ChildProcess>,
    place: string = name,
  ): CrashableProcess {
    const directory = this.path(`failpoints-${place}`);
    const process = new CrashableProcess(name, directory, () => spawn(directory));
    this.#supervised.push(process);
    return process;
  }

  async #spawnController(identity: string, failpoints: string): Promise<ChildProcess> {
    const options: CrashableController = {
      identity,
      kubeconfig: this.kubeconfig,
      redisSocket: this.#redisSocket,
      trustFile: this.#trustFile,
      failpoints,
    };
    return this.spawn('/usr/bin/env', ...this.#node('controller', options));
  }

  async #spawnAgent(failpoints: string): Promise<ChildProcess> {
    const options: CrashableAgent = {
      dataDir: this.dataDir,
      redisSocket: this.#redisSocket,
      importDir: this.importDir,
      trustFile: this.#trustFile,
      failpoints,
      writtenData: this.writtenData,
    };
    const inside = ['/usr/bin/nsenter', `--net=/run/netns/${this.netns}`, '--'];
    return this.spawn('/usr/bin/env', ...this.#node('agent', options, inside));
  }

  /** Its compiled code is kept: a process that is killed a thousand times has to start fast. */
  #node(name: ProcessName, options: object, before: readonly string[] = []): string[] {
    const main = join(import.meta.dirname, 'process', `${name}-process.ts`);
    const cache = `NODE_COMPILE_CACHE=${this.path('compiled')}`;
    return [cache, ...before, process.execPath, main, JSON.stringify(options)];
  }
}
