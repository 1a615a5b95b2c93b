import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { pino } from 'pino';
import { pinnedClient } from '../../scripts/lib/pinned-clients.ts';
import { type Agent, startAgent } from '../../src/agent/agent.ts';
import { type ApiServer, startApiServer } from '../../src/apiserver/index.ts';
import { CRDS_DIR } from '../../src/compose/embedded-api.ts';
import { type RunningController, startController } from '../../src/compose/controller-process.ts';
import { readQueueDepth } from '../../src/queue/depth.ts';
import { ObservationMirror } from '../../src/queue/observation-mirror.ts';
import type { ApiEndpoint } from '../../src/reconcile/api-client.ts';
import type { Resource } from '../../src/resources/metadata.ts';
import { startRedis, type TestRedis } from '../contract/queue/redis-server.ts';
import { SimulatedHost, facts } from './world-host.ts';
import { type EventObject, type ViewedKind, WorldView } from './world-view.ts';

// Jest gives every test file a realm of its own, but Node's structuredClone makes arrays of the outer one, which the
// evaluator of CEL rules, rightly in production, does not take for lists.
globalThis.structuredClone = <Value>(value: Value): Value =>
  value === undefined ? value : (JSON.parse(JSON.stringify(value)) as Value);

type Trust = { installationUid: string; controllerPublicKey: string };

export interface KubectlResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

const logger = pino({ level: process.env['PURLIN_TEST_LOG'] ?? 'silent' });

/** How long nothing may happen for the world to count as silent. */
const SILENCE_MS = 1_000;

/**
 * A whole installation in this process: the real API server, the real controllers, a real Redis and a real agent,
 * over a host in memory. Everything but the host is what `purlin up` runs.
 */
export class World {
  readonly host: SimulatedHost;
  readonly redis: TestRedis;
  readonly #directory: string;
  readonly #kubectl: string;
  readonly #mirror: ObservationMirror;
  readonly #lookers = new Set<() => void>();
  #api!: ApiServer;
  #view!: WorldView;
  #controller: RunningController | undefined;
  #agent: Agent | undefined;
  #trust: Trust | undefined;
  #lastChangeMs = performance.now();

  private constructor(directory: string, redis: TestRedis, mirror: ObservationMirror, kubectl: string) {
    this.host = new SimulatedHost();
    this.#directory = directory;
    this.redis = redis;
    this.#mirror = mirror;
    this.#kubectl = kubectl;
    mirror.onChange(() => this.#changed());
  }

  static async start(options: { agent?: 'started' | 'later' } = {}): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'purlin-world-'));
    const redis = await startRedis();
    const mirror = await ObservationMirror.connect(redis.address);
    const world = new World(directory, redis, mirror, await pinnedClient('kubectl-1.33'));
    await world.startControlPlane();
    if (options.agent !== 'later') await world.startAgent();
    return world;
  }

  async startControlPlane(): Promise<void> {
    const port = this.#api?.port ?? 0;
    this.#api = await startApiServer({
      dataDir: join(this.#directory, 'api'),
      listen: { host: '127.0.0.1', port },
      crdsDir: CRDS_DIR,
      logger,
    });
    this.#view = new WorldView(this.#endpoint(), () => this.#changed());
    await this.#view.start();
    await this.startController();
  }

  async stopControlPlane(): Promise<void> {
    await this.stopController();
    await this.#view.stop();
    await this.#api.close();
  }

  async startController(): Promise<void> {
    const settings = {
      endpoint: this.#endpoint(),
      redis: this.redis.address,
      identity: 'world',
      logger,
      onTrust: (trust: { installationUid: string; controllerPublicKey: string }) => {
        this.#trust = trust;
      },
      onLost: () => undefined,
    };
    this.#controller = await startController(settings, new AbortController().signal);
  }

  async stopController(): Promise<void> {
    await this.#controller?.close();
    this.#controller = undefined;
  }

  async startAgent(): Promise<void> {
    if (!this.#trust) throw new Error('the agent needs the trust of a controller first');
    this.#agent = await startAgent({
      redis: this.redis.address,
      hostName: 'h1',
      dataDir: join(this.#directory, 'host'),
      ports: this.host,
      facts,
      trust: this.#trust,
      logger,
    });
    await this.#agent.ready();
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.close(2_000);
    this.#agent = undefined;
  }

  /** Runs the real kubectl as the administrator. */
  async kubectl(args: readonly string[], input = ''): Promise<KubectlResult> {
    const { exitCode, stdout, stderr } = await execa(this.#kubectl, args, {
      input,
      reject: false,
      extendEnv: false,
      env: { KUBECONFIG: this.#api.kubeconfigPath, HOME: this.#directory, PATH: '/usr/bin:/bin' },
    });
    return { exitCode: exitCode ?? -1, stdout, stderr };
  }

  /** `kubectl …` that must succeed. */
  async run(args: readonly string[], input = ''): Promise<string> {
    const { exitCode, stdout, stderr } = await this.kubectl(args, input);
    if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async apply(yaml: string): Promise<string> {
    return this.run(['apply', '-f', '-'], yaml);
  }

  get<Kind extends Resource>(kind: ViewedKind, name: string, namespace = 'default'): Kind | undefined {
    return this.#view.get<Kind>(kind, name, ['Host', 'Namespace'].includes(kind) ? undefined : namespace);
  }

  list<Kind extends Resource>(kind: ViewedKind, namespace?: string): Kind[] {
    return this.#view.list<Kind>(kind, namespace);
  }

  /** Events about one object, as `reason: message`, oldest first. */
  events(kind: string, name: string): string[] {
    return this.#view
      .list<EventObject>('Event')
      .filter(({ involvedObject }) => involvedObject.kind === kind && involvedObject.name === name)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .map(({ reason, message }) => `${reason}: ${message}`);
  }

  /**
   * Resolves with what the condition gives, as soon as it gives something; looked at with every change of the API and
   * of the host.
   */
  async until<Result>(
    what: string,
    condition: () => Result | undefined | false,
    timeoutMs = 30_000,
  ): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const look = (): void => {
      const found = condition();
      if (found !== undefined && found !== false) resolve(found);
    };
    const timer = setTimeout(
      () => reject(new Error(`not within ${timeoutMs} ms: ${what}\n${this.story()}`)),
      timeoutMs,
    );
    this.#lookers.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#lookers.delete(look);
    }
  }

  /** The named object is Ready. */
  async ready(kind: ViewedKind, name: string, namespace = 'default'): Promise<void> {
    await this.until(
      `${kind} ${name} is ready`,
      () => condition(this.get(kind, name, namespace))?.status === 'True',
    );
  }

  /** The named object waits or fails with this reason; gives its message. */
  async because(kind: ViewedKind, name: string, reason: string, namespace = 'default'): Promise<string> {
    return this.until(`${kind} ${name}: ${reason}`, () => {
      const ready = condition(this.get(kind, name, namespace));
      return ready?.reason === reason && ready.message;
    });
  }

  async gone(kind: ViewedKind, name: string, namespace = 'default'): Promise<void> {
    await this.until(`${kind} ${name} is gone`, () => this.get(kind, name, namespace) === undefined);
  }

  /** Resolves when for a second nobody wrote to the API, the host did not change, and no order was under way. */
  async quiet(timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const left = this.#lastChangeMs + SILENCE_MS - performance.now();
      if (left <= 0 && (await this.#depth()) === 0) return;
      if (performance.now() > deadline) throw new Error(`no silence within ${timeoutMs} ms\n${this.story()}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, Math.max(left, 50));
      await promise;
    }
  }

  inventory(): Promise<string[]> {
    return this.host.inventory();
  }

  /** What every object says of itself; for the message of a test that waited in vain. */
  story(): string {
    const kinds: ViewedKind[] = ['Host', 'Image', 'Subnet', 'Disk', 'Machine', 'IPAddress', 'Placement'];
    return kinds
      .flatMap((kind) =>
        this.list(kind).map((object) => {
          const ready = condition(object);
          const { name, namespace, deletionTimestamp } = object.metadata;
          const going = deletionTimestamp ? ' (deleting)' : '';
          return `  ${kind} ${namespace ?? ''}/${name}${going}: ${ready?.status} ${ready?.reason}: ${ready?.message}`;
        }),
      )
      .join('\n');
  }

  async close(): Promise<void> {
    await this.stopController();
    await this.stopAgent();
    await this.#view.stop();
    await this.#api.close();
    await this.#mirror.close();
    await this.redis.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #depth(): Promise<number> {
    const agentUids = this.#mirror.hosts().map(({ agentUid }) => agentUid);
    const { orders, waiting, active } = await readQueueDepth(this.redis.address, agentUids);
    return orders + waiting + active;
  }

  #changed(): void {
    this.#lastChangeMs = performance.now();
    for (const look of this.#lookers) look();
  }

  #endpoint(): ApiEndpoint {
    return {
      server: this.#api.url,
      tls: { ca: this.#api.caPem },
      authorize: () => Promise.resolve({ authorization: `Bearer ${this.#api.loopbackToken}` }),
    };
  }
}

interface ReadyCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** The Ready condition of any object. */
export const condition = (object: Resource | undefined, type = 'Ready'): ReadyCondition | undefined =>
  (object?.status as { conditions?: ReadyCondition[] } | undefined)?.conditions?.find(
    (each) => each.type === type,
  );
