import { describe, expect, test } from '@jest/globals';
import { type SubnetInput, planSubnet } from '../../../src/kinds/subnet/plan.ts';
import { segmentOf } from '../../../src/kinds/subnet/segment.ts';
import { subnetStatus } from '../../../src/kinds/subnet/status.ts';
import type { SegmentSnapshot } from '../../../src/plan/snapshot.ts';
import type { Subnet } from '../../../src/resources/kinds.ts';
import { deleted, host, ipAddress, segment, sentence, silentHost, subnet } from './builders.ts';

const uid = 'uid-of-frontend';
const realised = { realised: true, phase: 'Ready' as const };

const holding = subnet('frontend', { status: { networkHeld: true } });

const given = (changes: Partial<SubnetInput> = {}): SubnetInput => ({
  subnet: holding,
  hosts: [host()],
  addresses: [],
  machines: [],
  others: [],
  ...changes,
});
const withSegment = (changes: Partial<SegmentSnapshot> = {}, of: Subnet = holding): SubnetInput =>
  given({ subnet: of, hosts: [host({ segments: { [uid]: segment(of, [], changes) } })] });
const wasRealised = subnet('frontend', { status: realised });

describe('planning a Subnet', () => {
  test.each<[string, SubnetInput, string]>([
    [
      'the finalizer comes first',
      given({ subnet: subnet('frontend', { metadata: { finalizers: [] } }) }),
      'api.addFinalizer (Adopting): deletion must wait until the hosts are clean',
    ],
    [
      'no host yet',
      given({ subnet: subnet(), hosts: [silentHost()] }),
      'wait (NoHost): no host has reported yet; start an agent (purlin up does)',
    ],
    [
      'new: its network first',
      given({ subnet: subnet() }),
      'api.holdNetwork (HoldingNetwork): no other Subnet and no host uses 10.20.0.0/24',
    ],
    ['holding its network', given(), 'subnet.realise on h1 (Realising): host h1: the bridge does not exist'],
    ['whole', withSegment(), 'settled'],
    [
      'one without egress needs no forwarding',
      withSegment(
        { forwarding: 'off' },
        subnet('frontend', { spec: { egress: 'None' }, status: { networkHeld: true } }),
      ),
      'settled',
    ],
    [
      'whole on one host, missing on the second',
      given({ hosts: [host({ segments: { [uid]: segment(subnet()) } }), host({ hostName: 'h2' })] }),
      'subnet.realise on h2 (Realising): host h2: the bridge does not exist',
    ],
    [
      'nothing is made on one that has no Host yet',
      given({ hosts: [{ ...host(), registered: false }, host({ hostName: 'h2' })] }),
      'subnet.realise on h2 (Realising): host h2: the bridge does not exist',
    ],
    [
      'one on which it failed does not hold up the other',
      given({
        hosts: [
          host({ results: { [uid]: { orderId: 'o', action: 'a', outcome: 'failed', atSequence: 1 } } }),
          host({ hostName: 'h2' }),
        ],
      }),
      'subnet.realise on h2 (Realising): host h2: the bridge does not exist',
    ],
    [
      'configured for an older spec',
      withSegment({ specHash: 'older' }),
      'subnet.realise on h1 (Configuring): host h1: the network is not configured as the spec says',
    ],
    [
      'an address was given out: its reservation is missing',
      given({
        hosts: [host({ segments: { [uid]: segment(subnet()) } })],
        addresses: [ipAddress('10.20.0.5')],
      }),
      'subnet.realise on h1 (UpdatingReservations): host h1: the DHCP reservations differ from the addresses held',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planSubnet(input))).toBe(expected);
  });

  test.each<[string, Partial<SegmentSnapshot>, string]>([
    ['the bridge is gone', { bridge: 'absent' }, 'BridgeMissing, drift): host h1: the bridge does not exist'],
    ['the bridge is down', { bridge: 'down' }, 'BridgeDown, drift): host h1: the bridge is down'],
    [
      'the gateway address is gone',
      { gatewayCidr: undefined } as never,
      'GatewayMissing, drift): host h1: the bridge does not carry 10.20.0.1/24',
    ],
    ['the MTU is wrong', { mtu: 1400 }, 'WrongMTU, drift): host h1: the bridge has MTU 1400, not 1500'],
    [
      'the rules were flushed',
      { rules: 'absent' },
      'RulesMissing, drift): host h1: the nftables rules are not in force',
    ],
    [
      'forwarding is off',
      { forwarding: 'off' },
      'ForwardingOff, drift): host h1: IPv4 forwarding (net.ipv4.ip_forward) is switched off',
    ],
    ['dnsmasq is gone', { dnsmasq: 'absent' }, 'DHCPStopped, drift): host h1: dnsmasq is not running'],
  ])('drift of a realised one: %s', (_name, changes, expected) => {
    expect(sentence(planSubnet(withSegment(changes, wasRealised)))).toBe(`subnet.realise on h1 (${expected}`);
  });
});

describe('conflicts', () => {
  const fresh = (changes: Partial<SubnetInput>): SubnetInput => given({ subnet: subnet(), ...changes });
  const free = 'api.holdNetwork (HoldingNetwork): no other Subnet and no host uses 10.20.0.0/24';
  const later = { creationTimestamp: '2026-01-05T00:00:00Z' };
  const overlap = (who: string) =>
    `blocked (CIDROverlap): spec.cidr 10.20.0.0/24 overlaps ${who}; make a new Subnet with another network`;
  const wide = subnet('backend', { spec: { cidr: '10.20.0.0/16' } });

  test.each<[string, SubnetInput, string]>([
    [
      'an older one of the namespace is named',
      given({ subnet: subnet('frontend', { metadata: later }), others: [wide] }),
      overlap('Subnet backend'),
    ],
    [
      'one of another namespace is not disclosed',
      given({
        subnet: subnet('frontend', { metadata: later }),
        others: [{ ...wide, metadata: { ...wide.metadata, namespace: 'secret' } }],
      }),
      overlap('a Subnet of another namespace'),
    ],
    [
      'of two of the same second the smaller UID goes first',
      fresh({ others: [wide] }),
      overlap('Subnet backend'),
    ],
    [
      'the older one is not disturbed',
      fresh({ others: [{ ...wide, metadata: { ...wide.metadata, ...later } }] }),
      free,
    ],
    [
      'a later one that is realised wins',
      fresh({ others: [{ ...wide, metadata: { ...wide.metadata, ...later }, status: { realised: true } }] }),
      overlap('Subnet backend'),
    ],
    [
      'a later one that holds the network wins, though nothing of it is realised yet',
      fresh({
        others: [{ ...wide, metadata: { ...wide.metadata, ...later }, status: { networkHeld: true } }],
      }),
      overlap('Subnet backend'),
    ],
    [
      'a realised one is never taken down',
      given({ subnet: wasRealised, others: [wide] }),
      'subnet.realise on h1 (BridgeMissing, drift): host h1: the bridge does not exist',
    ],
    [
      'neighbours do not overlap',
      fresh({ others: [subnet('backend', { spec: { cidr: '10.20.1.0/24' } })] }),
      free,
    ],
    [
      'a network that the host uses itself',
      fresh({ hosts: [host({ hostCidrs: ['127.0.0.0/8', '10.20.0.128/25'] })] }),
      'blocked (CIDROverlapsHost): spec.cidr 10.20.0.0/24 overlaps 10.20.0.128/25, which host h1 uses itself; make a new Subnet with another network',
    ],
    [
      'a bridge whose Subnet is not in the store, which may have been restored from a backup',
      fresh({ hosts: [host({ segments: { lost: { ...segment(wide), subnetUid: 'lost' } } })] }),
      'wait (CIDROverlapsHost): spec.cidr 10.20.0.0/24 overlaps 10.20.0.1/16 of a bridge on host h1 whose Subnet lost has no object; remove it there, or make a new Subnet with another network',
    ],
    [
      'bridges of other networks, and without an address, overlap nothing',
      fresh({
        hosts: [
          host({
            segments: {
              beside: {
                ...segment(subnet('backend', { spec: { cidr: '10.30.0.0/24' } })),
                subnetUid: 'beside',
              },
              bare: {
                subnetUid: 'bare',
                bridge: 'down',
                dnsmasq: 'absent',
                rules: 'absent',
                forwarding: 'off',
              },
            },
          }),
        ],
      }),
      free,
    ],
    [
      'one that holds it, where another has a bridge, also one that is not in the store: there it waits',
      given({
        subnet: wasRealised,
        hosts: [
          host({ segments: { [wide.metadata.uid]: segment(wide) } }),
          host({ hostName: 'h2', segments: { [wasRealised.metadata.uid]: segment(wasRealised) } }),
        ],
        others: [wide],
      }),
      'wait (CIDROverlapsHost): spec.cidr 10.20.0.0/24 overlaps 10.20.0.1/16 of a bridge on host h1, which Subnet backend has there; delete one of the two',
    ],
    [
      'two that hold it, as after a restore: the one that a host has goes first',
      given({
        subnet: wasRealised,
        hosts: [host(), host({ hostName: 'h2', segments: { [wide.metadata.uid]: segment(wide) } })],
        others: [{ ...wide, metadata: { ...wide.metadata, ...later }, status: { networkHeld: true } }],
      }),
      'wait (CIDROverlap): spec.cidr 10.20.0.0/24 overlaps Subnet backend, which holds it too; delete one of the two',
    ],
    [
      'two that hold it, and no host has either: the older one goes first',
      given({
        subnet: wasRealised,
        others: [{ ...wide, metadata: { ...wide.metadata, ...later }, status: { networkHeld: true } }],
      }),
      'subnet.realise on h1 (BridgeMissing, drift): host h1: the bridge does not exist',
    ],
    [
      'and the later one waits',
      given({
        subnet: { ...wasRealised, metadata: { ...wasRealised.metadata, ...later } },
        others: [{ ...wide, status: { networkHeld: true } }],
      }),
      'wait (CIDROverlap): spec.cidr 10.20.0.0/24 overlaps Subnet backend, which holds it too; delete one of the two',
    ],
    [
      'one that is there is kept as it should be, whoever else has a bridge',
      given({
        subnet: wasRealised,
        hosts: [
          host({
            segments: {
              lost: { ...segment(wide), subnetUid: 'lost' },
              [uid]: segment(wasRealised, [], { rules: 'absent' }),
            },
          }),
        ],
      }),
      'subnet.realise on h1 (RulesMissing, drift): host h1: the nftables rules are not in force',
    ],
    [
      'nor does it keep other hosts waiting',
      given({
        subnet: wasRealised,
        hosts: [
          host({ segments: { lost: { ...segment(wide), subnetUid: 'lost' } } }),
          host({ hostName: 'h2' }),
        ],
      }),
      'subnet.realise on h2 (BridgeMissing, drift): host h2: the bridge does not exist',
    ],
    ['the default route overlaps nothing', fresh({ hosts: [host({ hostCidrs: ['0.0.0.0/0'] })] }), free],
    ...['10.20.0.0', '10.20.0.255'].map((gateway): [string, SubnetInput, string] => [
      `gateway ${gateway}`,
      given({ subnet: subnet('frontend', { spec: { gateway } }) }),
      'blocked (InvalidGateway): spec.gateway is the network or broadcast address; make a new Subnet with one between them',
    ]),
    [
      'a CIDR that the API should have refused',
      given({ subnet: subnet('frontend', { spec: { cidr: '10.20.0.1/24' } }) }),
      'blocked (InvalidCIDR): spec.cidr 10.20.0.1/24 is not an IPv4 network',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planSubnet(input))).toBe(expected);
  });
});

describe('deleting a Subnet', () => {
  const going = subnet('frontend', { metadata: deleted });
  const tap = {
    tap: 'plt1',
    machineUid: 'uid-of-web',
    interfaceName: 'eth0',
    subnetUid: uid,
    state: 'up' as const,
    carrier: 'present' as const,
    attached: true,
    rules: 'present' as const,
  };

  test.each<[string, SubnetInput, string]>([
    [
      'Machines that name it are named',
      given({ subnet: going, machines: ['a', 'b'] }),
      'wait (InUse): in use by Machine a, Machine b',
    ],
    [
      'addresses that are held are named',
      given({ subnet: going, addresses: [ipAddress('10.20.0.5')] }),
      'wait (InUse): addresses in use: 10.20.0.5 (Machine web)',
    ],
    [
      'a tap keeps it',
      given({ subnet: going, hosts: [host({ ports: { plt1: tap } })] }),
      'wait (InUse): a tap of a Machine is still on host h1',
    ],
    [
      'nobody is on it',
      given({ subnet: going }),
      'subnet.delete on h1 (Removing): the Subnet is being deleted and nothing is on it',
    ],
    [
      'a silent host proves nothing',
      given({ subnet: going, hosts: [silentHost()] }),
      'wait (HostUnknown): a complete snapshot of host h1',
    ],
    [
      'removed everywhere',
      given({ subnet: going, hosts: [host({ removed: { [uid]: 1 } })] }),
      'api.releaseFinalizer (Released): nothing of the Subnet is left on any host',
    ],
  ])('%s', (_name, input, expected) => {
    expect(sentence(planSubnet(input))).toBe(expected);
  });
});

describe('what is asked of the host', () => {
  test('the first address is the gateway unless another is given', () => {
    expect(segmentOf(subnet(), []).gateway).toBe('10.20.0.1');
    expect(segmentOf(subnet('frontend', { spec: { gateway: '10.20.0.254' } }), []).gateway).toBe(
      '10.20.0.254',
    );
  });

  test('reservations are in one order, whatever order the cache has', () => {
    const a = ipAddress('10.20.0.5');
    const b = ipAddress('10.20.0.6');
    expect(segmentOf(subnet(), [b, a])).toEqual(segmentOf(subnet(), [a, b]));
  });
});

describe('the status of a Subnet', () => {
  const statusOf = (input: SubnetInput, failure?: Parameters<typeof subnetStatus>[2]) =>
    subnetStatus(input, planSubnet(input), failure);

  test('whole: ready, and realised for good', () => {
    expect(statusOf(withSegment())).toMatchObject({
      conditions: [{ status: 'True' }],
      fields: { phase: 'Ready', realised: true, gateway: '10.20.0.1', addressesUsed: 0, addressesTotal: 253 },
    });
  });

  test('a reservation on its way does not make it unready', () => {
    const input = given({
      hosts: [host({ segments: { [uid]: segment(subnet()) } })],
      addresses: [ipAddress('10.20.0.5')],
    });
    expect(statusOf(input)).toMatchObject({
      conditions: [{ status: 'True' }],
      fields: { phase: 'Ready', addressesUsed: 1 },
    });
  });

  test('another bridge on one host is told, and no reason not to serve the others', () => {
    const lost = { ...segment(subnet()), subnetUid: 'lost' };
    const taken = host({ hostName: 'h2', segments: { lost } });
    const whole = host({ segments: { [uid]: segment(subnet()) } });
    expect(statusOf(given({ hosts: [whole, taken] })).conditions[0]).toMatchObject({
      status: 'True',
      reason: 'CIDROverlapsHost',
    });
    expect(statusOf(given({ hosts: [taken] })).conditions[0]).toMatchObject({ status: 'False' });
  });

  test('under repair: not ready, still realised', () => {
    expect(statusOf(withSegment({ dnsmasq: 'absent' }, wasRealised))).toMatchObject({
      conditions: [{ status: 'False', reason: 'DHCPStopped' }],
      fields: { phase: 'Provisioning', realised: true },
    });
  });

  test.each<[string, SubnetInput, string]>([
    ['new', given(), 'Provisioning'],
    ['without a host', given({ subnet: subnet(), hosts: [] }), 'Pending'],
    ['blocked', given({ subnet: subnet(), hosts: [host({ hostCidrs: ['10.0.0.0/8'] })] }), 'Failed'],
    ['deleted', given({ subnet: subnet('frontend', { metadata: deleted }) }), 'Terminating'],
  ])('the phase of one %s', (_name, input, phase) => {
    expect(statusOf(input).fields['phase']).toBe(phase);
  });

  test('a failure is told', () => {
    expect(
      statusOf(given(), { reason: 'NoPermission', message: 'ip: denied', retryable: true }),
    ).toMatchObject({
      conditions: [{ status: 'False', reason: 'NoPermission', message: 'ip: denied' }],
      fields: { phase: 'Failed' },
    });
  });
});
