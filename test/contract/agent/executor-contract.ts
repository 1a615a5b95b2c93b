/** What every executor must keep on any host: repeating it changes nothing. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { AgentPorts } from '../../../src/agent/ports.ts';
import { assembleSnapshot } from '../../../src/agent/snapshot.ts';
import { executors } from '../../../src/kinds/execute-registry.ts';
import type { ExecutionContext, Executor, Owner } from '../../../src/kinds/executor.ts';
import type {
  HostActionName,
  HostActions,
  InterfaceDefinition,
  MachineDefinition,
} from '../../../src/plan/actions.ts';
import { tapName } from '../../../src/values/links.ts';
import { facts } from './world.ts';

/** A file that can be imported on every host under test. */
export const imageContent = Buffer.alloc(2 ** 20, 1);

export const actionNames = Object.keys(executors) as HostActionName[];

export interface Uids {
  machine: string;
  rootDisk: string;
  dataDisk: string;
  subnet: string;
  image: string;
}

export const newUids = (): Uids => ({
  machine: randomUUID(),
  rootDisk: randomUUID(),
  dataDisk: randomUUID(),
  subnet: randomUUID(),
  image: randomUUID(),
});

/** One Machine with all that it stands on, under UIDs of its own; `imageFile` holds {@link imageContent}. */
export class Installation<Ports extends AgentPorts = AgentPorts> {
  readonly ports: Ports;
  readonly uids: Uids;
  readonly #imageFile: string;

  constructor(ports: Ports, imageFile: string, uids: Uids = newUids()) {
    this.ports = ports;
    this.uids = uids;
    this.#imageFile = imageFile;
  }

  get ethernet(): InterfaceDefinition {
    return this.#interface('eth0', 1);
  }

  get second(): InterfaceDefinition {
    return this.#interface('eth1', 2);
  }

  get definition(): MachineDefinition {
    return {
      namespace: 'default',
      name: 'web',
      cpus: 1,
      memoryBytes: 64 * 2 ** 20,
      firmware: 'BIOS',
      disks: [{ name: 'root', diskUid: this.uids.rootDisk, format: 'qcow2', boot: true }],
      interfaces: [this.ethernet],
      seed: { metaData: 'instance-id: x\n', networkConfig: 'version: 2\n', userData: '#cloud-config\n' },
      restartToken: '',
      definitionHash: 'first',
    };
  }

  /** More of everything that can be added to a running guest. */
  get enlarged(): MachineDefinition {
    const { definition } = this;
    return {
      ...definition,
      cpus: 2,
      disks: [
        ...definition.disks,
        { name: 'data', diskUid: this.uids.dataDisk, format: 'qcow2', boot: false },
      ],
      interfaces: [this.ethernet, this.second],
      definitionHash: 'second',
    };
  }

  get wanted(): { [Name in HostActionName]: HostActions[Name] } {
    const { definition, ethernet } = this;
    return {
      'image.import': { from: { file: this.#imageFile }, format: 'raw', compression: 'None' },
      'image.delete': {},
      'disk.create': { sizeBytes: 2 ** 20, format: 'qcow2' },
      'disk.grow': { sizeBytes: 2 ** 21 },
      'disk.delete': {},
      'disk.retain': {},
      'subnet.realise': {
        cidr: '10.20.0.0/24',
        gateway: '10.20.0.1',
        mtu: 1500,
        egress: 'None',
        dnsServers: [],
        reservations: [{ macAddress: ethernet.macAddress, address: ethernet.address, hostname: 'web' }],
      },
      'subnet.delete': {},
      'machine.define': definition,
      'machine.start': { interfaces: definition.interfaces },
      'machine.connect': { interfaces: definition.interfaces },
      'machine.reconfigure': this.enlarged,
      'machine.requestShutdown': { graceMs: 30_000 },
      'machine.withdrawShutdown': {},
      'machine.powerOff': {},
      'machine.delete': { interfaceNames: ['eth0', 'eth1'] },
    };
  }

  context(overrides: Partial<ExecutionContext> = {}): ExecutionContext {
    return {
      ...this.ports,
      signal: new AbortController().signal,
      uptimeMs: () => 1_000,
      host: { accelerator: 'TCG', cpus: 4 },
      ...overrides,
    };
  }

  async perform<Name extends HostActionName>(name: Name, ownerUid = this.#ownerOf(name)): Promise<void> {
    const executor = executors[name] as Executor<Name>;
    await executor(this.wanted[name], this.context(), ownerOf(ownerUid));
  }

  /** Brings the host to where the action makes sense. */
  async prepare(name: HostActionName): Promise<void> {
    if (name.startsWith('machine.')) await this.perform('disk.create', this.uids.dataDisk);
    for (const each of before[name]) await this.perform(each);
  }

  /** Everything that a planner would see of the host. */
  async state() {
    const { hypervisor, network, storage } = this.ports;
    const host = { hostName: 'h1', agentUid: 'a', bootId: 'b', facts };
    const listings = {
      domains: await hypervisor.listDomains(),
      network: await network.list(),
      storage: { ...(await storage.list()), freeBytes: 0 },
    };
    const progress = { complete: true, epoch: 1, earlierOrdersEnded: true };
    const rest = { ...progress, results: new Map(), removed: {}, unplugged: new Set<string>() };
    return assembleSnapshot(host, { ...listings, ...rest, uptimeMs: 1_000 }, (diskUid) =>
      storage.diskPath(diskUid),
    );
  }

  async removeEverything(): Promise<void> {
    for (const name of ['machine.powerOff', 'machine.delete', 'subnet.delete'] as const)
      await this.perform(name);
    for (const disk of [this.uids.rootDisk, this.uids.dataDisk]) await this.perform('disk.delete', disk);
    await this.perform('image.delete');
  }

  #ownerOf(name: HostActionName): string {
    const owners = {
      image: this.uids.image,
      disk: this.uids.rootDisk,
      subnet: this.uids.subnet,
      machine: this.uids.machine,
    };
    return owners[name.split('.')[0] as keyof typeof owners];
  }

  #interface(name: string, number: number): InterfaceDefinition {
    return {
      name,
      subnetUid: this.uids.subnet,
      macAddress: `02:00:00:00:00:0${number}`,
      address: `10.20.0.1${number}`,
      mtu: 1500,
    };
  }
}

export const ownerOf = (uid: string): Owner => ({ uid, generation: 1, installationUid });

/** The one whose domains are listed. */
export const installationUid = randomUUID();

const defined: HostActionName[] = ['disk.create', 'subnet.realise', 'machine.define'];
const running: HostActionName[] = [...defined, 'machine.start'];
const before: { [Name in HostActionName]: HostActionName[] } = {
  'image.import': [],
  'image.delete': ['image.import'],
  'disk.create': [],
  'disk.grow': ['disk.create'],
  'disk.delete': ['disk.create'],
  'disk.retain': ['disk.create'],
  'subnet.realise': [],
  'subnet.delete': ['subnet.realise'],
  'machine.define': ['disk.create', 'subnet.realise'],
  'machine.start': defined,
  'machine.connect': running,
  'machine.reconfigure': running,
  'machine.requestShutdown': running,
  'machine.withdrawShutdown': [...running, 'machine.requestShutdown'],
  'machine.powerOff': running,
  'machine.delete': [...running, 'machine.powerOff'],
};

/** What somebody does on the host by hand, with libvirt's own tools. */
export interface ByHand {
  /** The disk of the running guest goes on in another file, which stands on the one that it had. */
  snapshot: (installation: Installation, target: string) => Promise<void>;
  /** The disk is again in the file that it had. */
  commit: (installation: Installation, target: string) => Promise<void>;
  /** The running guest is saved with its memory, and off. */
  save: (installation: Installation) => Promise<void>;
  /** What was saved is gone. */
  discardSaved: (installation: Installation) => Promise<void>;
  loseTap: (installation: Installation, tap: string) => Promise<void>;
  /** Whether guests give up a device when they are asked to; without an operating system none does. */
  guestsLetGo: boolean;
}

/** @param install a new installation on the host under test */
export function describeExecutors(install: () => Installation | Promise<Installation>, byHand: ByHand): void {
  test.each(actionNames)('%s, executed twice, leaves the same state as once', async (name) => {
    const installation = await install();
    await installation.prepare(name);
    await installation.perform(name);
    const once = await installation.state();

    await installation.perform(name);

    expect(await installation.state()).toEqual(once);
    await installation.removeEverything();
    expect(await installation.state()).toMatchObject({ domains: {}, disks: {}, images: {}, seeds: {} });
    expect(await installation.state()).toMatchObject({ segments: {}, ports: {} });
  });

  test('a running guest gets what it lacks, and its disk grows through it', async () => {
    const installation = await install();
    const { machine, rootDisk, dataDisk } = installation.uids;
    await installation.prepare('machine.reconfigure');

    await installation.perform('machine.reconfigure');
    await installation.perform('disk.grow');

    const { domains, disks, ports } = await installation.state();
    expect(domains[machine]).toMatchObject({
      power: 'running',
      definitionHash: 'second',
      live: { cpus: 2 },
      config: { cpus: 2 },
    });
    expect(domains[machine]?.live?.disks.flatMap(({ diskUid }) => diskUid ?? []).sort()).toEqual(
      [rootDisk, dataDisk].sort(),
    );
    expect(domains[machine]?.live?.interfaces).toHaveLength(2);
    expect(Object.values(ports).map(({ attached, rules }) => ({ attached, rules }))).toEqual([
      { attached: true, rules: 'present' },
      { attached: true, rules: 'present' },
    ]);
    expect(disks[rootDisk]?.sizeBytes).toBe(2 ** 21);
    await installation.removeEverything();
  });

  test('a disk that goes on in another file stays with its guest, and is neither grown nor defined over', async () => {
    const installation = await install();
    const { machine, rootDisk } = installation.uids;
    await installation.prepare('machine.reconfigure');
    await byHand.snapshot(installation, 'vda');

    const { domains } = await installation.state();
    const redirected = { target: 'vda', diskUid: rootDisk, redirectedTo: expect.stringContaining('backup') };
    for (const hardware of [domains[machine]?.live, domains[machine]?.config])
      expect(hardware?.disks).toContainEqual(redirected);
    for (const name of ['machine.reconfigure', 'machine.define', 'disk.grow'] as const)
      await expect(installation.perform(name)).rejects.toMatchObject({ reason: 'DiskRedirected' });
    await expect(installation.perform('disk.delete')).rejects.toMatchObject({ reason: 'InUse' });
    expect((await installation.state()).domains).toEqual(domains);

    await byHand.commit(installation, 'vda');
    await installation.perform('machine.reconfigure');
    await installation.perform('disk.grow');
    const after = await installation.state();
    expect(after.domains[machine]?.live?.disks).toContainEqual({ target: 'vda', diskUid: rootDisk });
    expect(after.disks[rootDisk]?.sizeBytes).toBe(2 ** 21);
    await installation.removeEverything();
  });

  test('a guest that was saved comes back as it was, and not with what it is not to have any more', async () => {
    const installation = await install();
    const { definition, enlarged, uids } = installation;
    const start = (interfaces: InterfaceDefinition[]) =>
      executors['machine.start']({ interfaces }, installation.context(), ownerOf(uids.machine));
    await installation.prepare('machine.reconfigure');
    await installation.perform('machine.reconfigure');
    await byHand.save(installation);
    await start(enlarged.interfaces);
    const restored = (await installation.state()).domains[uids.machine];
    expect(restored).toMatchObject({ power: 'running', live: { cpus: 2 } });

    await byHand.save(installation);
    const spare = { interfaces: definition.interfaces };
    await installation.perform('machine.define');
    await executors['machine.connect'](spare, installation.context(), ownerOf(uids.machine));
    const saved = await installation.state();
    const left = { diskUid: uids.dataDisk, target: 'vdb' };
    expect(saved.domains[uids.machine]?.config?.disks).not.toContainEqual(left);
    expect(saved.domains[uids.machine]?.saved?.disks).toContainEqual(left);
    expect(Object.keys(saved.ports)).toHaveLength(2);
    await expect(installation.perform('disk.delete', uids.dataDisk)).rejects.toMatchObject({
      reason: 'InUse',
    });
    await expect(start(definition.interfaces)).rejects.toMatchObject({ reason: 'SavedStateDiffers' });

    await byHand.discardSaved(installation);
    await start(definition.interfaces);
    const { live } = (await installation.state()).domains[uids.machine] ?? {};
    expect(live).toMatchObject({ cpus: 1 });
    expect(live?.disks).not.toContainEqual(left);
    await installation.removeEverything();
  });

  test('a host may have more CPUs than a guest can get', async () => {
    const installation = await install();
    const { definition, uids } = installation;
    await installation.prepare('machine.define');
    const context = installation.context({ host: { accelerator: 'TCG', cpus: 512 } });
    await executors['machine.define'](definition, context, ownerOf(uids.machine));
    await installation.perform('machine.start');
    expect((await installation.state()).domains[uids.machine]).toMatchObject({
      power: 'running',
      live: { cpus: 1, maxCpus: 255 },
    });
    await installation.removeEverything();
  });

  test('a tap that was lost under a running guest is made anew and held by it, or the guest is said to hold on', async () => {
    const installation = await install();
    const { machine } = installation.uids;
    await installation.prepare('machine.connect');
    const held = async () => Object.values((await installation.state()).ports).map(({ carrier }) => carrier);
    expect(await held()).toEqual(['present']);

    await byHand.loseTap(installation, tapName(machine, 'eth0'));
    const outcome = await installation.perform('machine.connect').then(
      () => 'connected',
      ({ name }: Error) => name,
    );

    const { domains } = await installation.state();
    expect(domains[machine]?.power).toBe('running');
    expect({ outcome, held: await held() }).toEqual(
      byHand.guestsLetGo
        ? { outcome: 'connected', held: ['present'] }
        : { outcome: 'DeviceNotReleased', held: ['absent'] },
    );
    await installation.perform('machine.powerOff');
    await installation.perform('machine.start');
    expect(await held()).toEqual(['present']);
    await installation.removeEverything();
  });

  test('what is in use is not destroyed, whatever was planned', async () => {
    const installation = await install();
    await installation.prepare('machine.powerOff');

    await expect(installation.perform('disk.delete')).rejects.toMatchObject({
      reason: 'InUse',
      message: expect.stringContaining('Machine default/web'),
    });
    await expect(installation.perform('subnet.delete')).rejects.toMatchObject({ reason: 'InUse' });
    await expect(installation.perform('machine.delete')).rejects.toMatchObject({ reason: 'StillRunning' });
    await installation.removeEverything();
  });

  test('a Machine that never was here has nothing to be deleted', async () => {
    const installation = await install();
    const before = await installation.state();
    await installation.perform('machine.delete');
    await installation.perform('machine.powerOff');
    expect(await installation.state()).toEqual(before);
  });
}
