/**
 * The packet rules: pure functions of checked values. Each change is one transaction and begins with the fixed part,
 * so that a table which somebody emptied is whole again after any change.
 *
 * - `bridge purlin`: what a port may send at all, before anything else sees it.
 * - `inet purlin`: what a guest may reach on the host, in other Subnets and outside. A verdict of `accept` in it ends
 *   only our own chain: tables of others with a stricter policy still have their say.
 */
import { bridgeName, tapName } from '../../values/links.ts';
import type { PortSpec, SegmentSpec } from '../ports/network.ts';
import { type Json, type Transaction, table } from './nft-table.ts';

const matches = (left: Json, right: Json, op = '=='): Json => ({ match: { op, left, right } });
const meta = (key: string): Json => ({ meta: { key } });
const field = (protocol: string, name: string): Json => ({ payload: { protocol, field: name } });
const established = matches({ ct: { key: 'state' } }, ['established', 'related'], 'in');
const accept: Json = { accept: null };
const drop: Json = { drop: null };
const lookUp = (key: string, map: string): Json => ({ vmap: { key: meta(key), data: `@${map}` } });
const anyBridge = 'plb*';
const anyTap = 'plt*';

const bridge = table('bridge');
const inet = table('inet');

/** Chains that every transaction makes anew; the rest belongs to one Subnet or port. */
export const fixedChains = { bridge: ['from_ports'], inet: ['input', 'forward'] } as const;

/** Frames from a tap of ours without rules of its own are dropped. */
const bridgeBase = (): Json[] => [
  bridge.create(),
  bridge.map('ports'),
  ...bridge.base('from_ports', { type: 'filter', hook: 'prerouting', prio: -300 }),
  ...bridge.rules('from_ports', 'purlin', [
    [lookUp('iifname', 'ports')],
    [matches(meta('iifname'), anyTap), drop],
  ]),
];

const inetBase = (): Json[] => [
  inet.create(),
  ...['to_host', 'leaving', 'entering'].map(inet.map),
  ...inet.base('input', { type: 'filter', hook: 'input', prio: 0 }),
  ...inet.rules('input', 'purlin', [
    [lookUp('iifname', 'to_host')],
    [matches(meta('iifname'), anyBridge), drop],
  ]),
  ...inet.base('forward', { type: 'filter', hook: 'forward', prio: 0 }),
  ...inet.rules('forward', 'purlin', [[lookUp('iifname', 'leaving')], [lookUp('oifname', 'entering')]]),
];

/** The chain of a port in `bridge purlin` bears the tap's name. */
export const portChain = (spec: Pick<PortSpec, 'machineUid' | 'interfaceName'>): string =>
  tapName(spec.machineUid, spec.interfaceName);

export const portComment = ({ machineUid, interfaceName }: Pick<PortSpec, 'machineUid' | 'interfaceName'>) =>
  `purlin:port:${machineUid}/${interfaceName}`;

export const segmentComment = (subnetUid: string): string => `purlin:subnet:${subnetUid}`;

/** Chains of a Subnet in `inet purlin`. */
export function segmentChains(subnetUid: string) {
  const link = bridgeName(subnetUid);
  return {
    toHost: `${link}_to_host`,
    leaving: `${link}_leaving`,
    entering: `${link}_entering`,
    masquerade: `${link}_masquerade`,
  };
}

/**
 * Rules of one Subnet. A guest reaches its host by DHCP and the gateway's DNS alone; what the host began may be
 * answered. Frames within the Subnet pass here too, when `bridge-nf-call-iptables` is set.
 */
export function segmentRules(spec: SegmentSpec): Transaction {
  const link = bridgeName(spec.subnetUid);
  const chains = segmentChains(spec.subnetUid);
  const comment = segmentComment(spec.subnetUid);
  const inside = (key: string) => matches(meta(key), link);
  return {
    nftables: [
      ...inetBase(),
      ...inet.chain(chains.toHost),
      ...inet.rules(chains.toHost, comment, [[established, accept], ...hostServices(spec), [drop]]),
      ...inet.chain(chains.leaving),
      ...inet.rules(chains.leaving, comment, [[inside('oifname'), accept], ...leaving(spec)]),
      ...inet.chain(chains.entering),
      ...inet.rules(chains.entering, comment, entering(spec)),
      inet.dispatch('to_host', link, chains.toHost),
      inet.dispatch('leaving', link, chains.leaving),
      inet.dispatch('entering', link, chains.entering),
      ...masquerade(spec, chains.masquerade, comment),
    ],
  };
}

/** DHCP comes as a broadcast, or to the gateway when a lease is renewed; no DNS without egress. */
function hostServices({ gateway, egress }: SegmentSpec): Json[][] {
  const toGateway = matches(field('ip', 'daddr'), gateway);
  const port = (protocol: string, number: number) => matches(field(protocol, 'dport'), number);
  const dhcp = [
    matches(field('ip', 'daddr'), { set: ['255.255.255.255', gateway] }),
    matches(field('udp', 'sport'), 68),
    port('udp', 67),
    accept,
  ];
  if (egress === 'None') return [dhcp];
  return [dhcp, [toGateway, port('udp', 53), accept], [toGateway, port('tcp', 53), accept]];
}

/** Packets from the Subnet's bridge to another link. Returning leaves the decision to the link they enter. */
function leaving({ cidr, egress }: SegmentSpec): Json[][] {
  const foreignSource = matches(field('ip', 'saddr'), prefix(cidr), '!=');
  const notIpv4 = matches(meta('nfproto'), 'ipv4', '!=');
  switch (egress) {
    case 'NAT':
      return [
        [notIpv4, drop],
        [foreignSource, drop],
        [matches(meta('oifname'), anyBridge), drop],
      ];
    case 'Routed':
      return [
        [notIpv4, drop],
        [foreignSource, drop],
      ];
    case 'None':
      return [[drop]];
  }
}

/** Packets from another link to the Subnet's bridge. */
function entering({ cidr, egress, subnetUid }: SegmentSpec): Json[][] {
  const within = matches(meta('iifname'), bridgeName(subnetUid));
  switch (egress) {
    case 'NAT':
      return [[within, accept], [established, accept], [drop]];
    case 'Routed':
      return [[within, accept], [matches(field('ip', 'daddr'), prefix(cidr)), accept], [drop]];
    case 'None':
      return [[within, accept], [drop]];
  }
}

/** A base chain per NAT Subnet: it sees only the first packet of a connection. */
function masquerade({ cidr, egress }: SegmentSpec, chain: string, comment: string): Json[] {
  if (egress !== 'NAT') return inet.remove(chain);
  return [
    ...inet.base(chain, { type: 'nat', hook: 'postrouting', prio: 100 }),
    ...inet.rules(chain, comment, [
      [
        matches(field('ip', 'saddr'), prefix(cidr)),
        matches(meta('oifname'), anyBridge, '!='),
        { masquerade: null },
      ],
    ]),
  ];
}

export function segmentRemoval(subnetUid: string): Transaction {
  const link = bridgeName(subnetUid);
  const chains = segmentChains(subnetUid);
  return {
    nftables: [
      ...inetBase(),
      ...inet.withdraw('to_host', link, chains.toHost),
      ...inet.withdraw('leaving', link, chains.leaving),
      ...inet.withdraw('entering', link, chains.entering),
      ...Object.values(chains).flatMap(inet.remove),
    ],
  };
}

/**
 * What one port may send: ARP and IPv4 with its own addresses, and DHCP requests before it has one. Never IPv6, other
 * protocols, or replies of a DHCP server.
 */
export function portRules(spec: PortSpec): Transaction {
  const tap = portChain(spec);
  const { macAddress, address } = spec;
  return {
    nftables: [
      ...bridgeBase(),
      ...bridge.chain(tap),
      ...bridge.rules(tap, portComment(spec), [
        [matches(field('ether', 'saddr'), macAddress, '!='), drop],
        [
          matches(field('arp', 'saddr ether'), macAddress),
          // 0.0.0.0: the probe for a duplicate address (RFC 5227).
          matches(field('arp', 'saddr ip'), { set: ['0.0.0.0', address] }),
          accept,
        ],
        [matches(field('ether', 'type'), 'ip', '!='), drop],
        [matches(field('udp', 'sport'), 67), drop],
        [
          matches(field('ip', 'saddr'), '0.0.0.0'),
          matches(field('ip', 'daddr'), '255.255.255.255'),
          matches(field('udp', 'sport'), 68),
          matches(field('udp', 'dport'), 67),
          accept,
        ],
        [matches(field('ip', 'saddr'), address), accept],
        [drop],
      ]),
      bridge.dispatch('ports', tap, tap),
    ],
  };
}

export function portRemoval(spec: Pick<PortSpec, 'machineUid' | 'interfaceName'>): Transaction {
  const tap = portChain(spec);
  return { nftables: [...bridgeBase(), ...bridge.withdraw('ports', tap, tap), ...bridge.remove(tap)] };
}

function prefix(cidr: string): Json {
  const [addr = '', len] = cidr.split('/');
  return { prefix: { addr, len: Number(len) } };
}
