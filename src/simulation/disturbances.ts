import type { SimulatedAgent } from './agent.ts';
import type { ApiStore } from './api-store.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { Faults } from './faults.ts';
import type { SimulatedHost } from './host.ts';
import type { Invariants } from './invariants.ts';
import type { SimulatedQueue } from './queue.ts';
import type { Random } from './random.ts';
import type { Process, Scheduler } from './scheduler.ts';
import { tapName } from '../values/links.ts';

/** Everything that can be disturbed. */
export interface Place {
  random: Random;
  scheduler: Scheduler;
  faults: Faults;
  store: ApiStore;
  queue: SimulatedQueue;
  hosts: readonly SimulatedHost[];
  invariants: Invariants;
  agentOf: (host: SimulatedHost) => { agent: SimulatedAgent; process: Process } | undefined;
  controllers: () => readonly Process[];
}

/** What goes wrong beside the steps of the programs: crashes, clocks, Redis, and people who change hosts by hand. */
export class Disturbances {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Called after every step. @returns what went wrong, if anything did */
  happen(): string[] {
    const { random, queue, faults } = this.#place;
    if (random.chance(0.005)) queue.remember();
    const [kind, happen] = random.pick(this.#kinds);
    const aimed = this.#kinds.find(([each]) => each === faults.aim?.fault);
    const candidates = [[kind, happen] as const, ...(aimed ? [aimed] : [])];
    return candidates.flatMap(([each, deed]) => (faults.happens(each) ? `fault: ${each} (${deed()})` : []));
  }

  readonly #kinds: readonly [FaultKind, () => string][] = [
    ['agent crash', () => this.#killAgent(this.#place.random.pick(this.#place.hosts))],
    ['controller crash', () => this.#killController()],
    ['controller frozen', () => this.#freezeController()],
    ['controller cut off', () => this.#cutControllerOff()],
    ['agent frozen', () => this.#freezeAgent(this.#place.random.pick(this.#place.hosts))],
    ['agent cut off', () => this.#cutAgentOff(this.#place.random.pick(this.#place.hosts))],
    ['libvirtd killed', () => this.#killLibvirtd(this.#place.random.pick(this.#place.hosts))],
    ['host rebooted', () => this.#reboot(this.#place.random.pick(this.#place.hosts))],
    ['clock jump', () => this.#jumpClock()],
    ['queue flushed', () => (this.#place.queue.flush(), 'Redis is empty')],
    ['queue restored older', () => this.#restoreQueue()],
    ['guest killed', () => this.#byHand((host) => this.#killGuest(host))],
    ['guest paused', () => this.#byHand((host) => this.#pauseGuest(host))],
    ['device held', () => this.#byHand((host) => this.#holdDevice(host))],
    ['domain undefined', () => this.#byHand((host) => this.#undefineDomain(host))],
    ['bridge deleted', () => this.#byHand((host) => this.#onSegment(host, 'loseBridge'))],
    ['bridge lowered', () => this.#byHand((host) => this.#onSegment(host, 'lowerBridge'))],
    ['gateway removed', () => this.#byHand((host) => this.#onSegment(host, 'loseGateway'))],
    ['MTU changed', () => this.#byHand((host) => this.#onSegment(host, 'changeMtu'))],
    ['dnsmasq killed', () => this.#byHand((host) => this.#onSegment(host, 'killDnsmasq'))],
    ['reservations lost', () => this.#byHand((host) => this.#onSegment(host, 'loseReservations'))],
    ['queue unreachable', () => this.#cutQueueOff()],
    ['tap deleted', () => this.#byHand((host) => this.#deleteTap(host))],
    ['disk removed', () => this.#byHand((host) => this.#onDisk(host, (uid) => host.storage.loseDisk(uid)))],
    [
      'disk enlarged',
      () => this.#byHand((host) => this.#onDisk(host, (uid) => host.storage.resizeBehind(uid, 2 ** 32))),
    ],
    ['image removed', () => this.#byHand((host) => this.#removeImage(host))],
    ['placement deleted', () => this.#deletePlacement()],
    ['rules flushed', () => this.#byHand((host) => (host.network.flushRules(), host.name))],
  ];

  #killAgent(host: SimulatedHost): string {
    this.#place.agentOf(host)?.process.kill();
    return host.name;
  }

  #killController(): string {
    const process = this.#place.random.pick(this.#place.controllers());
    process.kill();
    return process.name;
  }

  #freezeController(): string {
    const process = this.#place.random.pick(this.#place.controllers());
    this.#freeze(process, () => undefined);
    return process.name;
  }

  /** For longer than its locks last: it goes on with what it was at, and is given the same again. */
  #freezeAgent(host: SimulatedHost): string {
    const { agent, process } = this.#place.agentOf(host) ?? {};
    if (process) this.#freeze(process, () => agent?.wakeUp());
    return host.name;
  }

  #freeze(process: Process, onWaking: () => void): void {
    if (process.frozen) return;
    process.frozen = true;
    this.#later(`${process.name} wakes up`, 20_000, 60_000, () => {
      process.frozen = false;
      onWaking();
    });
  }

  #cutControllerOff(): string {
    const process = this.#place.random.pick(this.#place.controllers());
    process.reachesApi = false;
    this.#later(`${process.name} reaches the API again`, 1_000, 60_000, () => {
      process.reachesApi = true;
    });
    return process.name;
  }

  #cutAgentOff({ agentUid, name }: SimulatedHost): string {
    const { queue } = this.#place;
    queue.cutOff(agentUid);
    this.#later(`${name} reaches Redis again`, 1_000, 60_000, () => queue.letIn(agentUid));
    return name;
  }

  #killLibvirtd(host: SimulatedHost): string {
    host.hypervisor.disconnect();
    this.#later(`libvirtd of ${host.name} is there again`, 500, 20_000, () => host.hypervisor.reconnect());
    return host.name;
  }

  #later(what: string, earliestMs: number, latestMs: number, happen: () => void): void {
    const delayMs = earliestMs + this.#place.random.below(latestMs - earliestMs);
    this.#place.scheduler.after(what, delayMs, undefined, happen);
  }

  #reboot(host: SimulatedHost): string {
    this.#place.agentOf(host)?.process.kill();
    host.reboot();
    this.#place.invariants.acceptChanges(host);
    return host.name;
  }

  #jumpClock(): string {
    const agents = this.#place.hosts.flatMap((host) => this.#place.agentOf(host)?.process ?? []);
    const processes = [...this.#place.controllers(), ...agents];
    const process = this.#place.random.pick(processes);
    process.skewMs += (this.#place.random.below(7_200) - 3_600) * 1_000;
    return `${process.name} by ${process.skewMs / 1_000} s`;
  }

  #restoreQueue(): string {
    this.#place.queue.restoreOlder();
    if (this.#place.random.chance(0.5)) return 'Redis is as it was';
    // Whoever restores it may start everything anew that uses it.
    for (const host of this.#place.hosts) this.#killAgent(host);
    return 'Redis is as it was, and agents are started again';
  }

  #cutQueueOff(): string {
    if (!this.#place.queue.reachable) return 'Redis, which is away';
    this.#place.queue.reachable = false;
    this.#later('Redis answers again', 1_000, 60_000, () => {
      this.#place.queue.reachable = true;
    });
    return 'Redis';
  }

  #deletePlacement(): string {
    const placements = this.#place.store.all('placements');
    if (placements.length === 0) return 'there is none';
    const { metadata } = this.#place.random.pick(placements);
    const type = { group: 'purlin.dev', version: 'v1alpha1', plural: 'placements' };
    // Nothing less removes it: its finalizer holds it while its Machine is there.
    this.#place.store.patch(type, metadata, { metadata: { finalizers: [] } });
    if (this.#place.store.find('placements', metadata)) this.#place.store.delete(type, metadata);
    return metadata.name;
  }

  #deleteTap(host: SimulatedHost): string {
    const ports = host.network.portsUp;
    if (ports.length === 0) return `${host.name} has none`;
    const { machineUid, interfaceName } = this.#place.random.pick(ports);
    host.network.loseTap(tapName(machineUid, interfaceName));
    return `of ${machineUid} on ${host.name}`;
  }

  #byHand(deed: (host: SimulatedHost) => string): string {
    const host = this.#place.random.pick(this.#place.hosts);
    const what = deed(host);
    this.#place.invariants.acceptChanges(host);
    return what;
  }

  #killGuest(host: SimulatedHost): string {
    const { guests } = host.hypervisor;
    if (guests.length === 0) return `${host.name} has none`;
    const { uuid } = this.#place.random.pick(guests);
    host.hypervisor.stopGuest(uuid, this.#place.random.pick(['crashed', 'destroyed', 'guest']));
    return `${uuid} on ${host.name}`;
  }

  #pauseGuest(host: SimulatedHost): string {
    const { guests } = host.hypervisor;
    if (guests.length === 0) return `${host.name} has none`;
    const { uuid } = this.#place.random.pick(guests);
    host.hypervisor.pause(uuid, 'ioError');
    return `${uuid} on ${host.name}`;
  }

  #holdDevice(host: SimulatedHost): string {
    const { guests } = host.hypervisor;
    if (guests.length === 0) return `${host.name} has none`;
    const { uuid, disks, interfaces } = this.#place.random.pick(guests);
    const devices = [...disks.map(({ target }) => target), ...interfaces.map(({ macAddress }) => macAddress)];
    for (const device of devices) host.hypervisor.holdDevice(uuid, device);
    return `${devices.join(', ')} of ${uuid} on ${host.name}`;
  }

  #onDisk(host: SimulatedHost, deed: (diskUid: string) => void): string {
    const { diskUids } = host.storage;
    if (diskUids.length === 0) return `${host.name} has none`;
    const uid = this.#place.random.pick(diskUids);
    deed(uid);
    return `${uid} on ${host.name}`;
  }

  #removeImage(host: SimulatedHost): string {
    const digests = host.storage.cachedDigests();
    if (digests.length === 0) return `${host.name} has none`;
    host.storage.loseImage(this.#place.random.pick(digests));
    return host.name;
  }

  #undefineDomain(host: SimulatedHost): string {
    const { uuids } = host.hypervisor;
    if (uuids.length === 0) return `${host.name} has none`;
    const uuid = this.#place.random.pick(uuids);
    host.hypervisor.undefineByHand(uuid);
    return `${uuid} on ${host.name}`;
  }

  #onSegment(host: SimulatedHost, deed: SegmentDeed): string {
    const subnets = this.#place.store.all('subnets').map(({ metadata }) => metadata.uid);
    const present = subnets.filter((uid) => host.network.has(uid));
    if (present.length === 0) return `${host.name} has none`;
    host.network[deed](this.#place.random.pick(present));
    return host.name;
  }
}

/** What somebody can do to a network. */
type SegmentDeed =
  | 'loseBridge'
  | 'lowerBridge'
  | 'loseGateway'
  | 'changeMtu'
  | 'killDnsmasq'
  | 'loseReservations';
