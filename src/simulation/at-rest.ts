/** What must hold once a world has come to rest: everything is as the specs say, and there is nothing else. */
import { memoryBytesOf } from '../kinds/machine/definition.ts';
import type { DomainConfig } from '../host/libvirt/domain-spec.ts';
import type { KindDefinition, Reader } from '../plan/kind.ts';
import { statusPatch } from '../reconcile/report.ts';
import type { Condition } from '../resources/conditions.ts';
import type { Disk, Host, Image, IPAddress, Machine, Placement, Subnet } from '../resources/kinds.ts';
import { type Resource, deleting } from '../resources/metadata.ts';
import { equalJson } from '../values/equal.ts';
import { diskName } from '../values/names.ts';
import { diskBytes } from '../values/quantity.ts';
import type { ApiStore } from './api-store.ts';
import type { SimulatedHost } from './host.ts';
import { InvariantBroken } from './invariant.ts';

export interface Resting {
  store: ApiStore;
  hosts: readonly SimulatedHost[];
  kinds: readonly KindDefinition[];
  /** Every object by its UID. */
  present: ReadonlyMap<string, Resource>;
  /** UIDs of Disks that are gone and whose files are to stay. */
  retained: ReadonlySet<string>;
  /** UIDs of objects that a restored backup did not have: what is theirs stays, and is told. */
  lost: ReadonlySet<string>;
}

/** @param caches what the leaders see @throws InvariantBroken */
export function checkRest(world: Resting, caches: readonly Reader[]): void {
  if (caches.length === 0) throw diverged('no controller leads');
  checkSilence(world, caches);
  for (const cache of caches) nothingIsToBeDone(world, cache);
  nothingIsLeft(world);
  const { store } = world;
  for (const machine of store.all('machines') as Machine[]) machineIsAsItShould(world, machine);
  for (const disk of store.all('disks') as Disk[]) diskIsAsItShould(world, disk);
  for (const image of store.all('images') as Image[]) imageIsAsItShould(world, image);
  for (const subnet of store.all('subnets') as Subnet[]) subnetIsAsItShould(world, subnet);
}

/**
 * Must hold wherever nothing happens any more, also while objects wait for what only users can mend.
 * @param caches what the leaders see @throws InvariantBroken
 */
export function checkSilence(world: Pick<Resting, 'store' | 'kinds'>, caches: readonly Reader[]): void {
  for (const cache of caches) {
    nothingIsSeenThatIsNot(world, cache);
    nothingIsToBeSaid(world, cache);
  }
}

/** In either direction: every object is seen as it is, and what is gone is not seen. */
function nothingIsSeenThatIsNot({ kinds, store }: Pick<Resting, 'kinds' | 'store'>, cache: Reader): void {
  for (const { plural, kind } of kinds) {
    const versions = (objects: readonly Resource[]): string =>
      objects
        .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
        .sort()
        .join(', ');
    const [seen, there] = [versions(cache.list(kind)), versions(store.all(plural))];
    if (seen !== there)
      throw new InvariantBroken(
        'every object is seen as it is',
        `${plural}: seen ${seen}; there are ${there}`,
      );
  }
}

/**
 * Whoever looked at an object once more would find nothing to say: every change was noticed. What is said of a step
 * depends on what became of it before, which only its leader knows.
 */
function nothingIsToBeSaid({ kinds }: Pick<Resting, 'kinds'>, cache: Reader): void {
  for (const { definition, object, input, outcome } of looks(kinds, cache)) {
    if (outcome.type === 'act') continue;
    const patch = statusPatch(object, definition.status(input, outcome, undefined), 'now');
    if (patch) throw forgotten(object, `the status should become ${JSON.stringify(patch.status)}`);
  }
}

/** Nor anything to do. */
function nothingIsToBeDone({ kinds }: Pick<Resting, 'kinds'>, cache: Reader): void {
  for (const { object, outcome } of looks(kinds, cache)) {
    if (outcome.type === 'act') throw forgotten(object, `${outcome.because}, and nobody does anything`);
  }
}

function* looks(kinds: readonly KindDefinition[], cache: Reader) {
  for (const definition of kinds) {
    for (const object of cache.list(definition.kind)) {
      const input = definition.gather(object, cache);
      yield { definition, object, input, outcome: definition.plan(input) };
    }
  }
}

const forgotten = ({ kind, metadata }: Resource, what: string): InvariantBroken =>
  new InvariantBroken('nothing is forgotten', `${kind} ${metadata.name}: ${what}`);

/** Neither on hosts nor in the store. */
function nothingIsLeft({ store, hosts, present, retained, lost }: Resting): void {
  const left = (what: string): InvariantBroken => new InvariantBroken('nothing is left', what);
  for (const host of hosts) {
    for (const [what, uids] of Object.entries(belongings(host))) {
      const uid = uids.find((each) => !present.has(each) && !retained.has(each) && !lost.has(each));
      if (uid !== undefined) throw left(`${host.name} still has ${what} of ${uid}`);
    }
    orphansAreTold(store, host, lost);
  }
  for (const object of present.values()) {
    if (deleting(object))
      throw new InvariantBroken('deletion ends', `${object.kind} ${object.metadata.name}: ${told(object)}`);
  }
  for (const { kind, metadata, spec } of [
    ...(store.all('ipaddresses') as IPAddress[]),
    ...(store.all('placements') as Placement[]),
  ]) {
    if (!present.has(spec.machineRef.uid)) throw left(`${kind} ${metadata.name} has no Machine`);
  }
  for (const { metadata, status } of store.all('disks') as Disk[]) {
    const holder = status?.claim?.machineUid;
    if (holder !== undefined && !present.has(holder)) throw left(`${holder} has a claim to ${metadata.name}`);
  }
}

function orphansAreTold(store: ApiStore, host: SimulatedHost, lost: ReadonlySet<string>): void {
  const { status } = store.find('hosts', { name: host.name }) as Host;
  const told = new Set(status?.orphans?.map(({ uid }) => uid));
  const present = belongings(host);
  for (const what of ['a domain', 'a disk', 'an image', 'a bridge'] as const) {
    const untold = present[what].find((uid) => lost.has(uid) && !told.has(uid));
    if (untold !== undefined) throw untrue(`${host.name} does not tell of ${what} of ${untold}`);
  }
}

/** Everything that is on a host, by the UIDs of its owners. */
const belongings = ({ hypervisor, storage, network }: SimulatedHost) => ({
  'a domain': hypervisor.uuids,
  'a disk': storage.diskUids,
  'an image': storage.importedUids,
  'a seed': storage.seeds.map(({ machineUid }) => machineUid),
  'a directory': storage.machineDirectories(),
  'a bridge': network.segmentUids,
  'a port': network.ports.map(({ machineUid }) => machineUid),
  'a port in the network': network.ports.map(({ subnetUid }) => subnetUid),
});

function machineIsAsItShould({ hosts, store }: Resting, machine: Machine): void {
  const { uid, name, generation } = machine.metadata;
  const at = hosts.filter(({ hypervisor }) => hypervisor.guests.some(({ uuid }) => uuid === uid));
  if (machine.status?.observedGeneration !== generation) throw untrue(`Machine ${name} was not observed`);
  const { runStrategy } = machine.spec;
  if (runStrategy === 'Halted' && at.length > 0) throw diverged(`Machine ${name} runs (${told(machine)})`);
  const domains = hosts.flatMap(({ hypervisor }) => hypervisor.lookAt(uid) ?? []);
  for (const { config } of domains) definitionIsAsItShould(store, machine, config);
  const mayRest =
    readyOf(machine)?.reason === 'Stopped' &&
    (runStrategy === 'Halted' ||
      runStrategy === 'Manual' ||
      (runStrategy === 'RerunOnFailure' && domains.every(({ stopCause }) => stopCause === 'guest')));
  // Whoever paused it may resume it.
  if (runStrategy === 'Manual' && readyOf(machine)?.reason === 'NotServing') return;
  if (at.length === 0 && mayRest) {
    if (readyOf(machine)?.status === 'True') throw untrue(`${name} is stopped and Ready`);
    return;
  }
  const [host] = at;
  if (at.length !== 1 || !host) throw diverged(`Machine ${name}: ${told(machine)}`);
  isReady(machine);
  if (machine.status.hostName !== host.name) throw untrue(`${name} runs on ${host.name}`);
  guestIsAsItShould(store, host, machine);
}

/** The next start would bring what the spec says. */
function definitionIsAsItShould(store: ApiStore, machine: Machine, config: DomainConfig | undefined): void {
  const { name } = machine.metadata;
  if (!config) throw diverged(`Machine ${name} is not defined`);
  for (const { field, has, wants } of comparison(store, config, machine)) {
    if (has !== wants)
      throw diverged(`Machine ${name} is defined with ${has} where ${field} asks for ${wants}`);
  }
}

/** The guest has what the spec says, but for what the status says is to come with the next start. */
function guestIsAsItShould(store: ApiStore, host: SimulatedHost, machine: Machine): void {
  const { uid, name } = machine.metadata;
  const guest = host.hypervisor.guests.find(({ uuid }) => uuid === uid);
  if (!guest) return;
  for (const { field, has, wants } of comparison(store, guest, machine)) {
    if (has !== wants && !machine.status?.restartRequired?.includes(field))
      throw diverged(`Machine ${name} has ${has} where ${field} asks for ${wants}`);
  }
  for (const { spec: wanted } of addressesOf(store, machine)) {
    const held = host.network.portsServing.some(
      ({ machineUid, address, macAddress }) =>
        machineUid === uid && address === wanted.address && macAddress === wanted.macAddress,
    );
    if (!held) throw diverged(`Machine ${name} is not served at ${wanted.address}`);
  }
}

interface Compared {
  field: string;
  has: string | number;
  wants: string | number;
}

/** Hardware beside the spec, field by field. */
function comparison(store: ApiStore, hardware: DomainConfig, machine: Machine): Compared[] {
  const { metadata, spec } = machine;
  const { name, namespace } = metadata;
  const uidOf = (disk: string): string | undefined =>
    store.find('disks', { name: disk, ...(namespace !== undefined && { namespace }) })?.metadata.uid;
  const sorted = (texts: readonly (string | undefined)[]): string => texts.map(String).sort().join(', ');
  return [
    { field: 'spec.cpus', has: hardware.cpus, wants: spec.cpus },
    { field: 'spec.memory', has: hardware.memoryBytes, wants: memoryBytesOf(spec.memory) },
    {
      field: 'spec.disks',
      has: sorted(
        hardware.disks.filter(({ readOnly }) => !readOnly).map(({ path }) => path.split('/').at(-2)),
      ),
      wants: sorted((spec.disks ?? []).map((entry) => uidOf(diskName(name, entry)))),
    },
    {
      field: 'spec.interfaces',
      has: sorted(hardware.interfaces.map(({ macAddress }) => macAddress)),
      wants: sorted(addressesOf(store, machine).map((address) => address.spec.macAddress)),
    },
  ];
}

const addressesOf = (store: ApiStore, { metadata, spec }: Machine): IPAddress[] =>
  (store.all('ipaddresses') as IPAddress[]).filter(
    (address) =>
      address.spec.machineRef.uid === metadata.uid &&
      spec.interfaces?.some((entry) => entry.name === address.spec.interface),
  );

function diskIsAsItShould({ hosts }: Resting, disk: Disk): void {
  const { metadata, spec, status } = disk;
  // Nobody has used it yet.
  if (status?.hostName === undefined && spec.bindingMode === 'WaitForFirstConsumer') return;
  isReady(disk);
  const at = hosts.flatMap((host) =>
    host.storage.disksPresent
      .filter(({ diskUid }) => diskUid === metadata.uid)
      .map((file) => ({ ...file, host: host.name })),
  );
  if (at.map(({ host }) => host).join() !== status?.hostName)
    throw untrue(`Disk ${metadata.name} is on ${at.map(({ host }) => host).join(', ')}`);
  const wanted = diskBytes(spec.size);
  for (const { sizeBytes, imageDigest } of at) {
    if ((imageDigest === undefined) === (spec.source?.imageRef !== undefined))
      throw diverged(`Disk ${metadata.name} is made from ${imageDigest ?? 'no image'}`);
    // Who made it larger by hand keeps it so: disks do not shrink.
    if (sizeBytes < wanted) throw diverged(`Disk ${metadata.name} has ${sizeBytes} bytes, not ${wanted}`);
  }
}

function imageIsAsItShould({ hosts }: Resting, image: Image): void {
  isReady(image);
  const lacking = hosts.find(({ storage }) => !storage.importedUids.includes(image.metadata.uid));
  if (lacking) throw untrue(`${lacking.name} lacks Image ${image.metadata.name}`);
}

/** Worked out from the spec alone, not as planners do it. */
function subnetIsAsItShould({ hosts, store }: Resting, subnet: Subnet): void {
  isReady(subnet);
  const { uid, name } = subnet.metadata;
  const { cidr, gateway, mtu, egress, dnsServers = [] } = subnet.spec;
  const addresses = (store.all('ipaddresses') as IPAddress[]).filter(
    ({ spec }) => spec.subnetRef.uid === uid,
  );
  const wanted = {
    cidr,
    gateway: gateway ?? firstAddressOf(cidr),
    mtu,
    egress,
    dnsServers,
    reservations: addresses.map(({ spec }) => `${spec.address} ${spec.macAddress}`).sort(),
  };
  for (const host of hosts) {
    const serving = host.network.segmentsServing.find(({ subnetUid }) => subnetUid === uid);
    if (!serving) throw untrue(`${host.name} does not serve Subnet ${name}`);
    const { reservations } = serving;
    const has = {
      cidr: serving.cidr,
      gateway: serving.gateway,
      mtu: serving.mtu,
      egress: serving.egress,
      dnsServers: serving.dnsServers,
      reservations: reservations.map(({ address, macAddress }) => `${address} ${macAddress}`).sort(),
    };
    if (!equalJson(has, wanted))
      throw diverged(
        `Subnet ${name} is ${JSON.stringify(has)} on ${host.name}, not ${JSON.stringify(wanted)}`,
      );
  }
}

/** The one after the network's own. */
const firstAddressOf = (cidr: string): string =>
  (cidr.split('/')[0] ?? '').replace(/\d+$/, (last) => String(Number(last) + 1));

function isReady(object: Resource): void {
  if (readyOf(object)?.status === 'True') return;
  const { kind, metadata } = object;
  throw diverged(`${kind} ${metadata.name}: ${told(object)}`);
}

const diverged = (story: string): InvariantBroken => new InvariantBroken('everything converges', story);
const untrue = (story: string): InvariantBroken => new InvariantBroken('the status tells the truth', story);

export const readyOf = ({ status }: Resource): Condition | undefined =>
  (status as { conditions?: Condition[] } | undefined)?.conditions?.find(({ type }) => type === 'Ready');

/** What an object says of itself. */
function told(object: Resource): string {
  const { status, reason, message } = readyOf(object) ?? {};
  return `${status} ${reason}: ${message}`;
}
