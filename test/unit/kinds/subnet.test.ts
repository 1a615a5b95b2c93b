import { describe, expect, test } from '@jest/globals';
import { type SubnetInput, planSubnet } from '../../../src/kinds/subnet/plan.ts';
import { segmentOf } from '../../../src/kinds/subnet/segment.ts';
import { subnetStatus } from '../../../src/kinds/subnet/status.ts';
import type { SegmentSnapshot } from '../../../src/plan/snapshot.ts';
import { deleted, host, ipAddress, segment, sentence, silentHost, subnet } from './builders.ts';
import { given, uid, wasRealised, withSegment } from './subnet-builders.ts';

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
