/**
 * The network of one host as the executors and the observer see it: isolated L2 segments (a Linux bridge, one
 * dnsmasq, nftables rules) and the ports of guests on them. Everything is named from UIDs on the host itself;
 * every operation states a target and is harmless when repeated.
 */

import type { NetworkSnapshot } from '../../plan/snapshot.ts';

export type { NetworkSnapshot, PortSnapshot, SegmentSnapshot } from '../../plan/snapshot.ts';

/** One DHCP reservation: the only way a guest gets an address. */
export interface Reservation {
  macAddress: string;
  address: string;
  /** DNS label that dnsmasq hands out and resolves inside the Subnet. */
  hostname: string;
}

/** The wanted state of one Subnet on this host. */
export interface SegmentSpec {
  /** UID of the Subnet; bridge, dnsmasq and nft names derive from it. */
  subnetUid: string;
  /** Canonical IPv4 network, for example `10.20.0.0/24`. */
  cidr: string;
  /** The bridge's own address inside `cidr`. */
  gateway: string;
  mtu: number;
  egress: 'NAT' | 'Routed' | 'None';
  /** Upstream resolvers that dnsmasq forwards to; empty = the host's own. Ignored with `egress: None`. */
  dnsServers: string[];
  reservations: Reservation[];
}

/** One interface of a Machine: a tap on the Subnet's bridge, bound to one MAC and one address. */
export interface PortSpec {
  machineUid: string;
  /** `spec.interfaces[].name` of the Machine. */
  interfaceName: string;
  subnetUid: string;
  macAddress: string;
  address: string;
  mtu: number;
}

export interface Network {
  /** One full listing (`ip -json`, `nft -j`, process table); rejects rather than returning a part. */
  list(): Promise<NetworkSnapshot>;
  ensureSegment(spec: SegmentSpec): Promise<void>;
  /** Changes the reservations of a realised segment without restarting dnsmasq. */
  ensureReservations(subnetUid: string, reservations: Reservation[]): Promise<void>;
  deleteSegment(subnetUid: string): Promise<void>;
  /** Makes the tap, its rules before its link is up, attaches it; returns the tap's name for the domain XML. */
  ensurePort(spec: PortSpec): Promise<string>;
  deletePort(machineUid: string, interfaceName: string): Promise<void>;
  /** Calls back (coalesced) whenever links, addresses, nft rules or a dnsmasq of ours changed. Returns a stopper. */
  watch(onChange: () => void): () => void;
  /** Stops every process of ours that is not meant to outlive the agent (monitors; never dnsmasq). */
  close(): Promise<void>;
}

/** The tap's name is a pure function, so that planners and domain XML agree with the adapter. */
export { bridgeName, segmentHash, reservationsHash, tapName } from '../../values/links.ts';
