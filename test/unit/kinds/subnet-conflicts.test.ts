import { describe, expect, test } from '@jest/globals';
import { planSubnet, type SubnetInput } from '../../../src/kinds/subnet/plan.ts';
import { host, segment, sentence, subnet } from './builders.ts';
import { given, uid, wasRealised } from './subnet-builders.ts';

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
