/** The parts of Purlin each alone, as on many hosts: API server, Redis, controllers, and one agent in the namespace. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { purlinMain } from '../../scripts/lib/build.ts';
import { HostUnderTest, prepareGround } from './host-under-test.ts';

/** Every part has a data directory of its own; what they share is named by flags, as an operator would. */
export class Parts extends HostUnderTest {
  protected readonly kubeconfig = this.path('api/kubeconfig');
  readonly #redisSocket = this.path('redis.sock');

  /** A namespace, the demo image and a free port; nothing runs yet. */
  static async create(purpose: string): Promise<Parts> {
    return new Parts(await prepareGround(purpose));
  }

  /** Redis as a foreign one would be: it knows nothing of Purlin, and keeps nothing. */
  async startRedis(): Promise<ChildProcess> {
    const listen = ['--port', '0', '--unixsocket', this.#redisSocket];
    return this.spawn('/usr/bin/redis-server', ...listen, '--save', '', '--dir', this.path(''));
  }

  async startApiServer(): Promise<ChildProcess> {
    const place = ['--data-dir', this.path('api'), '--api-port', String(this.apiPort)];
    const server = await this.#startPurlin('apiserver', ...place);
    await this.until('the API server answers', () => this.isReady());
    return server;
  }

  /** @param name of the machine that the controller says it runs on; it is in the identity that holds the Lease. */
  async startController(name: string): Promise<ChildProcess> {
    const place = ['--host-name', name, '--data-dir', this.path(name)];
    return this.#startPurlin('controller', ...place, ...this.#redis, '--kubeconfig', this.kubeconfig);
  }

  /** What agents must be given to obey; a controller writes it before it asks to lead. */
  trustFile(controller: string): string {
    return join(this.path(controller), 'trust.json');
  }

  /** The agent of Host `h1`, in the namespace of the host side. @param trusting the controller that it has its trust from. */
  async startAgent(trusting: string): Promise<ChildProcess> {
    const trust = ['--trust-file', this.trustFile(trusting)];
    const place = ['--host-name', 'h1', '--data-dir', this.dataDir, ...trust];
    const agent = ['agent', ...place, ...this.#redis, '--libvirt', 'private', '--import-dir', this.importDir];
    return this.spawn('/usr/bin/nsenter', `--net=/run/netns/${this.netns}`, '--', ...purlin(agent));
  }

  /** Identity of the controller that leads; empty after one gave its Lease back. */
  async leader(): Promise<string> {
    const { holderIdentity } = (await this.#lease()).spec;
    return typeof holderIdentity === 'string' ? holderIdentity : '';
  }

  /** Raised by each leader, so that the orders of earlier ones are refused. */
  async epoch(): Promise<number> {
    const { metadata } = await this.#lease();
    return Number(metadata.annotations?.['purlin.dev/epoch']);
  }

  #lease() {
    return this.get('lease/purlin-controller', '--namespace', 'purlin-system');
  }

  async #startPurlin(...args: string[]): Promise<ChildProcess> {
    const [command, ...rest] = purlin(args);
    return this.spawn(command, ...rest);
  }

  get #redis(): string[] {
    return ['--redis-socket', this.#redisSocket];
  }
}

function purlin(args: readonly string[]): [string, ...string[]] {
  return [process.execPath, purlinMain, ...args, '--log-level', 'debug', '--log-format', 'json'];
}
