import type { SimulatedAgent } from './agent.ts';
import type { ApiStore } from './api-store.ts';
import { byHand, type HandDeed } from './by-hand.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { Attempt, Faults } from './faults.ts';
import type { SimulatedHost } from './host.ts';
import type { Invariants } from './invariants.ts';
import type { SimulatedQueue } from './queue.ts';
import type { Random } from './random.ts';
import type { Process, Scheduler } from './scheduler.ts';

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

/** @returns what a fault of that kind may befall, one instead of the other */
type Disturbance = (kind: FaultKind) => Attempt[];

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
      return what === undefined ? [] : told(each, what);
    });
  }

  /**
   * Where a call hangs or a guest holds on to a device, somebody restores the store: what the store does not know of is
   * still under way, or open, then.
   */
  reactToAim(): string[] {
    const { random, faults } = this.#place;
    const lasts = faults.aim?.fault === 'effect hangs' || faults.aim?.fault === 'device held';
    if (!lasts || random.chance(0.5)) return [];
    const what = faults.brings('store restored older', () => [{ deed: () => this.#restoreStore() }]);
    return what === undefined ? [] : [told('store restored older', what)];
  }

  readonly #kinds: readonly [FaultKind, Disturbance][] = [
    ['agent crash', this.#toAHost((host) => this.#killAgent(host))],
    ['agent frozen', this.#toAHost((host) => this.#freezeAgent(host))],
    ['agent cut off', this.#toAHost((host) => this.#cutAgentOff(host))],
    ['libvirtd killed', this.#toAHost((host) => this.#killLibvirtd(host))],
    ['host lost', this.#toAHost((host) => this.#loseHost(host))],
    ['host rebooted', this.#toAHost((host) => this.#reboot(host))],
    ['controller crash', this.#toAController((process) => this.#killController(process))],
    ['controller frozen', this.#toAController((process) => this.#freeze(process, () => undefined))],
    ['controller cut off', this.#toAController((process) => this.#cutControllerOff(process))],
    ['clock jump', (kind) => this.#jumpClocks(kind)],
    ['queue flushed', this.#toAll(() => this.#flushQueue())],
    ['queue restored older', this.#toAll(() => this.#restoreQueue())],
    ['queue unreachable', this.#toAll(() => this.#cutQueueOff())],
    ...byHand.map(([kind, deed]): [FaultKind, Disturbance] => [kind, this.#byHand(deed)]),
    ['placement deleted', this.#toAll(() => this.#deletePlacement())],
    ['store restored older', this.#toAll(() => this.#restoreStore())],
  ];

  /** First those where it meets what the seed is to bring together. */
  #inTurn<Victim extends { name: string }>(kind: FaultKind, victims: readonly Victim[]): Victim[] {
    const { random, faults } = this.#place;
    const first = random.below(victims.length);
    const turned = [...victims.slice(first), ...victims.slice(0, first)];
    const isAimedAt = ({ name }: Victim): boolean => faults.isAimedAt(kind, name);
    return [...turned.filter(isAimedAt), ...turned.filter((victim) => !isAimedAt(victim))];
  }

  #toAHost(deed: DeedTo<SimulatedHost>): Disturbance {
    return (kind) =>
      this.#inTurn(kind, this.#place.hosts).map((host) => ({ at: host.name, deed: () => deed(host) }));
  }

  #toAController(deed: DeedTo<Process>): Disturbance {
    return (kind) =>
      this.#inTurn(kind, this.#place.controllers()).map((process) => ({
        at: process.name,
        deed: () => deed(process),
      }));
  }

  #toAll(deed: () => string | undefined): Disturbance {
    return () => [{ deed }];
  }

  #byHand(deed: HandDeed): Disturbance {
    return this.#toAHost((host) => {
      const { random, store, invariants } = this.#place;
      const what = deed(host, { random, store, later: (...task) => this.#later(...task) });
      invariants.acceptChanges(host);
      return what && `${what} on ${host.name}`;
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
    // Somebody may have told libvirt to start guests, which comes before an agent then.
    const autostarts = this.#place.random.chance(0.3);
    host.reboot(autostarts);
    this.#place.invariants.acceptChanges(host);
    return autostarts ? `${host.name}, where libvirt starts guests` : host.name;
  }

  #loseHost(host: SimulatedHost): string | undefined {
    const { hosts, loseHost } = this.#place;
    if (hosts.length === 1) return undefined;
    loseHost(host);
    return host.name;
  }

  /** Of an agent's host or of a controller's. */
  #jumpClocks(kind: FaultKind): Attempt[] {
    const { hosts, controllers, random, agentOf } = this.#place;
    const ofAgents = hosts.flatMap((host) => {
      const { process } = agentOf(host) ?? {};
      return process ? [{ name: host.name, process }] : [];
    });
    const ofControllers = controllers().map((process) => ({ name: process.name, process }));
    return this.#inTurn(kind, [...ofControllers, ...ofAgents]).map(({ name, process }) => ({
      at: name,
      deed: () => {
        process.skewMs += (random.below(7_200) - 3_600) * 1_000;
        return `${process.name} by ${process.skewMs / 1_000} s`;
      },
    }));
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
}

const told = (kind: FaultKind, what: string): string => `fault: ${kind} (${what})`;
