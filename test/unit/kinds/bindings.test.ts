import { describe, expect, test } from '@jest/globals';
import { host as hostKind, type HostInput } from '../../../src/kinds/host/index.ts';
import { type IPAddressInput, planIPAddress } from '../../../src/kinds/ipaddress/index.ts';
import { planPlacement } from '../../../src/kinds/placement/index.ts';
import { settled } from '../../../src/plan/outcome.ts';
import { tapName } from '../../../src/values/links.ts';
import {
  deleted,
  disk,
  host,
  hostObject,
  ipAddress,
  machine,
  placement,
  segment,
  sentence,
  silentHost,
  subnet,
  port,
} from './builders.ts';
import { readerOf } from './reader.ts';

describe('planning an IPAddress', () => {
  const tap = tapName('uid-of-web', 'eth0');
  const going = ipAddress('10.20.0.5', { metadata: deleted });

  const given = (changes: Partial<IPAddressInput> = {}): IPAddressInput => ({
    address: going,
    hosts: [host()],
    held: false,
    machine: undefined,
    ...changes,
  });
  const released = 'api.releaseFinalizer (Released): no tap uses the address any more';
  const changed = machine('web', { metadata: { generation: 4 }, status: { hostName: 'h1' } });
  const afterOrder = (generation: number, epoch = 1) => {
    const result = {
      orderId: 'o',
      action: 'machine.start',
      outcome: 'done',
      generation,
      epoch,
      atSequence: 1,
    } as const;
    return given({ machine: changed, hosts: [host({ results: { 'uid-of-web': result } })] });
  };

  test.each<[string, IPAddressInput, string]>([
    ['one in use', given({ address: ipAddress('10.20.0.5'), held: true }), 'settled'],
    [
      'deleted by hand while it is held',
      given({ held: true }),
      'wait (InUse): held by interface eth0 of Machine web',
    ],
    [
      'deleted, its tap is there',
      given({ hosts: [host({ ports: { [tap]: port() } })] }),
      'wait (InUse): the tap of Machine web is still on host h1',
    ],
    [
      'deleted, a host is silent',
      given({ hosts: [host(), silentHost('h2')] }),
      'wait (HostUnknown): a complete snapshot of host h2',
    ],
    ['deleted, no tap anywhere, the Machine gone', given(), released],
    ['deleted, and the Machine was never on a host', given({ machine: machine() }), released],
    ['deleted, and its host never heard of the Machine', given({ machine: changed }), released],
    [
      'deleted, and an order of before may still make the tap',
      afterOrder(3),
      'wait (InUse): host h1 has not carried out the change of Machine web yet',
    ],
    ['deleted, and the host has let an order of now through', afterOrder(4), released],
    [
      'deleted, and what the host has let through was of another leader, before the store was restored',
      afterOrder(9, 0),
      'wait (InUse): host h1 has not carried out the change of Machine web yet',
    ],
    [
      'deleted and released already',
      given({ address: ipAddress('10.20.0.5', { metadata: { ...deleted, finalizers: [] } }), hosts: [] }),
      'settled',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planIPAddress(input))).toBe(expected);
  });
});

describe('planning a Placement', () => {
  const going = placement(machine(), 'h1', deleted);
  test.each<[string, Parameters<typeof planPlacement>[0], string]>([
    ['one in use', { placement: placement(machine()), machineNeedsIt: true }, 'settled'],
    [
      'deleted while its Machine may be on the host',
      { placement: going, machineNeedsIt: true },
      'wait (InUse): Machine web is still bound by it',
    ],
    [
      'deleted with its Machine',
      { placement: going, machineNeedsIt: false },
      'api.releaseFinalizer (Released): its Machine is gone from the host',
    ],
    [
      'released already',
      { placement: placement(machine(), 'h1', { ...deleted, finalizers: [] }), machineNeedsIt: false },
      'settled',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planPlacement(input))).toBe(expected);
  });
});

describe('the status of a Host', () => {
  const given = (changes: Partial<HostInput> = {}): HostInput => ({
    host: hostObject(),
    view: host(),
    given: { machines: 0, cpus: 0, memoryBytes: 0 },
    orphans: [],
    ...changes,
  });
  const statusOf = (input: HostInput) => hostKind.status(input, settled, undefined);
  const readyOf = (input: HostInput) => statusOf(input).conditions[0];

  test('reporting: ready, with what it has and what is left', () => {
    expect(statusOf(given({ given: { machines: 2, cpus: 3, memoryBytes: 2 ** 30 } }))).toMatchObject({
      conditions: [
        { type: 'Ready', status: 'True', reason: 'AgentReporting' },
        { type: 'HardwareAcceleration', status: 'False', message: 'the probe guest did not run on KVM' },
      ],
      fields: {
        machines: 2,
        capacity: { cpus: 4, memory: '8192Mi' },
        allocatable: { cpus: 125, memory: '6656Mi' },
        accelerator: 'TCG',
      },
    });
  });

  test.each<[string, HostInput['view'], string, string]>([
    ['never seen', undefined, 'False', 'AgentSilent'],
    ['silent', silentHost(), 'False', 'AgentSilent'],
    ['alive but unknown', { ...silentHost(), alive: true }, 'Unknown', 'SnapshotUnknown'],
    [
      'with a part that cannot be listed',
      { ...silentHost(), alive: true, incomplete: true },
      'False',
      'SnapshotIncomplete',
    ],
  ])('%s', (_name, view, status, reason) => {
    expect(readyOf(given({ view }))).toMatchObject({ status, reason });
  });

  test('silent: what was last known of it stays', () => {
    const before = { agentUid: 'a', bootId: 'b', machines: 1 };
    const input = given({ view: silentHost(), host: { ...hostObject(), status: before } });
    expect(statusOf(input).fields).toMatchObject({ agentUid: 'a', bootId: 'b' });
  });

  test('orphans are listed by UID, and nothing that has an owner', () => {
    const domain = { machineUid: '', power: 'shutoff' as const, persistent: true };
    const file = { diskUid: '', sizeBytes: 1, format: 'raw' as const, retained: true };
    const view = host({
      domains: { 'uid-of-web': domain, 'uid-z': domain },
      disks: { 'uid-of-data': file, 'uid-y': file },
      segments: { 'uid-of-frontend': segment(subnet()), 'uid-x': segment(subnet()) },
    });
    const input = hostKind.gather(hostObject(), readerOf([machine(), disk(), subnet()], [view]));
    expect(input.orphans).toEqual([
      { kind: 'Subnet', uid: 'uid-x' },
      { kind: 'Disk', uid: 'uid-y' },
      { kind: 'Machine', uid: 'uid-z' },
    ]);
    expect(hostKind.plan(input)).toBe(settled);
  });
});
