import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { assembleSnapshot } from '../../../src/agent/snapshot.ts';
import { executors } from '../../../src/kinds/execute-registry.ts';
import type { ExecutionContext, Executor, Owner } from '../../../src/kinds/executor.ts';
import type { HostActionName, HostActions, MachineDefinition } from '../../../src/plan/actions.ts';
import { reservationsHash, tapName } from '../../../src/values/links.ts';
import { facts, type SimulatedPorts, simulatedPorts } from './world.ts';

const uid = randomUUID();
const rootDisk = randomUUID();
const dataDisk = randomUUID();
const subnet = randomUUID();
const imageUid = randomUUID();
const image = Buffer.alloc(1024, 1);

const ethernet = {
  name: 'eth0',
  subnetUid: subnet,
  macAddress: '02:00:00:00:00:01',
  address: '10.20.0.10',
  mtu: 1500,
};
const second = { ...ethernet, name: 'eth1', macAddress: '02:00:00:00:00:02', address: '10.20.0.11' };

const definition: MachineDefinition = {
  namespace: 'default',
  name: 'web',
  cpus: 1,
  memoryBytes: 256 * 2 ** 20,
  firmware: 'BIOS',
  disks: [{ name: 'root', diskUid: rootDisk, format: 'qcow2', boot: true }],
  interfaces: [ethernet],
  seed: { metaData: 'instance-id: x', networkConfig: '', userData: '' },
  restartToken: '',
  definitionHash: 'first',
};
const changed: MachineDefinition = {
  ...definition,
  cpus: 3,
  disks: [{ name: 'data', diskUid: dataDisk, format: 'qcow2', boot: false }],
  interfaces: [second],
  definitionHash: 'second',
};

type Wanted = { [Name in HostActionName]: HostActions[Name] };

const wanted: Wanted = {
  'image.import': { from: { file: '/images/a.raw' }, format: 'raw', compression: 'None' },
  'image.delete': {},
  'disk.create': { sizeBytes: 2 ** 20, format: 'qcow2' },
  'disk.grow': { sizeBytes: 2 ** 21 },
  'disk.delete': {},
  'disk.retain': {},
  'subnet.realise': {
    cidr: '10.20.0.0/24',
    gateway: '10.20.0.1',
    mtu: 1500,
    egress: 'NAT',
    dnsServers: [],
    reservations: [{ macAddress: ethernet.macAddress, address: ethernet.address, hostname: 'web' }],
  },
  'subnet.delete': {},
  'machine.define': definition,
  'machine.start': { interfaces: [ethernet] },
  'machine.connect': { interfaces: [ethernet] },
  'machine.reconfigure': changed,
  'machine.requestShutdown': {},
  'machine.powerOff': {},
  'machine.delete': { interfaceNames: ['eth0'] },
};

/** What must have happened before an action makes sense. */
const defined: HostActionName[] = ['subnet.realise', 'machine.define'];
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
  'machine.define': [],
  'machine.start': defined,
  'machine.connect': running,
  'machine.reconfigure': running,
  'machine.requestShutdown': running,
  'machine.powerOff': running,
  'machine.delete': [...running, 'machine.powerOff'],
};

const names = Object.keys(executors) as HostActionName[];

const owners: Record<string, string> = { image: imageUid, disk: rootDisk, subnet, machine: uid };

async function perform<Name extends HostActionName>(name: Name, ports: SimulatedPorts): Promise<void> {
  const executor = executors[name] as Executor<Name>;
  await executor(wanted[name], contextOf(ports), owner(owners[name.split('.')[0] as string] as string));
}

const contextOf = (ports: SimulatedPorts): ExecutionContext => ({
  ...ports,
  signal: new AbortController().signal,
  now: () => 1_000,
  host: { accelerator: 'TCG', cpus: 4 },
});

const owner = (ownerUid: string): Owner => ({ uid: ownerUid, generation: 1, installationUid: 'i' });

async function hostBefore(name: HostActionName): Promise<SimulatedPorts> {
  const ports = simulatedPorts();
  ports.storage.publish('/images/a.raw', image);
  for (const each of before[name]) await perform(each, ports);
  return ports;
}

async function stateOf({ hypervisor, network, storage }: SimulatedPorts) {
  const host = { hostName: 'h1', agentUid: 'a', bootId: 'b', facts };
  const parts = {
    domains: await hypervisor.listDomains(),
    network: await network.list(),
    storage: await storage.list(),
  };
  const rest = { complete: true, epoch: 1, results: new Map(), removed: {} };
  return assembleSnapshot(host, { ...parts, ...rest }, (diskUid) => storage.diskPath(diskUid));
}

describe.each(names)('%s', (name) => {
  test('executed twice leaves the same state as once', async () => {
    const ports = await hostBefore(name);
    await perform(name, ports);
    const once = await stateOf(ports);

    await perform(name, ports);

    expect(await stateOf(ports)).toEqual(once);
  });

  test('ends in the same state after a failure before or after any of its steps', async () => {
    const clean = await hostBefore(name);
    await perform(name, clean);
    const expected = await stateOf(clean);

    for (const when of ['before', 'after'] as const) {
      for (const operation of hypervisorOperations) {
        const ports = await hostBefore(name);
        ports.hypervisor.failNext(operation, new Error('injected'), when);
        await performOverFailure(name, ports);
        expect({ when, operation, state: await stateOf(ports) }).toEqual({
          when,
          operation,
          state: expected,
        });
      }
      for (const operation of storageOperations) {
        const ports = await hostBefore(name);
        ports.storage.failNext(operation, new Error('injected'), when);
        await performOverFailure(name, ports);
        expect({ when, operation, state: await stateOf(ports) }).toEqual({
          when,
          operation,
          state: expected,
        });
      }
      for (const operation of networkOperations) {
        const ports = await hostBefore(name);
        ports.network.failNext(operation, new Error('injected'), when);
        await performOverFailure(name, ports);
        expect({ when, operation, state: await stateOf(ports) }).toEqual({
          when,
          operation,
          state: expected,
        });
      }
    }
  });
});

const hypervisorOperations = [
  'defineDomain',
  'startDomain',
  'requestShutdown',
  'destroyDomain',
  'undefineDomain',
  'attachDisk',
  'detachDisk',
  'attachInterface',
  'detachInterface',
  'raiseVcpus',
] as const;
const storageOperations = [
  'createDisk',
  'growDisk',
  'deleteDisk',
  'retainDisk',
  'importImage',
  'deleteImage',
  'ensureSeed',
  'deleteSeed',
  'ensureMachineDirectory',
  'deleteMachineDirectory',
] as const;
const networkOperations = ['ensureSegment', 'deleteSegment', 'ensurePort', 'deletePort'] as const;

/** Fails at most once by the injected fault; what the action does not use is not failed, and is taken out. */
async function performOverFailure(name: HostActionName, ports: SimulatedPorts): Promise<void> {
  await perform(name, ports).catch((error: Error) => expect(error.message).toBe('injected'));
  await perform(name, ports);
}

describe('a destruction looks for users first', () => {
  test('disk.delete: a Machine that is defined with it, running or not', async () => {
    const ports = simulatedPorts();
    await perform('machine.define', ports);
    await expect(perform('disk.delete', ports)).rejects.toMatchObject({
      reason: 'InUse',
      message: expect.stringContaining('Machine default/web'),
    });
  });

  test('subnet.delete: a tap on it', async () => {
    const ports = await hostBefore('machine.connect');
    await expect(perform('subnet.delete', ports)).rejects.toMatchObject({
      reason: 'InUse',
      message: expect.stringContaining(tapName(uid, 'eth0')),
    });
  });

  test('machine.delete: a guest that runs', async () => {
    const ports = await hostBefore('machine.powerOff');
    await expect(perform('machine.delete', ports)).rejects.toMatchObject({ reason: 'StillRunning' });
  });

  test('machine.delete of a Machine that never was here has nothing to do', async () => {
    const ports = simulatedPorts();
    await perform('machine.delete', ports);
    expect((await stateOf(ports)).domains).toEqual({});
  });
});

describe('a running guest', () => {
  test('is brought to its definition as far as that goes live', async () => {
    const ports = await hostBefore('machine.reconfigure');
    await perform('machine.reconfigure', ports);
    const { domains, ports: taps } = await stateOf(ports);

    expect(domains[uid]).toMatchObject({
      definitionHash: 'second',
      runningHash: 'first',
      live: { cpus: 3, interfaces: [{ tap: tapName(uid, 'eth1') }] },
    });
    expect(domains[uid]?.live?.disks.flatMap(({ diskUid }) => diskUid ?? [])).toEqual([dataDisk]);
    expect(Object.keys(taps)).toEqual([tapName(uid, 'eth1')]);
  });

  test('keeps its vCPUs when fewer are wanted', async () => {
    const ports = await hostBefore('machine.reconfigure');
    await perform('machine.reconfigure', ports);
    await perform('machine.define', ports);
    const { domains } = await stateOf(ports);
    expect(domains[uid]?.live?.cpus).toBe(3);
    expect(domains[uid]?.config?.cpus).toBe(1);
  });

  test('has its disk grown through itself', async () => {
    const ports = simulatedPorts();
    const resized: [string, number][] = [];
    ports.hypervisor.onResize = (path, bytes) => {
      resized.push([path, bytes]);
      ports.storage.resizeBehind(rootDisk, bytes);
    };
    for (const name of ['disk.create', ...running] as const) await perform(name, ports);

    await perform('disk.grow', ports);

    expect(resized).toEqual([[ports.storage.diskPath(rootDisk), 2 ** 21]]);
    expect((await stateOf(ports)).disks[rootDisk]?.sizeBytes).toBe(2 ** 21);
  });

  test('has the taps that it no longer asks for taken away, but none that it still holds', async () => {
    const ports = await hostBefore('machine.connect');
    ports.hypervisor.holdDevice(uid, ethernet.macAddress);

    await expect(perform('machine.reconfigure', ports)).rejects.toThrow('not released');
    await executors['machine.connect']({ interfaces: [second] }, contextOf(ports), owner(uid));

    expect(Object.keys((await stateOf(ports)).ports)).toContain(tapName(uid, 'eth0'));
  });
});

describe('a Subnet', () => {
  test('that lacks only a reservation keeps its dnsmasq', async () => {
    const ports = await hostBefore('subnet.delete');
    ports.network.failNext('ensureSegment', new Error('the segment was made again'));
    const more = { ...wanted['subnet.realise'], reservations: [] };

    await executors['subnet.realise'](more, contextOf(ports), owner(subnet));

    const { segments } = await stateOf(ports);
    expect(segments[subnet]?.reservationsHash).toBe(reservationsHash([]));
  });
});
