import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Agent, type AgentOptions, startAgent } from '../../../src/agent/agent.ts';
import { SimulatedHypervisor } from '../../../src/host/simulated-hypervisor.ts';
import { SimulatedStorage } from '../../../src/host/storage/simulated.ts';
import type { HostAction, MachineDefinition } from '../../../src/plan/actions.ts';
import type { HostFacts, HostSnapshot, OrderResult } from '../../../src/plan/snapshot.ts';
import { ObservationMirror } from '../../../src/queue/observation-mirror.ts';
import { type Order, OrderBook, orderId } from '../../../src/queue/orders.ts';
import { generateSigningKeys, type SigningKeys } from '../../../src/queue/signature.ts';
import { startRedis, type TestRedis } from '../queue/redis-server.ts';
import { FaultyNetwork } from './faulty-network.ts';

export const facts: HostFacts = {
  cpus: 4,
  memoryBytes: 8 * 2 ** 30,
  accelerator: 'TCG',
  acceleratorReason: 'the probe guest did not run on KVM',
  versions: { purlin: '0.1.0', libvirt: '9.0.0', qemu: '7.2.0', kernel: '6.1' },
  architecture: 'x86_64',
};

export const simulatedPorts = () => {
  const hypervisor = new SimulatedHypervisor();
  const network = new FaultyNetwork();
  hypervisor.onCarrier = (tap, carrier) => network.setCarrier(tap, carrier);
  return { hypervisor, network, storage: new SimulatedStorage() };
};

/** A Machine with nothing but a seed. */
export const defining = (userData: string, disks: MachineDefinition['disks'] = []): HostAction => ({
  name: 'machine.define',
  arguments: {
    namespace: 'default',
    name: 'web',
    cpus: 1,
    memoryBytes: 2 ** 28,
    firmware: 'BIOS',
    disks,
    interfaces: [],
    seed: { metaData: 'm', networkConfig: 'n', userData },
    restartToken: '',
    definitionHash: 'h',
  },
});

export type SimulatedPorts = ReturnType<typeof simulatedPorts>;

/** One installation: Redis, a controller's side, and an agent on a simulated host. */
export class World {
  readonly installationUid = randomUUID();
  readonly keys: SigningKeys;
  readonly ports = simulatedPorts();
  readonly #directories: string[] = [];
  readonly #agents: Agent[] = [];
  readonly redis: TestRedis;
  readonly orders: OrderBook;
  readonly mirror: ObservationMirror;
  epoch = 1;

  private constructor(
    redis: TestRedis,
    keys: typeof this.keys,
    orders: OrderBook,
    mirror: ObservationMirror,
  ) {
    this.redis = redis;
    this.keys = keys;
    this.orders = orders;
    this.mirror = mirror;
  }

  static async make(): Promise<World> {
    const redis = await startRedis();
    const keys = generateSigningKeys();
    const orders = await OrderBook.connect({ redis: redis.address, signingKey: keys.privateKey });
    return new World(redis, keys, orders, await ObservationMirror.connect(redis.address));
  }

  async startAgent(overrides: Partial<AgentOptions> = {}): Promise<Agent> {
    const agent = await startAgent({
      redis: this.redis.address,
      hostName: 'h1',
      dataDir: overrides.dataDir ?? (await this.newDirectory()),
      ports: this.ports,
      facts,
      trust: { installationUid: this.installationUid, controllerPublicKey: this.keys.publicKey },
      logger: pino({ level: process.env.PURLIN_TEST_LOG ?? 'silent' }),
      ...overrides,
    });
    this.#agents.push(agent);
    await agent.ready();
    await this.until(({ incarnation }) => incarnation === agent.incarnation);
    return agent;
  }

  async newDirectory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'purlin-agent-'));
    this.#directories.push(directory);
    return directory;
  }

  /** An order as the controller would plan it from the present snapshot. */
  plan(uid: string, action: HostAction, overrides: Partial<Order> = {}): Order {
    const seen = this.mirror.get('h1');
    if (seen === 'unknown') throw new Error('the host is unknown');
    const generation = overrides.generation ?? 1;
    return {
      orderId: orderId({ action, uid, generation }),
      installationUid: this.installationUid,
      hostUid: seen.agentUid,
      uid,
      kind: 'Test',
      name: 'test',
      generation,
      epoch: this.epoch,
      incarnation: seen.incarnation,
      basis: seen.sequence,
      action,
      lock: [uid],
      issuedAt: 0,
      ...overrides,
    };
  }

  /** Sends the order and waits for its result. */
  async carryOut(order: Order): Promise<OrderResult> {
    const before = this.mirror.get('h1');
    const sequence = before === 'unknown' ? 0 : (before.results[order.uid]?.atSequence ?? 0);
    await this.orders.put(order);
    const after = await this.until(({ results }) => (results[order.uid]?.atSequence ?? 0) > sequence);
    return after.results[order.uid] as OrderResult;
  }

  /** Resolves with the first known snapshot of the host that fits. */
  async until(fits: (snapshot: HostSnapshot) => boolean, hostName = 'h1'): Promise<HostSnapshot> {
    const now = (): HostSnapshot | undefined => {
      const seen = this.mirror.get(hostName);
      return seen !== 'unknown' && fits(seen) ? seen : undefined;
    };
    const { promise, resolve } = Promise.withResolvers<HostSnapshot>();
    const look = (): void => {
      const seen = now();
      if (seen) resolve(seen);
    };
    const stop = this.mirror.onChange(look);
    look();
    try {
      return await promise;
    } finally {
      stop();
    }
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents) await agent.close(1_000);
    await this.orders.close();
    await this.mirror.close();
    await this.redis.stop();
    for (const directory of this.#directories) await rm(directory, { recursive: true, force: true });
  }
}
