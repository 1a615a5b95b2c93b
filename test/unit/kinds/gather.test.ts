import { describe, expect, test } from '@jest/globals';
import { disk as diskKind } from '../../../src/kinds/disk/index.ts';
import { host as hostKind } from '../../../src/kinds/host/index.ts';
import { image as imageKind } from '../../../src/kinds/image/index.ts';
import { ipaddress as ipAddressKind } from '../../../src/kinds/ipaddress/index.ts';
import { gatherMachine } from '../../../src/kinds/machine/gather.ts';
import { machine as machineKind } from '../../../src/kinds/machine/index.ts';
import { placement as placementKind } from '../../../src/kinds/placement/index.ts';
import { subnet as subnetKind } from '../../../src/kinds/subnet/index.ts';
import type { HostView, KindDefinition } from '../../../src/plan/kind.ts';
import type { Machine, Secret } from '../../../src/resources/kinds.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { tapName } from '../../../src/values/links.ts';
import {
  deleted,
  disk,
  host,
  hostObject,
  image,
  ipAddress,
  machine,
  placement,
  segment,
  silentHost,
  subnet,
  port,
} from './builders.ts';
import { readerOf } from './reader.ts';

const web = machine('web', {
  spec: {
    disks: [{ name: 'root', diskRef: { name: 'data' } }],
    interfaces: [{ name: 'eth0', subnetRef: { name: 'frontend' } }],
  },
});

/** Which objects of a kind a change concerns. */
const concerned = <Kind extends Resource, Input>(
  { watches }: KindDefinition<Kind, Input>,
  changed: Resource,
  objects: Resource[] = [],
  hosts: HostView[] = [],
): string[] =>
  watches
    .filter(({ kind }) => kind === changed.kind)
    .flatMap((watch) => watch.keys(changed, readerOf(objects, hosts)))
    .sort((a, b) => a.localeCompare(b));

describe('what a Machine is planned from', () => {
  test('its disks, its Subnet, the address that it holds, or those that others hold until it has one', () => {
    const own = ipAddress('10.20.0.5', { machine: web });
    const others = ipAddress('10.20.0.6', { machine: machine('other') });
    const input = gatherMachine(web, readerOf([web, disk('data'), subnet(), own, others]));
    expect(input.disks[0]?.disk?.metadata.name).toBe('data');
    expect(input.interfaces[0]).toMatchObject({ held: own, taken: [] });
    expect(input.abandoned).toEqual([]);
    const without = gatherMachine(web, readerOf([web, subnet(), others]));
    expect(without.interfaces[0]).toMatchObject({ held: undefined, taken: [others] });
  });

  test('what other guests have on the hosts of its Subnet, until it has a port of its own there', () => {
    const used = (machineUid: string, subnetUid: string, address?: string) =>
      port({
        machineUid,
        subnetUid,
        ...(address !== undefined && { address, macAddress: '02:00:00:00:00:01' }),
      });
    const on = subnet().metadata.uid;
    const hosts = [
      host({
        ports: {
          a: used(web.metadata.uid, on, '10.20.0.5'),
          b: used('lost', on, '10.20.0.6'),
          c: used('lost', 'other', '10.20.0.7'),
          d: used('unruly', on),
        },
      }),
      silentHost('h2'),
    ];
    expect(gatherMachine(web, readerOf([web, subnet()], hosts)).interfaces[0]?.ports).toEqual([
      { hostName: 'h1', address: '10.20.0.6', macAddress: '02:00:00:00:00:01' },
      { hostName: 'h1' },
    ]);
    const own = ipAddress('10.20.0.5', { machine: web });
    expect(gatherMachine(web, readerOf([web, subnet(), own], hosts)).interfaces[0]?.ports).toHaveLength(2);
    const tap = tapName(web.metadata.uid, 'eth0');
    hosts.push(host({ ports: { [tap]: used(web.metadata.uid, on, '10.20.0.5') } }));
    expect(gatherMachine(web, readerOf([web, subnet(), own], hosts)).interfaces[0]?.ports).toEqual([]);
  });

  test('what it has on its host without an IPAddress that says so, unless the address is of somebody else', () => {
    const net = subnet();
    const web = machine('web', { status: { hostName: 'h1' } });
    const own = port({ subnetUid: net.metadata.uid, address: '10.20.0.5', macAddress: '02:00:00:00:00:01' });
    const hosts = [host({ ports: { a: own, b: { ...own, machineUid: 'other' } } })];
    const unrecorded = (...objects: Resource[]) =>
      gatherMachine(web, readerOf([web, net, ...objects], hosts)).unrecorded;
    expect(unrecorded()).toEqual([
      {
        hostName: 'h1',
        interfaceName: 'eth0',
        subnet: net,
        address: '10.20.0.5',
        macAddress: '02:00:00:00:00:01',
      },
    ]);
    expect(unrecorded(ipAddress('10.20.0.5', { machine: machine('other') }))).toEqual([]);
    expect(unrecorded(ipAddress('10.20.0.5', { machine: web }))).toEqual([]);
    // It was given another one meanwhile, for the card that it has.
    expect(unrecorded(ipAddress('10.20.0.6', { machine: web }))).toEqual([]);
    expect(unrecorded(ipAddress('10.20.0.6', { machine: web, interface: 'eth1' }))).toHaveLength(1);
  });

  test('an address of an interface that left the spec is abandoned', () => {
    const left = ipAddress('10.20.0.5', { machine: web, interface: 'eth7' });
    expect(gatherMachine(web, readerOf([web, subnet(), left])).abandoned).toEqual([left]);
  });

  test('an address of an earlier Subnet or Machine of the same name is not its own', () => {
    const earlierSubnet = ipAddress('10.20.0.5', {
      machine: web,
      subnet: subnet('frontend', { metadata: { uid: 'earlier' } }),
    });
    const earlierMachine = ipAddress('10.20.0.6', {
      machine: machine('web', { metadata: { uid: 'earlier' } }),
    });
    const input = gatherMachine(web, readerOf([web, subnet(), earlierSubnet, earlierMachine]));
    expect(input.interfaces[0]?.held).toBeUndefined();
  });

  test('what the hosts have promised is counted while one must be chosen, and only then', () => {
    const big = machine('big', { spec: { cpus: 3, memory: '1Gi' } });
    const unknown = placement(machine('gone'), 'h1');
    const objects = [web, big, placement(big, 'h1'), unknown, hostObject('h1')];
    const [candidate] = gatherMachine(web, readerOf(objects, [host()])).candidates;
    expect(candidate).toMatchObject({ promised: { cpus: 3, memoryBytes: 2 ** 30 } });
    expect(gatherMachine(web, readerOf([...objects, placement(web)], [host()])).candidates).toEqual([]);
  });

  test('a guest that waits for its restart still holds what it was started with', () => {
    const shrunk = machine('shrunk', { spec: { cpus: 1, memory: '1Gi' } });
    const live = { cpus: 4, maxCpus: 4, memoryBytes: 2 ** 32, disks: [], interfaces: [] };
    const { uid } = shrunk.metadata;
    const domains = { [uid]: { machineUid: uid, power: 'running', persistent: true, live } as const };
    const objects = [web, shrunk, placement(shrunk, 'h1'), hostObject('h1')];
    const [candidate] = gatherMachine(web, readerOf(objects, [host({ domains })])).candidates;
    expect(candidate).toMatchObject({ promised: { cpus: 4, memoryBytes: 2 ** 32 } });
  });
});

describe('user data', () => {
  const secret = (data: Record<string, string>, more: object = {}): Secret =>
    ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...machine('boot').metadata, ...more },
      data: Object.fromEntries(
        Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
      ),
    }) satisfies Secret;
  const read = (userData: Machine['spec']['userData'], ...objects: Resource[]) =>
    gatherMachine(machine('web', { spec: { ...(userData && { userData }) } }), readerOf(objects)).userData;
  const fromSecret = { secretRef: { name: 'boot', key: 'script' } };

  test('none, inline, or from a Secret', () => {
    expect(read(undefined)).toEqual({ text: '' });
    expect(read({ inline: '#!/bin/sh' })).toEqual({ text: '#!/bin/sh' });
    expect(read(fromSecret, secret({ script: 'échø' }))).toEqual({ text: 'échø' });
  });

  test.each<[string, Resource[], string]>([
    [
      'no Secret',
      [],
      'Secret boot does not exist in this namespace; create it or correct spec.userData.secretRef',
    ],
    [
      'a Secret that is being deleted',
      [secret({ script: 'x' }, deleted)],
      'Secret boot does not exist in this namespace; create it or correct spec.userData.secretRef',
    ],
    [
      'a Secret without the key',
      [secret({ other: 'x' })],
      'Secret boot has no key script; add it or correct spec.userData.secretRef.key',
    ],
    [
      'more than a seed may carry',
      [secret({ script: 'x'.repeat(65_537) })],
      'key script of Secret boot has 65537 bytes; user data may have 65536; shorten it',
    ],
  ])('%s is a problem with a remedy', (_name, objects, problem) => {
    expect(read(fromSecret, ...objects)).toEqual({ problem });
  });
});

describe('who looks again when something changes', () => {
  const boot: Resource = { apiVersion: 'v1', kind: 'Secret', metadata: machine('boot').metadata };
  const reading = machine('reading', { spec: { userData: { secretRef: { name: 'boot', key: 'k' } } } });
  const everything = [web, reading, machine('idle', { status: { hostName: 'h1' } })];
  const segments = { 'uid-of-frontend': segment(subnet()) };
  const hosts = [
    host({
      segments,
      domains: { 'uid-of-web': { machineUid: 'uid-of-web', power: 'running', persistent: true } },
    }),
    host({
      hostName: 'h2',
      segments,
      disks: { 'uid-of-data': { diskUid: 'uid-of-data', sizeBytes: 1, format: 'raw', retained: true } },
      images: {
        'uid-of-debian': { imageUid: 'uid-of-debian', state: 'importing', format: 'qcow2', overlays: [] },
      },
    }),
    silentHost('h9'),
  ];

  test.each<[string, string[], string[]]>([
    ['a Disk: the Machines that name it', concerned(machineKind, disk('data'), everything), ['default/web']],
    [
      'a Disk with a claim: its claimant too, which may not name it any more',
      concerned(
        machineKind,
        disk('data', { status: { claim: { machineName: 'former', machineUid: 'uid-of-former' } } }),
        everything,
      ),
      ['default/former', 'default/web'],
    ],
    ['a Subnet: the Machines on it', concerned(machineKind, subnet(), everything), ['default/web']],
    ['a Secret: the Machines that read it', concerned(machineKind, boot, everything), ['default/reading']],
    ['a Placement: its Machine', concerned(machineKind, placement(web)), ['default/web']],
    [
      'an address: its Machine, and those that may wait for one',
      concerned(machineKind, ipAddress('10.20.0.5', { machine: machine('other') }), everything),
      ['default/other', 'default/web'],
    ],
    [
      'a Host: the Machines without one',
      concerned(machineKind, hostObject(), everything),
      ['default/reading', 'default/web'],
    ],
    [
      'an Image: the Disks made from it',
      concerned(diskKind, image(), [
        disk('a', { spec: { source: { imageRef: { name: 'debian' } } } }),
        disk('b'),
      ]),
      ['default/a'],
    ],
    [
      'a Machine: the Disks that it names and those that it holds',
      concerned(diskKind, web, [
        disk('held', { status: { claim: { machineName: 'web', machineUid: 'uid-of-web' } } }),
      ]),
      ['default/data', 'default/held'],
    ],
    ['a Machine: its Subnets', concerned(subnetKind, web), ['default/frontend']],
    ['an address: its Subnet', concerned(subnetKind, ipAddress('10.20.0.5')), ['default/frontend']],
    [
      'a Subnet: those that are not realised',
      concerned(subnetKind, subnet(), [subnet('a'), subnet('b', { status: { realised: true } })]),
      ['default/a'],
    ],
    [
      'a Machine: its addresses',
      concerned(ipAddressKind, web, [
        ipAddress('10.20.0.5', { machine: web }),
        ipAddress('10.20.0.6', { machine: reading }),
      ]),
      ['default/frontend-10-20-0-5'],
    ],
    ['a Machine: its Placement', concerned(placementKind, web), ['default/machine-uid-of-web']],
    ['a Placement: its Host', concerned(hostKind, placement(web, 'h2')), ['h2']],
    [
      'a Machine: the Host that its status names',
      concerned(hostKind, machine('on', { status: { hostName: 'h3' } }), [], hosts),
      ['h3'],
    ],
    ['a Machine: the Host that has its guest', concerned(hostKind, web, [], hosts), ['h1']],
    ['a Disk: the Host that has its data', concerned(hostKind, disk('data'), [], hosts), ['h2']],
    ['a Subnet: the Hosts that have its segment', concerned(hostKind, subnet(), [], hosts), ['h1', 'h2']],
    ['an Image: the Hosts that have its file', concerned(hostKind, image(), [], hosts), ['h2']],
    ['a Disk without data: no Host', concerned(hostKind, disk('other'), [], hosts), []],
  ])('%s', (_name, keys, expected) => {
    expect(keys).toEqual(expected);
  });
});

test('parts that change on a host concern its own Host, the Disks that their owner holds, and who uses a disk', () => {
  const held = disk('held', { status: { claim: { machineName: 'web', machineUid: 'uid-of-web' } } });
  const reader = readerOf([held, disk('free'), hostObject('h1'), hostObject('h2')]);
  const changed = new Set(['uid-of-web']);
  expect(hostKind.alsoConcerns?.(changed, reader, 'h2')).toEqual(['h2']);
  expect(diskKind.alsoConcerns?.(changed, reader, 'h2')).toEqual(['default/held']);
  const using = readerOf([web, disk('data'), disk('free')]);
  const uids = new Set(['uid-of-data', 'uid-of-free', 'unknown']);
  expect(machineKind.alsoConcerns?.(uids, using, 'h2')).toEqual(['default/web']);
});

describe('what the other kinds are planned from', () => {
  test('a Disk: the Machine that holds it by UID, never one made later under its name', () => {
    const held = disk('data', { status: { claim: { machineName: 'web', machineUid: 'uid-of-web' } } });
    expect(diskKind.gather(held, readerOf([web])).claimant).toBe(web);
    const later = machine('web', { metadata: { uid: 'later' } });
    expect(diskKind.gather(held, readerOf([later])).claimant).toBe('gone');
    expect(diskKind.gather(held, readerOf([])).claimant).toBe('gone');
    expect(diskKind.gather(disk(), readerOf([web])).claimant).toBeUndefined();
  });

  test('an Image: every Disk of its namespace that names it, also one that is being deleted', () => {
    const user = { spec: { source: { imageRef: { name: 'debian' } } } };
    const reader = readerOf([
      disk('b', user),
      disk('a', { ...user, metadata: deleted }),
      disk('elsewhere', { ...user, metadata: { namespace: 'other' } }),
    ]);
    expect(imageKind.gather(image(), reader).users).toEqual(['a', 'b']);
  });

  test('a Subnet: its addresses by UID, the Machines that are not going, and all other Subnets', () => {
    const other = subnet('backend', { metadata: { namespace: 'other' } });
    const going = machine('going', { metadata: deleted, spec: web.spec });
    const held = ipAddress('10.20.0.5');
    const earlier = ipAddress('10.20.0.6', { subnet: subnet('frontend', { metadata: { uid: 'earlier' } }) });
    const input = subnetKind.gather(subnet(), readerOf([subnet(), other, web, going, held, earlier]));
    expect(input).toMatchObject({ addresses: [held], machines: ['web'], others: [other] });
  });

  test('an address: held as long as its very Machine has the interface', () => {
    const held = (of?: Machine): boolean =>
      ipAddressKind.gather(ipAddress('10.20.0.5', { machine: web }), readerOf(of ? [of] : [])).held;
    expect(held(web)).toBe(true);
    expect(held()).toBe(false);
    expect(held(machine('web'))).toBe(false);
    expect(held({ ...web, metadata: { ...web.metadata, ...deleted } })).toBe(false);
    expect(held({ ...web, metadata: { ...web.metadata, uid: 'later' } })).toBe(false);
  });

  test('a Placement: needed while its very Machine has the finalizer', () => {
    const needed = (of?: Machine): boolean =>
      placementKind.gather(placement(web), readerOf(of ? [of] : [])).machineNeedsIt;
    expect(needed(web)).toBe(true);
    expect(needed()).toBe(false);
    expect(needed(machine('web', { metadata: { uid: 'later' } }))).toBe(false);
    expect(needed(machine('web', { metadata: { finalizers: [] } }))).toBe(false);
  });
});
