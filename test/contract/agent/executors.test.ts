import { describe, expect, test } from '@jest/globals';
import { executors } from '../../../src/kinds/execute-registry.ts';
import { reservationsHash, tapName } from '../../../src/values/links.ts';
import {
  actionNames,
  describeExecutors,
  imageContent,
  Installation,
  newUids,
  ownerOf,
  type Uids,
} from './executor-contract.ts';
import { type SimulatedPorts, simulatedPorts } from './world.ts';

/** An installation on a simulated host, whose ports can be made to fail. */
function install(uids?: Uids): Installation<SimulatedPorts> {
  const ports = simulatedPorts();
  ports.storage.publish('/images/a.raw', imageContent);
  ports.hypervisor.guestsShutDown = false;
  ports.hypervisor.onResize = (path, bytes) => {
    const uid = path.split('/').at(-2);
    if (uid) ports.storage.resizeBehind(uid, bytes);
  };
  return new Installation(ports, '/images/a.raw', uids);
}

const redirect =
  (path: (diskUid: string) => string) =>
  async ({ ports, uids }: Installation, target: string): Promise<void> =>
    (ports as SimulatedPorts).hypervisor.byHand.redirectDisk(uids.machine, target, path(uids.rootDisk));

describe('on a simulated host', () =>
  describeExecutors(() => install(), {
    snapshot: redirect((uid) => `/backup/${uid}`),
    commit: redirect((uid) => simulatedPorts().storage.diskPath(uid)),
    save: async ({ ports, uids }) => (ports as SimulatedPorts).hypervisor.byHand.save(uids.machine),
    discardSaved: async ({ ports, uids }) =>
      (ports as SimulatedPorts).hypervisor.byHand.discardSaved(uids.machine),
    loseTap: async ({ ports }, tap) => (ports as SimulatedPorts).network.loseTap(tap),
    guestsLetGo: true,
  }));

test('a card whose link an operator took down, or whose guest is paused, is not plugged again', async () => {
  const installation = install();
  const { ports, uids, ethernet } = installation;
  await installation.prepare('machine.connect');
  const tap = tapName(uids.machine, 'eth0');
  const reconnected = async () => {
    ports.network.loseTap(tap);
    await installation.perform('machine.connect');
    const { carrier } = (await ports.network.list()).ports.find((port) => port.tap === tap) ?? {};
    return carrier;
  };
  ports.hypervisor.byHand.setLink(uids.machine, ethernet.macAddress, 'down');
  expect(await reconnected()).toBe('absent');
  ports.hypervisor.byHand.setLink(uids.machine, ethernet.macAddress, 'up');
  ports.hypervisor.byHand.pause(uids.machine, 'user');
  expect(await reconnected()).toBe('absent');
  await ports.hypervisor.startDomain(uids.machine);
  expect(await reconnected()).toBe('present');
});

describe('after a failure before or after any of its steps', () => {
  const operations = {
    hypervisor: [
      'defineDomain',
      'startDomain',
      'requestShutdown',
      'withdrawShutdown',
      'destroyDomain',
      'undefineDomain',
      'attachDisk',
      'attachInterface',
      'raiseVcpus',
      'findDomain',
      'listDomains',
    ],
    storage: [
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
      'list',
    ],
    network: ['ensureSegment', 'deleteSegment', 'ensurePort', 'deletePort', 'list'],
  } as const;

  /** Every way in which one step of the port can fail. */
  const faults = (['before', 'after'] as const).flatMap((when) => [
    ...operations.hypervisor.map((operation) => ({
      what: `hypervisor.${operation} fails ${when}`,
      inject: ({ hypervisor }: SimulatedPorts) => hypervisor.failNext(operation, injected, when),
    })),
    ...operations.storage.map((operation) => ({
      what: `storage.${operation} fails ${when}`,
      inject: ({ storage }: SimulatedPorts) => storage.failNext(operation, injected, when),
    })),
    ...operations.network.map((operation) => ({
      what: `network.${operation} fails ${when}`,
      inject: ({ network }: SimulatedPorts) => network.failNext(operation, injected, when),
    })),
  ]);
  const injected = new Error('injected');

  test.each(actionNames)('%s ends in the same state when it is repeated', async (name) => {
    const uids = newUids();
    const undisturbed = install(uids);
    await undisturbed.prepare(name);
    await undisturbed.perform(name);
    const expected = await undisturbed.state();

    for (const { what, inject } of faults) {
      const installation = install(uids);
      await installation.prepare(name);
      inject(installation.ports);
      await installation.perform(name).catch((error: unknown) => expect(error).toBe(injected));
      await installation.perform(name);
      // A fault of a step that the action does not take would strike the look at the state instead.
      const state = await installation.state().catch(() => installation.state());
      expect({ what, state }).toEqual({ what, state: expected });
    }
  });
});

describe('a running guest', () => {
  test('keeps its vCPUs when fewer are wanted', async () => {
    const installation = install();
    await installation.prepare('machine.reconfigure');
    await installation.perform('machine.reconfigure');
    await installation.perform('machine.define');
    const { domains } = await installation.state();
    expect(domains[installation.uids.machine]).toMatchObject({ live: { cpus: 2 }, config: { cpus: 1 } });
  });

  test('gives up what it is no longer to have, and the taps go with it', async () => {
    const installation = install();
    const { definition, second } = installation;
    const { dataDisk, machine } = installation.uids;
    await installation.prepare('machine.reconfigure');
    const other = {
      ...definition,
      disks: [{ name: 'data', diskUid: dataDisk, format: 'qcow2' as const, boot: false }],
      interfaces: [second],
    };

    await executors['machine.reconfigure'](other, installation.context(), ownerOf(machine));

    const { domains, ports } = await installation.state();
    expect(domains[machine]?.live?.disks.flatMap(({ diskUid }) => diskUid ?? [])).toEqual([dataDisk]);
    expect(Object.keys(ports)).toEqual([tapName(machine, 'eth1')]);
  });

  test('keeps the tap of an interface that it does not release', async () => {
    const installation = install();
    const { ethernet, second, ports } = installation;
    const { machine } = installation.uids;
    await installation.prepare('machine.reconfigure');
    ports.hypervisor.byHand.holdDevice(machine, ethernet.macAddress);
    const other = { ...installation.definition, interfaces: [second] };

    await expect(
      executors['machine.reconfigure'](other, installation.context(), ownerOf(machine)),
    ).rejects.toThrow('not released');
    await executors['machine.connect']({ interfaces: [second] }, installation.context(), ownerOf(machine));

    expect(Object.keys((await installation.state()).ports)).toContain(tapName(machine, 'eth0'));
  });

  test('keeps the targets of its disks when others come and go', async () => {
    const installation = install();
    const { machine, dataDisk, rootDisk } = installation.uids;
    await installation.prepare('machine.reconfigure');
    await installation.perform('machine.reconfigure');
    const [root, data] = installation.enlarged.disks;
    if (!root || !data) throw new Error('two disks were defined');

    await executors['machine.define'](
      { ...installation.enlarged, disks: [data, root] },
      installation.context(),
      ownerOf(machine),
    );

    const { domains } = await installation.state();
    expect(domains[machine]?.config?.disks).toEqual(
      expect.arrayContaining([
        { diskUid: rootDisk, target: 'vda' },
        { diskUid: dataDisk, target: 'vdb' },
      ]),
    );
  });
});

describe('a Subnet', () => {
  test('that lacks only a reservation keeps its dnsmasq', async () => {
    const installation = install();
    await installation.prepare('subnet.delete');
    installation.ports.network.failNext('ensureSegment', new Error('the segment was made again'));
    const fewer = { ...installation.wanted['subnet.realise'], reservations: [] };

    await executors['subnet.realise'](fewer, installation.context(), ownerOf(installation.uids.subnet));

    const { segments } = await installation.state();
    expect(segments[installation.uids.subnet]?.reservationsHash).toBe(reservationsHash([]));
  });
});
