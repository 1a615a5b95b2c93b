import type { Disk, IPAddress, Machine } from '../resources/kinds.ts';
import type { Condition } from '../resources/conditions.ts';
import type { KindDefinition, Reader } from '../plan/kind.ts';
import { deleting, type Resource } from '../resources/metadata.ts';
import { overlaps, parseCidr } from '../values/ipv4.ts';
import type { ApiStore } from './api-store.ts';
import type { SimulatedHost } from './host.ts';

/** Something happened that never may. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
  readonly invariant: string;

  constructor(invariant: string, story: string) {
    super(`${invariant}: ${story}`);
    this.invariant = invariant;
  }
}

/** What one host had when it was last looked at. */
interface Belongings {
  domains: ReadonlySet<string>;
  disks: ReadonlySet<string>;
}

type Kind = Pick<KindDefinition, 'kind' | 'plural'>;

/** Looks after every step whether the world is still one that Purlin promises. */
export class Invariants {
  readonly #store: ApiStore;
  readonly #hosts: readonly SimulatedHost[];
  readonly #kinds: readonly Kind[];
  readonly #before = new Map<SimulatedHost, Belongings>();
  readonly #seen = new Map<string, Resource>();
  readonly #retained = new Set<string>();
  /** Owners of whatever was ever there on a host. */
  readonly #everThere = new Set<string>();
  #untrue: string | undefined;

  constructor(store: ApiStore, hosts: readonly SimulatedHost[], kinds: readonly Kind[]) {
    this.#kinds = kinds;
    this.#store = store;
    this.#hosts = hosts;
    for (const host of hosts) this.acceptChanges(host);
    store.onChange(({ object, type }) => {
      const { uid } = object.metadata;
      if (type === 'DELETED') {
        if (object.kind === 'Disk' && (object as Disk).spec.reclaimPolicy === 'Retain')
          this.#retained.add(uid);
        this.#seen.delete(uid);
        return;
      }
      if (object.kind === 'Disk') this.#noDataIsCalledLost(object);
      this.#readinessIsNotSaidEarly(object);
      this.#seen.set(uid, object);
    });
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

  /** After everything has settled. @param caches what the leaders see @throws InvariantBroken */
  checkRest(caches: Iterable<Reader>): void {
    this.check();
    for (const cache of caches) this.#nothingIsSeenThatIsNot(cache);
    this.#nothingIsLeft();
    this.#everythingIsAsTheSpecSays();
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
          const other = writers.get(path);
          if (other !== undefined && other !== uuid)
            throw new InvariantBroken('one writer per disk', `${path} is open in ${other} and in ${uuid}`);
          writers.set(path, uuid);
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
      for (const part of ['domains', 'disks'] as const) {
        for (const uid of before[part]) {
          const owner = this.#seen.get(uid);
          if (now[part].has(uid) || !owner) continue;
          if (deleting(owner) && !(part === 'disks' && (owner as Disk).spec.reclaimPolicy === 'Retain'))
            continue;
          throw new InvariantBroken(
            'destruction was asked for',
            `${host.name} lost ${part} ${uid} of ${owner.kind} ${owner.metadata.name}, which nobody deleted, or which is retained`,
          );
        }
      }
    }
  }

  #addressesAreUnique(): void {
    const holders = new Map<string, string>();
    for (const host of this.#hosts) {
      for (const { subnetUid, address, macAddress, machineUid } of host.network.portsUp) {
        for (const what of [address, macAddress]) {
          const key = `${subnetUid} ${what}`;
          const other = holders.get(key);
          if (other !== undefined && other !== machineUid)
            throw new InvariantBroken('addresses are unique', `${what} is up for ${other} and ${machineUid}`);
          holders.set(key, machineUid);
        }
      }
    }
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

  #nothingIsLeft(): void {
    for (const host of this.#hosts) {
      const domains = host.hypervisor.uuids;
      const disks = host.storage.diskUids;
      const ports = host.network.portsUp.map(({ machineUid }) => machineUid);
      for (const uid of [...domains, ...disks, ...ports]) {
        if (this.#seen.has(uid) || this.#retained.has(uid)) continue;
        throw new InvariantBroken('nothing is left', `${host.name} still has something of ${uid}`);
      }
    }
    for (const object of this.#seen.values()) {
      if (deleting(object))
        throw new InvariantBroken('deletion ends', `${object.kind} ${object.metadata.name}: ${told(object)}`);
    }
  }

  /** In either direction: every object is seen as it is, and what is gone is not seen. */
  #nothingIsSeenThatIsNot(cache: Reader): void {
    for (const { plural, kind } of this.#kinds) {
      const versions = (objects: readonly Resource[]): string =>
        objects
          .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
          .sort()
          .join(', ');
      const [seen, there] = [versions(cache.list(kind)), versions(this.#store.all(plural))];
      if (seen !== there)
        throw new InvariantBroken(
          'every object is seen as it is',
          `${plural}: seen ${seen}; there are ${there}`,
        );
    }
  }

  #everythingIsAsTheSpecSays(): void {
    for (const machine of this.#store.all('machines') as Machine[]) this.#machineIsAsItShould(machine);
    for (const disk of this.#store.all('disks') as Disk[]) {
      // Nobody has used it yet.
      if (disk.status?.hostName === undefined && disk.spec.bindingMode === 'WaitForFirstConsumer') continue;
      this.#isReady(disk);
    }
    for (const plural of ['images', 'subnets']) {
      for (const object of this.#store.all(plural)) this.#isReady(object);
    }
    for (const address of this.#store.all('ipaddresses') as IPAddress[]) {
      if (!this.#seen.has(address.spec.machineRef.uid))
        throw new InvariantBroken('nothing is left', `IPAddress ${address.metadata.name} has no Machine`);
    }
  }

  #machineIsAsItShould(machine: Machine): void {
    const { uid, name, generation } = machine.metadata;
    const at = this.#hosts.filter(({ hypervisor }) => hypervisor.guests.some(({ uuid }) => uuid === uid));
    if (machine.status?.observedGeneration !== generation)
      throw new InvariantBroken('the status tells the truth', `Machine ${name} was not observed`);
    const { runStrategy } = machine.spec;
    if (runStrategy === 'Halted' && at.length > 0)
      throw new InvariantBroken('everything converges', `Machine ${name} runs (${told(machine)})`);
    const mayRest = runStrategy !== 'Always' && readyOf(machine)?.reason === 'Stopped';
    // Whoever paused it may resume it.
    if (runStrategy === 'Manual' && readyOf(machine)?.reason === 'NotServing') return;
    if (at.length === 0 && mayRest) {
      if (readyOf(machine)?.status === 'True')
        throw new InvariantBroken('the status tells the truth', `${name} is stopped and Ready`);
      return;
    }
    if (at.length !== 1)
      throw new InvariantBroken('everything converges', `Machine ${name}: ${told(machine)}`);
    this.#isReady(machine);
    if (machine.status?.hostName !== at[0]?.name)
      throw new InvariantBroken('the status tells the truth', `${name} runs on ${at[0]?.name}`);
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

  #isReady(object: Resource): void {
    if (readyOf(object)?.status === 'True') return;
    const { kind, metadata } = object;
    throw new InvariantBroken('everything converges', `${kind} ${metadata.name}: ${told(object)}`);
  }
}

/** Kinds that are ready by something on a host. */
const onHosts = new Set(['Machine', 'Disk', 'Image', 'Subnet']);

const readyOf = ({ status }: Resource): Condition | undefined =>
  (status as { conditions?: Condition[] } | undefined)?.conditions?.find(({ type }) => type === 'Ready');

/** What an object says of itself. */
function told(object: Resource): string {
  const { status, reason, message } = readyOf(object) ?? {};
  return `${status} ${reason}: ${message}`;
}

const belongingsOf = ({ hypervisor, storage }: SimulatedHost): Belongings => ({
  domains: new Set(hypervisor.defined),
  disks: new Set(storage.diskUids),
});
