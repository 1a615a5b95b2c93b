import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { definitionOf, memoryBytesOf } from '../../../src/kinds/machine/definition.ts';
import type { Machine } from '../../../src/resources/kinds.ts';
import { machine } from './builders.ts';
import { heldBy, machineInput, readyDisk, withDisk, withInterface } from './machine-builders.ts';

const web = machine();
const seedOf = (spec: Partial<Machine['spec']>, name = 'web') =>
  definitionOf(machineInput({ machine: machine(name, { spec }) })).seed;

test('memory is whole MiB, rounded up', () => {
  expect(memoryBytesOf('256Mi')).toBe(256 * 2 ** 20);
  expect(memoryBytesOf('300M')).toBe(287 * 2 ** 20);
});

describe('the boot disk', () => {
  const disks = (boot?: 'a' | 'b') =>
    machineInput({
      disks: (['a', 'b'] as const).map((name) => ({
        entry: { name, diskRef: { name }, ...(name === boot && { boot: true }) },
        diskName: name,
        disk: readyDisk(web),
      })),
    });
  test('is the first, unless one says so', () => {
    expect(definitionOf(disks()).disks.map(({ boot }) => boot)).toEqual([true, false]);
    expect(definitionOf(disks('b')).disks.map(({ boot }) => boot)).toEqual([false, true]);
  });
});

describe('the hash', () => {
  const hash = (machineOf: Machine): string =>
    definitionOf(machineInput({ machine: machineOf })).definitionHash;
  test('moves with what the domain is made of, and with nothing else', () => {
    expect(hash(machine())).toBe(
      hash(machine('web', { metadata: { resourceVersion: '99', generation: 5 } })),
    );
    expect(hash(machine('web', { spec: { runStrategy: 'Halted', terminationGracePeriodSeconds: 5 } }))).toBe(
      hash(machine()),
    );
    expect(hash(machine('web', { spec: { cpus: 2 } }))).not.toBe(hash(machine()));
    expect(hash(machine('web', { metadata: { annotations: { 'purlin.dev/restart': '1' } } }))).not.toBe(
      hash(machine()),
    );
  });

  test('disks and interfaces belong to it', () => {
    const plain = definitionOf(machineInput()).definitionHash;
    expect(definitionOf(machineInput(withDisk(web))).definitionHash).not.toBe(plain);
    expect(definitionOf(machineInput(withInterface(web, { held: heldBy(web) }))).definitionHash).not.toBe(
      plain,
    );
  });
});

describe('the seed', () => {
  test('host name: the one given, or the name up to its first dot', () => {
    expect(parse(seedOf({}, 'web.example.org').metaData)).toMatchObject({ 'local-hostname': 'web' });
    expect(parse(seedOf({ hostname: 'www' }).metaData)).toMatchObject({ 'local-hostname': 'www' });
  });

  test('the instance is the UID, so that cloud-init runs once per Machine', () => {
    expect(parse(seedOf({}).metaData)).toEqual({
      'instance-id': 'uid-of-web',
      'local-hostname': 'web',
      'public-keys': [],
    });
  });

  test('no value can break out of its place', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (keys) => {
        expect(parse(seedOf({ sshAuthorizedKeys: keys }).metaData)).toEqual({
          'instance-id': 'uid-of-web',
          'local-hostname': 'web',
          'public-keys': keys,
        });
      }),
    );
  });

  test('the network: matched by MAC, addressed by DHCP; only the first interface carries the default route', () => {
    const one = withInterface(web, { held: heldBy(web) });
    const [first] = one.interfaces;
    if (!first?.held) throw new Error('the interface holds an address');
    const second = {
      ...first,
      entry: { ...first.entry, name: 'eth1' },
      held: { ...first.held, spec: { ...first.held.spec, macAddress: '02:00:00:00:00:02' } },
    };
    const input = machineInput({ ...one, interfaces: [first, second] });
    expect(parse(definitionOf(input).seed.networkConfig)).toEqual({
      version: 2,
      ethernets: {
        eth0: { match: { macaddress: '02:00:00:00:00:01' }, 'set-name': 'eth0', dhcp4: true, mtu: 1500 },
        eth1: {
          match: { macaddress: '02:00:00:00:00:02' },
          'set-name': 'eth1',
          dhcp4: true,
          'dhcp4-overrides': { 'use-routes': false },
          mtu: 1500,
        },
      },
    });
    expect(parse(definitionOf(machineInput()).seed.networkConfig)).toEqual({ version: 2, ethernets: {} });
  });
});
