import type { SimulatedAgent } from './agent.ts';
import type { ApiStore } from './api-store.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { Attempt, Faults } from './faults.ts';
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
  /** It burns down, with everything on it. */
  loseHost: (host: SimulatedHost) => void;
}

/** Disturbs a host, or a program. @returns what, or nothing when there was nothing to disturb */
type DeedTo<Victim> = (victim: Victim) => string | undefined;

/** What goes wrong beside the steps of the programs: crashes, clocks, Redis, and people who change hosts by hand. */
export class Disturbances {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Called after every step. @returns what went wrong, if anything did */
  happen(): string[] {
    const { random, queue, store, faults } = this.#place;
    if (random.chance(0.005)) queue.remember();
    if (random.chance(0.01)) store.backUp();
    const [kind, attempt] = random.pick(this.#kinds);
    const aimed = this.#kinds.find(([each]) => each === faults.aim?.fault);
    const candidates = [[kind, attempt] as const, ...(aimed ? [aimed] : [])];
    return candidates.flatMap(([each, chosen]) => {
      const what = faults.befalls(each, () => chosen(each));
      return what === undefined ? [] : `fault: ${each} (${what})`;
    });
  }

  readonly #kinds: readonly [FaultKind, (kind: FaultKind) => Attempt][] = [
    ['agent crash', this.#toAHost((host) => this.#killAgent(host))],
    ['agent frozen', this.#toAHost((host) => this.#freezeAgent(host))],
    ['agent cut off', this.#toAHost((host) => this.#cutAgentOff(host))],
    ['libvirtd killed', this.#toAHost((host) => this.#killLibvirtd(host))],
    ['host lost', this.#toAHost((host) => this.#loseHost(host))],
    ['host rebooted', this.#toAHost((host) => this.#reboot(host))],
    ['controller crash', this.#toAController((process) => this.#killController(process))],
    ['controller frozen', this.#toAController((process) => this.#freeze(process, () => undefined))],
    ['controller cut off', this.#toAController((process) => this.#cutControllerOff(process))],
    ['clock jump', (kind) => this.#jumpClock(kind)],
    ['queue flushed', this.#toAll(() => this.#flushQueue())],
    ['queue restored older', this.#toAll(() => this.#restoreQueue())],
    ['queue unreachable', this.#toAll(() => this.#cutQueueOff())],
    ['guest killed', this.#byHand((host) => this.#killGuest(host))],
    ['guest paused', this.#byHand((host) => this.#pauseGuest(host))],
    ['device held', this.#byHand((host) => this.#holdDevice(host))],
    ['domain undefined', this.#byHand((host) => this.#undefineDomain(host))],
    ['bridge deleted', this.#byHand((host) => this.#onSegment(host, 'loseBridge'))],
    ['bridge lowered', this.#byHand((host) => this.#onSegment(host, 'lowerBridge'))],
    ['gateway removed', this.#byHand((host) => this.#onSegment(host, 'loseGateway'))],
    ['MTU changed', this.#byHand((host) => this.#onSegment(host, 'changeMtu'))],
    ['dnsmasq killed', this.#byHand((host) => this.#onSegment(host, 'killDnsmasq'))],
    ['reservations lost', this.#byHand((host) => this.#onSegment(host, 'loseReservations'))],
    ['tap deleted', this.#byHand((host) => this.#deleteTap(host))],
    ['disk removed', this.#byHand((host) => this.#onDisk(host, (uid) => host.storage.loseDisk(uid)))],
    [
      'disk enlarged',
      this.#byHand((host) => this.#onDisk(host, (uid) => host.storage.resizeBehind(uid, 2 ** 32))),
    ],
    ['image removed', this.#byHand((host) => this.#removeImage(host))],
    ['forwarding off', this.#byHand((host) => (host.network.stopForwarding(), host.name))],
    ['rules flushed', this.#byHand((host) => (host.network.flushRules(), host.name))],
    ['placement deleted', this.#toAll(() => this.#deletePlacement())],
    ['store restored older', this.#toAll(() => this.#restoreStore())],
  ];

  /** Where it meets what the seed is to bring together, if there is such a place. */
  #choose<Victim extends { name: string }>(kind: FaultKind, victims: readonly Victim[]): Victim {
    const { random, faults } = this.#place;
    const aimed = victims.filter(({ name }) => faults.isAimedAt(kind, name));
    return random.pick(aimed.length > 0 ? aimed : victims);
  }

  #toAHost(deed: DeedTo<SimulatedHost>): (kind: FaultKind) => Attempt {
    return (kind) => {
      const host = this.#choose(kind, this.#place.hosts);
      return { at: host.name, deed: () => deed(host) };
    };
  }

  #toAController(deed: DeedTo<Process>): (kind: FaultKind) => Attempt {
    return (kind) => {
      const process = this.#choose(kind, this.#place.controllers());
      return { at: process.name, deed: () => deed(process) };
    };
  }

  #toAll(deed: () => string | undefined): () => Attempt {
    return () => ({ deed });
  }

  #byHand(deed: DeedTo<SimulatedHost>): (kind: FaultKind) => Attempt {
    return this.#toAHost((host) => {
      const what = deed(host);
      this.#place.invariants.acceptChanges(host);
      return what;
    });
  }

  #killAgent(host: SimulatedHost): string | undefined {
    const { process } = this.#place.agentOf(host) ?? {};
    if (!process?.alive) return undefined;
    process.kill();
    return host.name;
  }

  #killController(process: Process): string | undefined {
    if (!process.alive) return undefined;
    process.kill();
    return process.name;
  }

  /** For longer than its locks last: it goes on with what it was at, and is given the same again. */
  #freezeAgent(host: SimulatedHost): string | undefined {
    const { agent, process } = this.#place.agentOf(host) ?? {};
    return process && this.#freeze(process, () => agent?.wakeUp());
  }

  #freeze(process: Process, onWaking: () => void): string | undefined {
    if (process.frozen || !process.alive) return undefined;
    process.frozen = true;
    this.#later(`${process.name} wakes up`, 20_000, 60_000, () => {
      process.frozen = false;
      onWaking();
    });
    return process.name;
  }

  #cutControllerOff(process: Process): string {
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

  #loseHost(host: SimulatedHost): string | undefined {
    const { hosts, loseHost } = this.#place;
    if (hosts.length === 1) return undefined;
    loseHost(host);
    return host.name;
  }

  /** Of an agent's host or of a controller's. */
  #jumpClock(kind: FaultKind): Attempt {
    const { hosts, controllers, random, agentOf } = this.#place;
    const ofAgents = hosts.flatMap((host) => {
      const { process } = agentOf(host) ?? {};
      return process ? [{ name: host.name, process }] : [];
    });
    const ofControllers = controllers().map((process) => ({ name: process.name, process }));
    const { name, process } = this.#choose(kind, [...ofControllers, ...ofAgents]);
    const deed = (): string => {
      process.skewMs += (random.below(7_200) - 3_600) * 1_000;
      return `${process.name} by ${process.skewMs / 1_000} s`;
    };
    return { at: name, deed };
  }

  /** What neither Redis nor the API knows of a host, nobody can know. */
  get #everyHostIsRegistered(): boolean {
    const { hosts, store } = this.#place;
    return hosts.every(({ name }) => store.find('hosts', { name }) !== undefined);
  }

  #flushQueue(): string | undefined {
    if (this.#place.store.life > 0 && !this.#everyHostIsRegistered) return undefined;
    this.#place.queue.flush();
    return 'Redis is empty';
  }

  #restoreQueue(): string | undefined {
    if (this.#place.store.life > 0 && !this.#everyHostIsRegistered) return undefined;
    this.#place.queue.restoreOlder();
    if (this.#place.random.chance(0.5)) return 'Redis is as it was';
    // Whoever restores it may start everything anew that uses it.
    for (const host of this.#place.hosts) this.#killAgent(host);
    return 'Redis is as it was, and agents are started again';
  }

  /** Purlin is stopped for it; guests and agents go on. */
  #restoreStore(): string | undefined {
    const { random, store, queue, hosts } = this.#place;
    if (hosts.some(({ agentUid }) => !queue.records(agentUid))) return undefined;
    const which = random.chance(0.3) ? 'first' : 'last';
    if (!store.restore(which)) return undefined;
    for (const process of this.#place.controllers()) process.kill();
    // What the backup does not know is worst on a host that is silent then.
    const silent = random.chance(0.5) ? this.#cutAgentOff(random.pick(hosts)) : 'none';
    return `the API is as in its ${which} backup; silent meanwhile: ${silent}`;
  }

  #cutQueueOff(): string | undefined {
    if (!this.#place.queue.reachable) return undefined;
    this.#place.queue.reachable = false;
    this.#later('Redis answers again', 1_000, 60_000, () => {
      this.#place.queue.reachable = true;
    });
    return 'Redis';
  }

  #deletePlacement(): string | undefined {
    const placements = this.#place.store.all('placements');
    if (placements.length === 0) return undefined;
    const { metadata } = this.#place.random.pick(placements);
    const type = { group: 'purlin.dev', version: 'v1alpha1', plural: 'placements' };
    // Nothing less removes it: its finalizer holds it while its Machine is there.
    this.#place.store.patch(type, metadata, { metadata: { finalizers: [] } });
    if (this.#place.store.find('placements', metadata)) this.#place.store.delete(type, metadata);
    return metadata.name;
  }

  #deleteTap(host: SimulatedHost): string | undefined {
    const ports = host.network.portsUp;
    if (ports.length === 0) return undefined;
    const { machineUid, interfaceName } = this.#place.random.pick(ports);
    host.network.loseTap(tapName(machineUid, interfaceName));
    return `of ${machineUid} on ${host.name}`;
  }

  #killGuest(host: SimulatedHost): string | undefined {
    const { guests } = host.hypervisor;
    if (guests.length === 0) return undefined;
    const { uuid } = this.#place.random.pick(guests);
    host.hypervisor.stopGuest(uuid, this.#place.random.pick(['crashed', 'destroyed', 'guest']));
    return `${uuid} on ${host.name}`;
  }

  #pauseGuest(host: SimulatedHost): string | undefined {
    const { guests } = host.hypervisor;
    if (guests.length === 0) return undefined;
    const { uuid } = this.#place.random.pick(guests);
    host.hypervisor.pause(uuid, 'ioError');
    return `${uuid} on ${host.name}`;
  }

  #holdDevice(host: SimulatedHost): string | undefined {
    const { guests } = host.hypervisor;
    if (guests.length === 0) return undefined;
    // A disk that may be wanted elsewhere is the worst to hold.
    const movable = guests.filter(({ disks }) => disks.some(({ path }) => this.#isStandalone(path)));
    const { uuid, disks, interfaces } = this.#place.random.pick(movable.length > 0 ? movable : guests);
    const devices = [...disks.map(({ target }) => target), ...interfaces.map(({ macAddress }) => macAddress)];
    for (const device of devices) host.hypervisor.holdDevice(uuid, device);
    return `${devices.join(', ')} of ${uuid} on ${host.name}`;
  }

  #isStandalone(path: string): boolean {
    const disk = this.#place.store.all('disks').find(({ metadata }) => path.includes(metadata.uid));
    return disk !== undefined && disk.metadata.ownerReferences === undefined;
  }

  #onDisk(host: SimulatedHost, deed: (diskUid: string) => void): string | undefined {
    const { diskUids } = host.storage;
    if (diskUids.length === 0) return undefined;
    const uid = this.#place.random.pick(diskUids);
    deed(uid);
    return `${uid} on ${host.name}`;
  }

  #removeImage(host: SimulatedHost): string | undefined {
    const digests = host.storage.cachedDigests();
    if (digests.length === 0) return undefined;
    host.storage.loseImage(this.#place.random.pick(digests));
    return host.name;
  }

  #undefineDomain(host: SimulatedHost): string | undefined {
    const { uuids } = host.hypervisor;
    if (uuids.length === 0) return undefined;
    const uuid = this.#place.random.pick(uuids);
    host.hypervisor.undefineByHand(uuid);
    return `${uuid} on ${host.name}`;
  }

  #onSegment(host: SimulatedHost, deed: SegmentDeed): string | undefined {
    const subnets = this.#place.store.all('subnets').map(({ metadata }) => metadata.uid);
    const present = subnets.filter((uid) => host.network.has(uid));
    if (present.length === 0) return undefined;
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
