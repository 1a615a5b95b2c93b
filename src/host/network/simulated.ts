import { copyJson } from '../../values/copy.ts';
import { reservationsHash, segmentHash, tapName } from '../../values/links.ts';
import type {
  Network,
  NetworkSnapshot,
  PortSnapshot,
  PortSpec,
  Reservation,
  SegmentSnapshot,
  SegmentSpec,
} from '../ports/network.ts';
import { NetworkError } from './errors.ts';
import { gatewayCidr } from './link-commands.ts';
import {
  checkedInterfaceName,
  checkedPort,
  checkedReservations,
  checkedSegment,
  checkedUid,
} from './validated.ts';

interface Segment {
  spec: SegmentSpec;
  bridge: 'absent' | 'down' | 'up';
  dnsmasq: 'absent' | 'running';
  rules: 'absent' | 'present';
  /** False once somebody else changed the file. */
  reservationsIntact: boolean;
  /** What the bridge has of the spec's, unless somebody changed it. */
  gateway: 'absent' | 'present';
  mtu: number;
}

interface Port {
  spec: PortSpec;
  link: 'absent' | 'down' | 'up';
  carrier: PortSnapshot['carrier'];
  attached: boolean;
  rules: 'absent' | 'present';
}

/** A host's network in memory, under the same contract as the real one, with the means to disturb it. */
export class SimulatedNetwork implements Network {
  readonly #segments = new Map<string, Segment>();
  readonly #ports = new Map<string, Port>();
  readonly #listeners = new Set<() => void>();
  #foreignCidrs: string[] = [];
  #forwarding: SegmentSnapshot['forwarding'] = 'off';
  #failure: Error | undefined;
  #announced = false;

  /** Ports that were made, for whoever watches over a simulated world. */
  get ports(): PortSpec[] {
    return [...this.#ports.values()].map(({ spec }) => spec);
  }

  /** Ports whose links are up, for whoever watches over a simulated world. */
  get portsUp(): PortSpec[] {
    return [...this.#ports.values()].flatMap(({ link, spec }) => (link === 'up' ? spec : []));
  }

  /** Ports by which a guest reaches its Subnet: its tap is held, up, attached and allowed to send. */
  get portsServing(): PortSpec[] {
    return [...this.#ports.values()].flatMap(({ link, carrier, attached, rules, spec }) =>
      link === 'up' && carrier === 'present' && attached && rules === 'present' ? spec : [],
    );
  }

  /** Subnets whose segments were made. */
  get segmentUids(): string[] {
    return [...this.#segments.keys()];
  }

  /** Networks of the segments. */
  get cidrs(): string[] {
    return [...this.#segments.values()].map(({ spec }) => spec.cidr);
  }

  /** Subnets of which nothing is lost or changed: each as it was asked for last. */
  get segmentsServing(): SegmentSpec[] {
    return [...this.#segments.values()].flatMap((segment) =>
      isWhole(segment) && (this.#forwarding === 'on' || segment.spec.egress === 'None')
        ? copyJson(segment.spec)
        : [],
    );
  }

  has(subnetUid: string): boolean {
    return this.#segments.has(subnetUid);
  }

  /** As a reboot of the host: links, rules, processes and settings are gone, records on disk are there. */
  reboot(): void {
    this.#forwarding = 'off';
    for (const segment of this.#segments.values()) {
      segment.bridge = 'absent';
      segment.dnsmasq = 'absent';
      segment.rules = 'absent';
    }
    for (const port of this.#ports.values()) {
      port.link = 'absent';
      port.carrier = 'absent';
      port.attached = false;
      port.rules = 'absent';
    }
    this.#changed();
  }

  async list(): Promise<NetworkSnapshot> {
    this.#failWhenTold();
    return {
      segments: [...this.#segments.values()]
        .map((segment) => describeSegment(segment, this.#forwarding))
        .sort(by(({ subnetUid }) => subnetUid)),
      ports: [...this.#ports.values()].map(describePort).sort(by(({ tap }) => tap)),
      hostCidrs: [...new Set(['127.0.0.0/8', '169.254.0.0/16', ...this.#foreignCidrs])].sort(),
    };
  }

  async ensureSegment(spec: SegmentSpec): Promise<void> {
    checkedSegment(spec);
    this.#failWhenTold();
    this.#segments.set(spec.subnetUid, {
      spec: copyJson(spec),
      bridge: 'up',
      dnsmasq: 'running',
      rules: 'present',
      reservationsIntact: true,
      gateway: 'present',
      mtu: spec.mtu,
    });
    if (spec.egress !== 'None') this.#forwarding = 'on';
    this.#changed();
  }

  async ensureReservations(subnetUid: string, reservations: Reservation[]): Promise<void> {
    checkedUid('subnetUid', subnetUid);
    this.#failWhenTold();
    const segment = this.#realised(subnetUid);
    segment.spec.reservations = copyJson(checkedReservations(reservations, segment.spec));
    segment.reservationsIntact = true;
    this.#changed();
  }

  async deleteSegment(subnetUid: string): Promise<void> {
    checkedUid('subnetUid', subnetUid);
    this.#failWhenTold();
    this.#detach(subnetUid);
    if (this.#segments.delete(subnetUid)) this.#changed();
  }

  async ensurePort(spec: PortSpec): Promise<string> {
    checkedPort(spec);
    this.#failWhenTold();
    this.#realised(spec.subnetUid);
    const tap = tapName(spec.machineUid, spec.interfaceName);
    // A link that is made anew is held by nobody, whoever held the one before it.
    const carrier = this.#ports.get(tap)?.carrier ?? 'absent';
    this.#ports.set(tap, { spec: copyJson(spec), link: 'up', carrier, attached: true, rules: 'present' });
    this.#changed();
    return tap;
  }

  async deletePort(machineUid: string, interfaceName: string): Promise<void> {
    checkedUid('machineUid', machineUid);
    checkedInterfaceName('interfaceName', interfaceName);
    this.#failWhenTold();
    if (this.#ports.delete(tapName(machineUid, interfaceName))) this.#changed();
  }

  watch(onChange: () => void): () => void {
    this.#listeners.add(onChange);
    return () => void this.#listeners.delete(onChange);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** As `ip link delete` on the bridge: its ports stay, unattached. */
  loseBridge(subnetUid: string): void {
    this.#known(subnetUid).bridge = 'absent';
    this.#detach(subnetUid);
    this.#changed();
  }

  /** As `ip link set … down` on the bridge. */
  lowerBridge(subnetUid: string): void {
    this.#known(subnetUid).bridge = 'down';
    this.#changed();
  }

  /** As `ip address flush` on the bridge. */
  loseGateway(subnetUid: string): void {
    this.#known(subnetUid).gateway = 'absent';
    this.#changed();
  }

  /** As `ip link set … mtu` on the bridge. */
  changeMtu(subnetUid: string): void {
    this.#known(subnetUid).mtu = 1_280;
    this.#changed();
  }

  /** As `kill -9` of the Subnet's dnsmasq. */
  killDnsmasq(subnetUid: string): void {
    this.#known(subnetUid).dnsmasq = 'absent';
    this.#changed();
  }

  /** As `rm` of the file of reservations. */
  loseReservations(subnetUid: string): void {
    this.#known(subnetUid).reservationsIntact = false;
    this.#changed();
  }

  /** As `nft flush ruleset`. */
  flushRules(): void {
    for (const owner of [...this.#segments.values(), ...this.#ports.values()]) owner.rules = 'absent';
    this.#changed();
  }

  /** As `sysctl net.ipv4.ip_forward=0`. */
  stopForwarding(): void {
    this.#forwarding = 'off';
    this.#changed();
  }

  /** As `ip link delete` on the tap: its rules are left. */
  loseTap(tap: string): void {
    const port = this.#ports.get(tap);
    if (!port) throw new Error(`there is no port ${tap}`);
    port.link = 'absent';
    port.carrier = 'absent';
    port.attached = false;
    this.#changed();
  }

  /** A program opens the tap, or lets it go, as QEMU does with a guest's. */
  setCarrier(tap: string, carrier: PortSnapshot['carrier']): void {
    const port = this.#ports.get(tap);
    if (!port || port.link === 'absent' || port.carrier === carrier) return;
    port.carrier = carrier;
    this.#changed();
  }

  /** Destinations that the host uses by itself. */
  setForeignCidrs(cidrs: readonly string[]): void {
    this.#foreignCidrs = [...cidrs];
    this.#changed();
  }

  /** A link changes that is not ours. */
  touchLink(): void {
    this.#changed();
  }

  /** Every call rejects with this error until told otherwise. */
  failWith(error: Error | undefined): void {
    this.#failure = error;
  }

  #known(subnetUid: string): Segment {
    const segment = this.#segments.get(subnetUid);
    if (!segment) throw new Error(`there is no segment ${subnetUid}`);
    return segment;
  }

  #realised(subnetUid: string): Segment {
    const segment = this.#segments.get(subnetUid);
    if (!segment || segment.bridge === 'absent')
      throw new NetworkError('SegmentAbsent', `Subnet ${subnetUid} is not realised on this host`);
    return segment;
  }

  #detach(subnetUid: string): void {
    for (const port of this.#ports.values()) if (port.spec.subnetUid === subnetUid) port.attached = false;
  }

  #failWhenTold(): void {
    if (this.#failure) throw this.#failure;
  }

  #changed(): void {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

const isWhole = ({ spec, bridge, gateway, mtu, dnsmasq, rules, reservationsIntact }: Segment): boolean =>
  bridge === 'up' &&
  gateway === 'present' &&
  mtu === spec.mtu &&
  dnsmasq === 'running' &&
  rules === 'present' &&
  reservationsIntact;

function describeSegment(
  { spec, bridge, gateway, mtu, dnsmasq, rules, reservationsIntact }: Segment,
  forwarding: SegmentSnapshot['forwarding'],
): SegmentSnapshot {
  const present = bridge !== 'absent';
  const serving = present && dnsmasq === 'running';
  return {
    subnetUid: spec.subnetUid,
    bridge,
    ...(present && { mtu }),
    ...(present && gateway === 'present' && { gatewayCidr: gatewayCidr(spec) }),
    dnsmasq: serving ? 'running' : 'absent',
    rules,
    forwarding,
    specHash: segmentHash(spec),
    ...(serving && reservationsIntact && { reservationsHash: reservationsHash(spec.reservations) }),
  };
}

function describePort({ spec, link, carrier, attached, rules }: Port): PortSnapshot {
  const { machineUid, interfaceName, subnetUid, macAddress, address } = spec;
  return {
    tap: tapName(machineUid, interfaceName),
    machineUid,
    interfaceName,
    subnetUid,
    state: link === 'up' ? 'up' : 'down',
    carrier,
    attached,
    rules,
    macAddress,
    address,
  };
}

const by =
  <Value>(key: (value: Value) => string) =>
  (a: Value, b: Value) =>
    key(a) < key(b) ? -1 : 1;
