/** What planners make of hosts that have more than the store says: it was restored from a backup. */
import { expect, test } from '@jest/globals';
import { planDisk } from '../../../src/kinds/disk/plan.ts';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import { planSubnet } from '../../../src/kinds/subnet/plan.ts';
import type { Outcome } from '../../../src/plan/outcome.ts';
import {
  deleted,
  disk,
  domainOf,
  host,
  hostObject,
  machine,
  segment,
  sentence,
  silentHost,
  subnet,
} from './builders.ts';
import {
  candidate,
  claimBy,
  heldBy,
  machineInput,
  readySubnet,
  withDisk,
  withInterface,
} from './machine-builders.ts';

const web = machine();
const uid = 'uid-of-data';
const file = { diskUid: uid, format: 'qcow2' as const, sizeBytes: 2 ** 30, retained: false };
const guest = (name: string) => domainOf(machineInput(withDisk(machine(name))));
const withData = host({ hostName: 'h2', disks: { [uid]: file } });

const adopts = (outcome: Outcome): boolean => outcome.type === 'act' && outcome.adopts;

const ofDisk = (of: ReturnType<typeof disk>, hosts = [host(), withData]) =>
  planDisk({ disk: of, hosts, image: undefined, claimant: undefined });

test.each(['Immediate', 'WaitForFirstConsumer'] as const)(
  'a Disk without a host is bound to the one that has its data (%s)',
  (bindingMode) => {
    const outcome = ofDisk(disk('data', { spec: { bindingMode } }));
    expect(outcome).toMatchObject({ step: { action: { name: 'api.bindDisk', hostName: 'h2' } } });
    expect(adopts(outcome)).toBe(true);
  },
);

test('so is one that is being deleted: its removal must not depend on the host being seen then', () => {
  const going = disk('data', { metadata: deleted });
  expect(sentence(ofDisk(going))).toBe('api.bindDisk (Bound): host h2 has the data of the disk already');
  expect(sentence(ofDisk(going, [host()]))).toBe(
    'api.releaseFinalizer (Released): the disk was never made on a host',
  );
});

test('a Machine is not placed away from a Disk whose host the store does not say', () => {
  const candidates = [candidate('h1'), { ...candidate('h2'), host: hostObject('h2') }];
  const input = {
    ...withDisk(web, disk('data')),
    placement: undefined,
    hosts: [host(), withData],
    candidates,
  };
  expect(sentence(planMachine(machineInput(input)))).toBe('api.createChild (Scheduled): bound to host h2');
});

test('nor has it one claimed that is on another host', () => {
  const input = machineInput({ ...withDisk(web, disk('data')), hosts: [host(), withData] });
  expect(sentence(planMachine(input))).toMatch(/^blocked \(DiskElsewhere\): Disk data is on host h2/);
});

test('a Machine that is being deleted is bound to the host that has its guest, if nothing else says which', () => {
  const going = machine('web', { metadata: deleted });
  const hosts = [host({ hostName: 'h9', domains: { 'uid-of-web': guest('web') } })];
  const outcome = planMachine(machineInput({ machine: going, placement: undefined, hosts }));
  expect(sentence(outcome)).toBe('api.createChild (Scheduled): the Machine was bound to host h9 before');
  expect(adopts(outcome)).toBe(true);
  const known = machine('web', { metadata: deleted, status: { hostName: 'h9' } });
  expect(sentence(planMachine(machineInput({ machine: known, placement: undefined, hosts })))).toMatch(
    /^machine\.requestShutdown on h9/,
  );
});

test('so is one of which a host has only the seed, by a removal that was cut short', () => {
  const hosts = [host(), host({ hostName: 'h9', seeds: { 'uid-of-web': 'hash' } })];
  for (const metadata of [{}, deleted]) {
    const input = machineInput({ machine: machine('web', { metadata }), placement: undefined, hosts });
    expect(sentence(planMachine(input))).toContain('the Machine was bound to host h9 before');
  }
  const known = machine('web', { metadata: deleted, status: { hostName: 'h1' } });
  const removedFromOne = [host({ removed: { 'uid-of-web': 1 } }), ...hosts.slice(1)];
  expect(sentence(planMachine(machineInput({ machine: known, hosts: removedFromOne })))).toMatch(
    /^machine\.delete on h9/,
  );
});

const attached = (hosts: MachineInput['hosts'], claim?: ReturnType<typeof claimBy>): string => {
  const status = { hostName: 'h1', ...(claim && { claim }) };
  return sentence(planMachine(machineInput({ ...withDisk(web, disk('data', { status })), hosts })));
};

test('a Disk that another guest has open is not attached, whoever has the claim', () => {
  const taken =
    'wait (DiskInUse): Disk data is attached to guest uid-of-lost on host h1, which has no claim to it; take it from there, or take it out of spec.disks';
  const hosts = [host({ domains: { 'uid-of-lost': guest('lost') } })];
  expect(attached(hosts)).toBe(taken);
  expect(attached(hosts, claimBy(web))).toBe(taken);
  expect(attached([host({ domains: { 'uid-of-web': guest('web') } })], claimBy(web))).not.toBe(taken);
  expect(attached([silentHost()], claimBy(web))).not.toContain('DiskInUse');
});

test('the address that a guest has gets an object again, also while its Machine is being deleted', () => {
  const port = {
    hostName: 'h1',
    interfaceName: 'eth0',
    address: '10.20.0.7',
    macAddress: '02:00:00:00:00:07',
  };
  const unrecorded = [{ ...port, subnet: readySubnet() }];
  for (const metadata of [{}, deleted]) {
    const of = machine('web', { metadata, status: { hostName: 'h1' } });
    const outcome = planMachine(machineInput({ machine: of, unrecorded }));
    expect(sentence(outcome)).toBe(
      'api.createChild (AllocatingAddress): interface eth0 has 10.20.0.7 on host h1 already',
    );
    expect(outcome).toMatchObject({
      adopts: true,
      step: { action: { child: { spec: { address: '10.20.0.7', macAddress: '02:00:00:00:00:07' } } } },
    });
  }
});

test.each([
  ['address', { address: '10.20.0.10' }],
  ['MAC address', { macAddress: heldBy(web).spec.macAddress }],
])('an interface whose %s another guest has is not connected', (_what, used) => {
  const input = withInterface(web, { held: heldBy(web), ports: [{ hostName: 'h3', ...used }] });
  expect(sentence(planMachine(machineInput(input)))).toMatch(
    /^wait \(AddressInUse\): address 10\.20\.0\.10 of interface eth0 is used on host h3 by a guest that has no IPAddress for it/,
  );
});

test('a Subnet that is on a host holds its network again, before an older one is given it', () => {
  const net = subnet();
  const hosts = [host(), host({ hostName: 'h2', segments: { [net.metadata.uid]: segment(net) } })];
  const older = subnet('older', { metadata: { creationTimestamp: '2025-01-01T00:00:00Z' } });
  const outcome = planSubnet({ subnet: net, hosts, addresses: [], machines: [], others: [older] });
  expect(sentence(outcome)).toBe('api.holdNetwork (HoldingNetwork): host h2 has the network already');
  expect(adopts(outcome)).toBe(true);
});
