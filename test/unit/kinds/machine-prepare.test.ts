import { describe, expect, test } from '@jest/globals';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import type { Disk } from '../../../src/resources/kinds.ts';
import { ownerReference } from '../../../src/resources/metadata.ts';
import {
  deleted,
  disk,
  host,
  ipAddress,
  machine,
  readyStatus,
  sentence,
  silentHost,
  subnet,
} from './builders.ts';
import {
  candidate,
  claimBy,
  heldBy,
  machineInput,
  readyDisk,
  readySubnet,
  withDisk,
  withInterface,
  withTemplate,
} from './machine-builders.ts';

const web = machine();
const other = machine('other');
const plan = (input: MachineInput): string => sentence(planMachine(input));

test('the finalizer comes first', () => {
  const fresh = machine('web', { metadata: { finalizers: [] } });
  expect(plan(machineInput({ machine: fresh }))).toBe(
    'api.addFinalizer (Adopting): deletion must wait until the hosts are clean',
  );
});

describe('disks', () => {
  test.each<[string, MachineInput, string]>([
    [
      'a template makes a Disk',
      machineInput(withTemplate(web)),
      'api.createChild (CreatingDisk): Disk web-root is made from the template of disk root',
    ],
    [
      'a Disk of the name that the template needs, owned by somebody else',
      machineInput(withTemplate(web, disk('web-root'))),
      'blocked (DiskNameTaken): disk root needs the name web-root, but a Disk of that name exists that this Machine does not own; rename the disk entry or use diskRef',
    ],
    [
      'a reference to nothing',
      machineInput({
        ...withDisk(web),
        disks: [{ entry: { name: 'root' }, diskName: 'data', disk: undefined }],
      }),
      'wait (DiskMissing): Disk data does not exist in this namespace; create it or correct spec.disks',
    ],
    [
      'a Disk that another Machine holds',
      machineInput(withDisk(web, disk('data', { status: { claim: claimBy(other) } }))),
      'wait (DiskInUse): Disk data is attached to Machine other; detach it there first',
    ],
    [
      'a Disk that is being deleted',
      machineInput(withDisk(web, disk('data', { metadata: deleted }))),
      'wait (DiskDeleting): Disk data is being deleted',
    ],
    [
      'a free Disk is claimed',
      machineInput(withDisk(web, disk('data', { status: { hostName: 'h1' } }))),
      'api.claimDisk (Attaching): Disk data is claimed for this Machine',
    ],
    [
      'a free Disk whose data is on another host than the Machine',
      machineInput(withDisk(web, disk('data', { status: { hostName: 'h2' } }))),
      'blocked (DiskElsewhere): Disk data is on host h2, the Machine on host h1, and a disk does not move; take it out of spec.disks, or attach it to a Machine on host h2',
    ],
    [
      'a claimed Disk that is not ready: its own words are passed on',
      machineInput(
        withDisk(
          web,
          disk('data', {
            status: { claim: claimBy(web), ...readyStatus(false, 'Image x: HTTP status 404') },
          }),
        ),
      ),
      'wait (DiskNotReady): Disk data: Image x: HTTP status 404',
    ],
    [
      'a claimed Disk that nobody has looked at yet',
      machineInput(withDisk(web, disk('data', { status: { claim: claimBy(web) } }))),
      'wait (DiskNotReady): Disk data: not looked at yet',
    ],
    [
      'ready and claimed',
      machineInput(withDisk(web, readyDisk(web))),
      'machine.define on h1 (Defining): host h1 does not have the domain',
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toBe(expected);
  });

  test('a templated Disk is owned by its Machine and carries the spec of the template', () => {
    expect(planMachine(machineInput(withTemplate(web)))).toMatchObject({
      step: {
        action: {
          child: {
            kind: 'Disk',
            metadata: { name: 'web-root', ownerReferences: [{ uid: 'uid-of-web', controller: true }] },
            spec: { size: '1Gi' },
          },
        },
      },
    });
  });

  test('an own templated Disk is used', () => {
    const own = disk('web-root', {
      metadata: { ownerReferences: [ownerReference(web)] },
      status: { claim: claimBy(web), ...readyStatus(true) },
    });
    expect(plan(machineInput(withTemplate(web, own)))).toContain('machine.define');
  });

  describe('an own templated Disk that is not what the template says', () => {
    const own = (spec: Partial<Disk['spec']>) =>
      disk('web-root', {
        metadata: { ownerReferences: [ownerReference(web)] },
        spec,
        status: { claim: claimBy(web), ...readyStatus(true) },
      });

    test.each<[string, Partial<Disk['spec']>, string]>([
      [
        'a template that grew makes it grow',
        { size: '512Mi' },
        'api.growChild (GrowingDisk): the template of disk root asks for 1Gi of Disk web-root',
      ],
      [
        'it may be larger by its own spec, or spelled otherwise',
        { size: 2 ** 30 },
        'machine.define on h1 (Defining): host h1 does not have the domain',
      ],
      [
        'one that an earlier entry of the name made keeps its data',
        { source: { imageRef: { name: 'demo' } } },
        'blocked (DiskDiffers): Disk web-root was made with another source than the template of disk root has; delete the Disk, or rename the disk entry to have a new one',
      ],
      [
        'nor is it made anew in another format',
        { format: 'raw' },
        'blocked (DiskDiffers): Disk web-root was made with another format than the template of disk root has; delete the Disk, or rename the disk entry to have a new one',
      ],
    ])('%s', (_name, spec, expected) => {
      expect(plan(machineInput(withTemplate(web, own(spec))))).toBe(expected);
    });
  });

  test('a claim names the Machine, its host, and the version planned from', () => {
    const outcome = planMachine(machineInput(withDisk(web, disk('data'))));
    expect(outcome).toMatchObject({
      step: {
        action: {
          disk: { name: 'data', uid: 'uid-of-data', resourceVersion: '7' },
          claim: { machineName: 'web', machineUid: 'uid-of-web', hostName: 'h1' },
        },
      },
    });
  });
});

describe('binding', () => {
  const unbound = (changes: Partial<MachineInput> = {}) => machineInput({ placement: undefined, ...changes });

  test.each<[string, MachineInput, string]>([
    [
      'a host that fits is bound by a Placement',
      unbound({ candidates: [candidate()] }),
      'api.createChild (Scheduled): bound to host h1',
    ],
    [
      'no host at all',
      unbound({ hosts: [] }),
      'wait (Unschedulable): no host has reported yet; start an agent (purlin up does)',
    ],
    [
      'no host that fits: each says why',
      unbound({
        machine: machine('web', { spec: { memory: '100Gi' } }),
        candidates: [candidate('h1'), candidate('h2')],
      }),
      'wait (Unschedulable): no host fits: h1: 100Gi of memory asked, 7680Mi left; h2: 100Gi of memory asked, 7680Mi left',
    ],
    [
      'a label that is asked for',
      unbound({
        machine: machine('web', { spec: { placement: { hostSelector: { matchLabels: { zone: 'a' } } } } }),
        candidates: [candidate()],
      }),
      'wait (Unschedulable): no host fits: h1: it lacks the label zone=a',
    ],
    [
      'a Disk that is already somewhere',
      unbound({
        ...withDisk(web, disk('data', { status: { hostName: 'h2' } })),
        candidates: [candidate('h1')],
      }),
      'wait (Unschedulable): no host fits: h1: a disk of the Machine is on host h2',
    ],
    [
      'a host that it may still run on, as its status says, is silent',
      unbound({
        machine: machine('web', { status: { hostName: 'h2' } }),
        hosts: [host(), silentHost('h2')],
        candidates: [candidate()],
      }),
      'api.createChild (Scheduled): the Machine was bound to host h2 before',
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toBe(expected);
  });

  test('a domain that a host reports wins over a lost Placement', () => {
    const domain = { machineUid: 'uid-of-web', power: 'running' as const, persistent: true };
    const input = unbound({ hosts: [host({ hostName: 'h9', domains: { 'uid-of-web': domain } })] });
    expect(plan(input)).toBe('api.createChild (Scheduled): the Machine was bound to host h9 before');
  });

  test('the Placement is named from the UID, so that the store refuses a second', () => {
    expect(planMachine(unbound({ candidates: [candidate()] }))).toMatchObject({
      step: { action: { child: { kind: 'Placement', metadata: { name: 'machine-uid-of-web' } } } },
    });
  });

  test('bound to a host that is gone, it says what to do', () => {
    expect(plan(machineInput({ hosts: [] }))).toBe(
      'blocked (HostGone): host h1, to which the Machine is bound, has no Host any more: start its agent again, or delete the Machine',
    );
  });

  test('bound to a host that is silent, it waits', () => {
    expect(plan(machineInput({ hosts: [silentHost()] }))).toBe(
      'wait (HostUnknown): a complete snapshot of host h1',
    );
  });
});

describe('addresses', () => {
  test.each<[string, Parameters<typeof withInterface>[1], string]>([
    [
      'the Subnet does not exist',
      { subnet: 'missing' },
      'wait (SubnetMissing): Subnet frontend does not exist in this namespace; create it or correct spec.interfaces',
    ],
    [
      'the Subnet is being deleted',
      { subnet: subnet('frontend', { metadata: deleted }) },
      'wait (SubnetDeleting): Subnet frontend is being deleted',
    ],
    [
      'the Subnet has not been looked at',
      { subnet: subnet() },
      'wait (SubnetNotReady): Subnet frontend: not looked at yet',
    ],
    [
      'any address: the lowest free one',
      {},
      'api.createChild (AllocatingAddress): interface eth0 gets 10.20.0.2',
    ],
    [
      'the lowest is taken',
      { taken: [ipAddress('10.20.0.2', { machine: other }), ipAddress('10.20.0.4', { machine: other })] },
      'api.createChild (AllocatingAddress): interface eth0 gets 10.20.0.3',
    ],
    [
      'the one asked for',
      { address: '10.20.0.77' },
      'api.createChild (AllocatingAddress): interface eth0 gets 10.20.0.77',
    ],
    [
      'one outside the Subnet',
      { address: '10.21.0.1' },
      'blocked (AddressOutsideSubnet): address 10.21.0.1 of interface eth0 is not inside 10.20.0.0/24 of Subnet frontend; replace the interface by one of another name with another address',
    ],
    ...['10.20.0.0', '10.20.0.255', '10.20.0.1'].map(
      (address): [string, Parameters<typeof withInterface>[1], string] => [
        `the reserved address ${address}`,
        { address },
        `blocked (AddressReserved): address ${address} of interface eth0 is the network, broadcast or gateway address of Subnet frontend; replace the interface by one of another name with another address`,
      ],
    ),
    [
      'one that another holds',
      { address: '10.20.0.9', taken: [ipAddress('10.20.0.9', { machine: other })] },
      'wait (AddressInUse): address 10.20.0.9 of interface eth0 is held by Machine other; delete that one, or replace the interface by one of another name with another address',
    ],
    [
      'another than it has',
      { address: '10.20.0.9', held: heldBy(web) },
      'blocked (AddressFixed): interface eth0 has 10.20.0.10 for life; leave its address out, or replace the interface by one of another name with another address',
    ],
    [
      'none left',
      {
        subnet: subnet('frontend', {
          spec: { cidr: '10.20.0.0/29' },
          status: { gateway: '10.20.0.1', ...readyStatus(true) },
        }),
        taken: [2, 3, 4, 5, 6].map((last) => ipAddress(`10.20.0.${last}`, { machine: other })),
      },
      'wait (SubnetFull): Subnet frontend has no free address left; delete a Machine of it or use another Subnet',
    ],
  ])('%s', (_name, on, expected) => {
    expect(plan(machineInput(withInterface(web, on)))).toContain(expected);
  });

  test('an address held, on a Subnet that is not ready', () => {
    const down = subnet('frontend', {
      status: { gateway: '10.20.0.1', ...readyStatus(false, 'CIDR overlaps') },
    });
    expect(plan(machineInput(withInterface(web, { subnet: down, held: heldBy(web) })))).toBe(
      'wait (SubnetNotReady): Subnet frontend: CIDR overlaps',
    );
  });

  test('an address held, all ready', () => {
    expect(plan(machineInput(withInterface(web, { held: heldBy(web) })))).toContain('machine.define');
  });

  test('the MAC is rehashed when another of the Subnet has it', () => {
    const macOf = (taken: ReturnType<typeof ipAddress>[]): string => {
      const outcome = planMachine(machineInput(withInterface(web, { taken })));
      if (
        outcome.type !== 'act' ||
        outcome.step.on !== 'api' ||
        outcome.step.action.name !== 'api.createChild'
      )
        throw new Error(sentence(outcome));
      return String(outcome.step.action.child.spec['macAddress']);
    };
    const first = macOf([]);
    expect(first).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(macOf([])).toBe(first);
    const clash = ipAddress('10.20.0.2', { machine: other });
    const second = macOf([{ ...clash, spec: { ...clash.spec, macAddress: first } }]);
    expect(second).not.toBe(first);
  });

  test('an address is owned by its Machine and named from Subnet and address', () => {
    expect(planMachine(machineInput(withInterface(web, { subnet: readySubnet() })))).toMatchObject({
      step: {
        action: {
          child: {
            metadata: { name: 'frontend-10-20-0-2', ownerReferences: [{ uid: 'uid-of-web' }] },
            spec: {
              subnetRef: { uid: 'uid-of-frontend' },
              machineRef: { uid: 'uid-of-web' },
              interface: 'eth0',
            },
          },
        },
      },
    });
  });
});
