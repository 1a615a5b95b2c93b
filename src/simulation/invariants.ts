import { RESTART_ANNOTATION } from '../kinds/machine/input.ts';
import type { Disk, Machine } from '../resources/kinds.ts';
import type { KindDefinition, Reader } from '../plan/kind.ts';
import { FINALIZER } from '../plan/removal.ts';
import { deleting, hasFinalizer, type Resource } from '../resources/metadata.ts';
import { overlaps, parseCidr } from '../values/ipv4.ts';
import { tapName } from '../values/links.ts';
import type { ApiStore } from './api-store.ts';
import { checkRest, checkSilence, readyOf } from './at-rest.ts';
import type { SimulatedHost } from './host.ts';
import { InvariantBroken } from './invariant.ts';

/** What one host had when it was last looked at. */
interface Belongings {
  domains: ReadonlySet<string>;
  disks: ReadonlySet<string>;
  taps: ReadonlySet<string>;
  running: ReadonlySet<string>;
}

/** Looks after every step whether the world is still one that Purlin promises. */
export class Invariants {
  readonly #store: ApiStore;
  readonly #hosts: readonly SimulatedHost[];
  readonly #kinds: readonly KindDefinition[];
  readonly #before = new Map<SimulatedHost, Belongings>();
  readonly #seen = new Map<string, Resource>();
  readonly #retained = new Set<string>();
  /** Machines whose spec ever allowed that their guests are stopped. */
  readonly #mayBeStopped = new Set<string>();
  /** Objects that a restored backup did not have. */
  readonly #lost = new Set<string>();
  /** Objects as a backup has them, from before they were protected: whoever deletes them leaves behind what they have. */
  readonly #unprotected = new Set<string>();
  /** Objects whose destruction had been asked for when a backup was restored: it may be on its way. */
  readonly #doomed = new Set<string>();
  /** Owners of whatever was ever there on a host. */
  readonly #everThere = new Set<string>();
  #untrue: string | undefined;

  constructor(store: ApiStore, hosts: readonly SimulatedHost[], kinds: readonly KindDefinition[]) {
    this.#kinds = kinds;
    this.#store = store;
    this.#hosts = hosts;
    for (const host of hosts) this.acceptChanges(host);
    store.onChange(({ object, type }) => {
      const { uid } = object.metadata;
      if (type === 'DELETED') {
        if (object.kind === 'Disk' && (object as Disk).spec.reclaimPolicy === 'Retain')
          this.#retained.add(uid);
        if (this.#unprotected.has(uid)) this.#lost.add(uid);
        this.#seen.delete(uid);
        return;
      }
      if (object.kind === 'Disk') this.#noDataIsCalledLost(object);
      if (object.kind === 'Machine' && asksForStops(object as Machine)) this.#mayBeStopped.add(uid);
      if (hasFinalizer(object, FINALIZER)) this.#unprotected.delete(uid);
      this.#readinessIsNotSaidEarly(object);
      this.#seen.set(uid, object);
    });
    store.onRestored(() => this.#acceptRestore());
  }

  /** Every Machine has a guest somewhere. */
  get guestsRun(): boolean {
    const running = new Set(
      this.#hosts.flatMap(({ hypervisor }) => hypervisor.guests.map(({ uuid }) => uuid)),
    );
    return this.#store.all('machines').every(({ metadata }) => running.has(metadata.uid));
  }

  /** Somebody changed the host by hand: that is no deed of Purlin's. */
  acceptChanges(host: SimulatedHost): void {
    this.#before.set(host, belongingsOf(host));
  }

  /** What was asked for after the backup is forgotten, but may have been done, or be on its way. */
  #acceptRestore(): void {
    for (const [uid, object] of this.#seen) {
      this.#lost.add(uid);
      if (mayBeDestroyed(object)) this.#doomed.add(uid);
    }
    this.#seen.clear();
    for (const object of this.#store.everything()) this.#seen.set(object.metadata.uid, object);
    this.#unprotected.clear();
    for (const [uid, object] of this.#seen) {
      this.#lost.delete(uid);
      this.#retained.delete(uid);
      if (!hasFinalizer(object, FINALIZER)) this.#unprotected.add(uid);
    }
  }

  /** @throws InvariantBroken */
  check(): void {
    if (this.#untrue !== undefined) throw new InvariantBroken('the status tells the truth', this.#untrue);
    if (!this.#hosts.some(({ touched }) => touched)) return;
    for (const host of this.#hosts) host.touched = false;
    this.#remember();
    this.#oneGuestPerMachine();
    this.#oneWriterPerDisk();
    this.#destructionWasAskedFor();
    this.#addressesAreUnique();
    this.#networksDoNotOverlap();
  }

  /** Whenever nothing has happened for long. @param caches what the leaders see @throws InvariantBroken */
  checkSilence(caches: readonly Reader[]): void {
    this.check();
    checkSilence({ store: this.#store, kinds: this.#kinds }, caches);
  }

  /** After everything has settled. @param caches what the leaders see @throws InvariantBroken */
  checkRest(caches: readonly Reader[]): void {
    this.check();
    checkRest(
      {
        store: this.#store,
        hosts: this.#hosts,
        kinds: this.#kinds,
        present: this.#seen,
        retained: this.#retained,
        lost: this.#lost,
      },
      caches,
    );
  }

  #oneGuestPerMachine(): void {
    const at = new Map<string, string>();
    for (const host of this.#hosts) {
      for (const { uuid } of host.hypervisor.guests) {
        const other = at.get(uuid);
        if (other !== undefined)
          throw new InvariantBroken('one guest per Machine', `${uuid} runs on ${other} and on ${host.name}`);
        at.set(uuid, host.name);
      }
    }
  }

  #oneWriterPerDisk(): void {
    const writers = new Map<string, string>();
    for (const host of this.#hosts) {
      for (const { uuid, disks } of host.hypervisor.guests) {
        for (const { path } of disks.filter(({ readOnly }) => !readOnly)) {
          const disk = diskOfFile(path);
          const other = writers.get(disk);
          if (other !== undefined && other !== uuid)
            throw new InvariantBroken('one writer per disk', `${disk} is open in ${other} and in ${uuid}`);
          writers.set(disk, uuid);
        }
      }
    }
  }

  /** A disk or a domain goes only with an object that is being deleted, or is gone. */
  #destructionWasAskedFor(): void {
    for (const host of this.#hosts) {
      const before = this.#before.get(host);
      const now = belongingsOf(host);
      this.#before.set(host, now);
      if (!before) continue;
      this.#stopsWereAskedFor(host, before, now);
      nothingIsTakenFromGuests(host, before, now);
      for (const part of ['domains', 'disks'] as const) {
        for (const uid of before[part]) {
          if (now[part].has(uid) || this.#doomed.has(uid)) continue;
          const owner = this.#seen.get(uid);
          if (owner ? mayBeDestroyed(owner) : !this.#stays(uid)) continue;
          const whose = owner ? `${owner.kind} ${owner.metadata.name}` : 'an object that is gone';
          throw new InvariantBroken(
            'destruction was asked for',
            `${host.name} lost ${part} ${uid} of ${whose}, which nobody deleted, or which is retained`,
          );
        }
      }
    }
  }

  #stopsWereAskedFor({ name }: SimulatedHost, before: Belongings, now: Belongings): void {
    for (const uid of before.running) {
      if (now.running.has(uid) || this.#doomed.has(uid) || this.#mayBeStopped.has(uid)) continue;
      const machine = this.#seen.get(uid);
      if (machine ? deleting(machine) : !this.#stays(uid)) continue;
      throw new InvariantBroken(
        'guests are stopped when that was asked for',
        `${name} stopped the guest of Machine ${machine?.metadata.name ?? uid}, which is to run`,
      );
    }
  }

  /** Nobody answers for it any more: it is told, and left alone. */
  #stays(uid: string): boolean {
    return this.#lost.has(uid) || this.#retained.has(uid);
  }

  #addressesAreUnique(): void {
    const holders = new Map<string, { machineUid: string; holder: string; host: SimulatedHost }>();
    for (const host of this.#hosts) {
      for (const { subnetUid, address, macAddress, machineUid, interfaceName } of host.network.portsUp) {
        const holder = `${interfaceName} of ${machineUid}`;
        for (const what of [address, macAddress]) {
          const key = `${subnetUid} ${what}`;
          const other = holders.get(key);
          if (other && other.holder !== holder && !this.#unknowable(other, { machineUid, host }))
            throw new InvariantBroken(
              'addresses are unique',
              `${what} is up for ${other.holder} and ${holder}`,
            );
          holders.set(key, { machineUid, holder, host });
        }
      }
    }
  }

  /** A guest without an object keeps its address as long as its host is seen, which the other host cannot know. */
  #unknowable(...[one, other]: { machineUid: string; host: SimulatedHost }[]): boolean {
    const isLost = [one, other].some((each) => each && this.#lost.has(each.machineUid));
    return isLost && one?.host !== other?.host;
  }

  #networksDoNotOverlap(): void {
    for (const { name, network } of this.#hosts) {
      const networks = network.cidrs.flatMap((cidr) => parseCidr(cidr) ?? []);
      for (const [index, one] of networks.entries()) {
        if (networks.slice(index + 1).some((other) => overlaps(one, other)))
          throw new InvariantBroken('networks do not overlap', `${network.cidrs.join(', ')} are on ${name}`);
      }
    }
  }

  #noDataIsCalledLost({ metadata, status }: Resource): void {
    const { conditions = [] } = (status ?? {}) as { conditions?: { reason: string }[] };
    if (!conditions.some(({ reason }) => reason === 'DataLost')) return;
    const host = this.#hosts.find(({ storage }) => storage.diskUids.includes(metadata.uid));
    if (host) this.#untrue = `the data of Disk ${metadata.name} is called lost, and is on ${host.name}`;
  }

  /** What is said to be ready has been there, whatever became of it since. */
  #readinessIsNotSaidEarly(object: Resource): void {
    const { uid, name } = object.metadata;
    const before = this.#seen.get(uid);
    if (!onHosts.has(object.kind) || readyOf(object)?.status !== 'True') return;
    if (before && readyOf(before)?.status === 'True') return;
    this.#remember();
    if (!this.#everThere.has(uid))
      this.#untrue = `${object.kind} ${name} is called ready, and was never there`;
  }

  #remember(): void {
    for (const { hypervisor, storage, network } of this.#hosts) {
      for (const { uuid } of hypervisor.guests) this.#everThere.add(uuid);
      for (const uid of [...storage.diskUids, ...storage.importedUids, ...network.segmentUids])
        this.#everThere.add(uid);
    }
  }
}

/** To be halted, to be restarted once, or whenever that is what a change takes. */
const asksForStops = ({ metadata, spec }: Machine): boolean =>
  spec.runStrategy !== 'Always' ||
  spec.updatePolicy === 'Restart' ||
  metadata.annotations?.[RESTART_ANNOTATION] !== undefined;

const mayBeDestroyed = (owner: Resource): boolean =>
  deleting(owner) && !(owner.kind === 'Disk' && (owner as Disk).spec.reclaimPolicy === 'Retain');

/** Kinds that are ready by something on a host. */
const onHosts = new Set(['Machine', 'Disk', 'Image', 'Subnet']);

/** The UID of the Disk whose file it is, or one that stands on it. */
const diskOfFile = (path: string): string => path.split('/').at(-2) ?? '';

/** Whatever was asked for: a guest that runs keeps the disks that it has open and the taps that it holds. */
function nothingIsTakenFromGuests(
  { name, hypervisor }: SimulatedHost,
  before: Belongings,
  now: Belongings,
): void {
  const isTaken = (part: 'disks' | 'taps', what: string): boolean =>
    before[part].has(what) && !now[part].has(what);
  for (const { uuid, disks, interfaces } of hypervisor.guests) {
    const taken =
      disks.map(({ path }) => diskOfFile(path)).find((disk) => isTaken('disks', disk)) ??
      interfaces.map(({ tap }) => tap).find((tap) => isTaken('taps', tap));
    if (taken !== undefined)
      throw new InvariantBroken('nothing is taken from a guest', `${name} took ${taken} from guest ${uuid}`);
  }
}

const belongingsOf = ({ hypervisor, storage, network }: SimulatedHost): Belongings => ({
  domains: new Set(hypervisor.defined),
  disks: new Set(storage.diskUids),
  taps: new Set(network.ports.map(({ machineUid, interfaceName }) => tapName(machineUid, interfaceName))),
  running: new Set(hypervisor.guests.map(({ uuid }) => uuid)),
});
