import type { HostView, Reader } from '../../plan/kind.ts';
import type { DomainHardware } from '../../plan/snapshot.ts';
import type { Disk, Host, IPAddress, Machine, Placement, Secret, Subnet } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';
import { addressName, diskName, placementName } from '../../values/names.ts';
import { tapName } from '../../values/links.ts';
import type { Candidate } from '../../schedule/schedule.ts';
import { memoryBytesOf } from './definition.ts';
import type { MachineInput, MachineInterface, UnrecordedPort, UsedPort, UserData } from './input.ts';

const MAX_USER_DATA_BYTES = 65_536;

/** Reads from the caches everything that a Machine depends on. */
export function gatherMachine(machine: Machine, reader: Reader): MachineInput {
  const { namespace, name, uid } = machine.metadata;
  const own = reader.find('IPAddress', 'machineUid', uid);
  const hosts = reader.hosts();
  const placement = reader.get<Placement>('Placement', namespace, placementName(uid));
  const hostName = placement?.spec.hostName ?? machine.status?.hostName;
  return {
    machine,
    placement,
    hosts,
    // Counting what every host has promised is only worth it while one has to be chosen.
    candidates: placement ? [] : candidatesOf(reader, hosts),
    disks: (machine.spec.disks ?? []).map((entry) => ({
      entry,
      diskName: diskName(name, entry),
      disk: reader.get<Disk>('Disk', namespace, diskName(name, entry)),
    })),
    interfaces: (machine.spec.interfaces ?? []).map((entry): MachineInterface => {
      const subnet = reader.get<Subnet>('Subnet', namespace, entry.subnetRef.name);
      const subnetUid = subnet?.metadata.uid;
      const held = own.find(({ spec }) => spec.interface === entry.name && spec.subnetRef.uid === subnetUid);
      return {
        entry,
        subnet,
        held,
        // Looking at what all others have is only worth it until it has its own.
        taken: subnetUid === undefined || held ? [] : reader.find('IPAddress', 'subnetUid', subnetUid),
        ports:
          subnetUid === undefined || (held && isConnected(hosts, tapName(uid, entry.name)))
            ? []
            : portsOfOthers(hosts, subnetUid, uid),
      };
    }),
    leaving: reader
      .find('Disk', 'claimantUid', uid)
      .filter(
        ({ metadata }) => !machine.spec.disks?.some((entry) => diskName(name, entry) === metadata.name),
      ),
    abandoned: own.filter(
      ({ spec }) => !machine.spec.interfaces?.some((entry) => entry.name === spec.interface),
    ),
    unrecorded: unrecordedPorts(
      machine,
      own,
      hosts.find(({ name }) => name === hostName),
      reader,
    ),
    userData: readUserData(machine, reader),
  };
}

/**
 * On the host that it is bound to; without an object of anybody for the address, nor one of the Machine for the
 * interface, which has got another address then.
 */
function unrecordedPorts(
  { metadata: { uid, namespace } }: Machine,
  own: readonly IPAddress[],
  host: HostView | undefined,
  reader: Reader,
): UnrecordedPort[] {
  if (!host || host.snapshot === 'unknown') return [];
  const hasOne = (interfaceName: string, subnetUid: string): boolean =>
    own.some(({ spec }) => spec.interface === interfaceName && spec.subnetRef.uid === subnetUid);
  return Object.values(host.snapshot.ports).flatMap(
    ({ machineUid, interfaceName, subnetUid, address, macAddress }) => {
      if (machineUid !== uid || address === undefined || macAddress === undefined) return [];
      if (hasOne(interfaceName, subnetUid)) return [];
      const subnet = reader
        .list<Subnet>('Subnet', namespace)
        .find(({ metadata }) => metadata.uid === subnetUid);
      const name = addressName(subnet?.metadata.name ?? '', address);
      const holder = reader.get<IPAddress>('IPAddress', namespace, name);
      const isSomebodys = holder && holder.spec.subnetRef.uid === subnetUid;
      return subnet && !isSomebodys
        ? [{ hostName: host.name, interfaceName, subnet, address, macAddress }]
        : [];
    },
  );
}

const isConnected = (hosts: HostView[], tap: string): boolean =>
  hosts.some(({ snapshot }) => snapshot !== 'unknown' && snapshot.ports[tap] !== undefined);

function portsOfOthers(hosts: HostView[], subnetUid: string, machineUid: string): UsedPort[] {
  return hosts.flatMap(({ name, snapshot }) =>
    snapshot === 'unknown'
      ? []
      : Object.values(snapshot.ports)
          .filter((port) => port.subnetUid === subnetUid && port.machineUid !== machineUid)
          .map(({ address, macAddress }) => ({
            hostName: name,
            ...(address !== undefined && { address }),
            ...(macAddress !== undefined && { macAddress }),
          })),
  );
}

function candidatesOf(reader: Reader, hosts: HostView[]): Candidate[] {
  const promised = new Map<string, { cpus: number; memoryBytes: number }>();
  for (const { metadata, spec } of reader.list<Placement>('Placement')) {
    const { name, uid } = spec.machineRef;
    const machine = reader.get<Machine>('Machine', metadata.namespace, name);
    if (machine?.metadata.uid !== uid) continue;
    const sum = promised.get(spec.hostName) ?? { cpus: 0, memoryBytes: 0 };
    // A guest keeps what it was started with until its restart, whatever its spec says by now.
    const running = runningOn(hosts, spec.hostName, uid);
    sum.cpus += Math.max(machine.spec.cpus, running?.cpus ?? 0);
    sum.memoryBytes += Math.max(memoryBytesOf(machine.spec.memory), running?.memoryBytes ?? 0);
    promised.set(spec.hostName, sum);
  }
  return hosts.map((view) => ({
    view,
    host: reader.get<Host>('Host', undefined, view.name),
    promised: promised.get(view.name) ?? { cpus: 0, memoryBytes: 0 },
  }));
}

function runningOn(hosts: HostView[], hostName: string, machineUid: string): DomainHardware | undefined {
  const snapshot = hosts.find(({ name }) => name === hostName)?.snapshot ?? 'unknown';
  return snapshot === 'unknown' ? undefined : snapshot.domains[machineUid]?.live;
}

function readUserData({ metadata, spec }: Machine, reader: Reader): UserData {
  const { inline, secretRef } = spec.userData ?? {};
  if (!secretRef) return { text: inline ?? '' };
  const secret = reader.get<Secret>('Secret', metadata.namespace, secretRef.name);
  if (!secret || deleting(secret)) {
    return {
      problem: `Secret ${secretRef.name} does not exist in this namespace; create it or correct spec.userData.secretRef`,
    };
  }
  const value = secret.data?.[secretRef.key];
  if (value === undefined) {
    return {
      problem: `Secret ${secretRef.name} has no key ${secretRef.key}; add it or correct spec.userData.secretRef.key`,
    };
  }
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length > MAX_USER_DATA_BYTES) {
    return {
      problem: `key ${secretRef.key} of Secret ${secretRef.name} has ${bytes.length} bytes; user data may have ${MAX_USER_DATA_BYTES}; shorten it`,
    };
  }
  return { text: bytes.toString('utf8') };
}
