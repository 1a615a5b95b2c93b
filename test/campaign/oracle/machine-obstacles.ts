import type { Disk, Machine, Subnet } from '../../../src/resources/kinds.ts';
import { bytesOf } from '../generator/quantities.ts';
import { canonicalJson } from '../../../src/values/hash.ts';
import type { Sight } from '../ground.ts';
import { boundMachines, type Cluster, conditionOf } from './cluster.ts';
import type { SeenDomain } from './picture.ts';
import type { Obstacles } from './words.ts';

type Found = [reason: string, why: string][];
type DiskEntry = NonNullable<Machine['spec']['disks']>[number];
type InterfaceEntry = NonNullable<Machine['spec']['interfaces']>[number];

/** What keeps a Machine from being as its spec says. */
export function machineObstacles(machine: Machine, sight: Sight): Obstacles {
  const { cluster } = sight;
  const { spec } = machine;
  return new Map([
    ...(spec.disks ?? []).flatMap((entry) => diskObstacles(machine, entry, cluster)),
    ...(spec.interfaces ?? []).flatMap((entry) => interfaceObstacles(machine, entry, cluster)),
    ...userDataObstacles(machine, cluster),
    ...placementObstacles(machine, sight),
    ...heldDevices(machine, sight),
    ...shutdownObstacles(machine, sight),
  ]);
}

const isReady = (object: Disk | Subnet): boolean => conditionOf(object)?.status === 'True';

function diskObstacles({ metadata }: Machine, entry: DiskEntry, cluster: Cluster): Found {
  const { template, diskRef } = entry;
  const name = diskRef?.name ?? `${metadata.name}-${entry.name}`;
  const disk = cluster.find('Disk', name);
  if (!disk) {
    // Nothing that the API lets in as a Machine says so: the Disk that would be made breaks a rule of its own kind.
    const refused = template?.spec.source?.imageRef !== undefined && template.spec.format !== 'qcow2';
    return refused
      ? [['ApiWriteFailed', `Disk ${name} would be refused`]]
      : [['DiskMissing', `there is no Disk ${name}`]];
  }
  const owned = disk.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) ?? false;
  const claimant = disk.status?.claim?.machineUid;
  return [
    ...(template && !owned ? ([['DiskNameTaken', `Disk ${name} is not its own`]] as Found) : []),
    ...(claimant !== undefined && claimant !== metadata.uid
      ? ([['DiskInUse', `Disk ${name} is claimed by another`]] as Found)
      : []),
    ...(disk.metadata.deletionTimestamp
      ? ([['DiskDeleting', `Disk ${name} is being deleted`]] as Found)
      : []),
    ...(isReady(disk) ? [] : ([['DiskNotReady', `Disk ${name} is not ready`]] as Found)),
  ];
}

function interfaceObstacles({ metadata }: Machine, entry: InterfaceEntry, cluster: Cluster): Found {
  const subnet = cluster.find('Subnet', entry.subnetRef.name);
  if (!subnet) return [['SubnetMissing', `there is no Subnet ${entry.subnetRef.name}`]];
  if (!isReady(subnet)) return [['SubnetNotReady', `Subnet ${subnet.metadata.name} is not ready`]];
  const ofSubnet = cluster.all('IPAddress').filter(({ spec }) => spec.subnetRef.uid === subnet.metadata.uid);
  const isMine = ({ spec }: (typeof ofSubnet)[number]): boolean =>
    spec.machineRef.uid === metadata.uid && spec.interface === entry.name;
  const held = ofSubnet.find(isMine)?.spec.address;
  if (held !== undefined) {
    const fixed = entry.address !== undefined && entry.address !== held;
    return fixed ? [['AddressFixed', `interface ${entry.name} has ${held}`]] : [];
  }
  if (entry.address === undefined) {
    const prefix = Number(subnet.spec.cidr.split('/')[1]);
    const full = ofSubnet.length >= 2 ** (32 - prefix) - 3;
    return full ? [['SubnetFull', `Subnet ${subnet.metadata.name} is full`]] : [];
  }
  return addressObstacles(
    entry.address,
    subnet,
    ofSubnet.some(({ spec }) => spec.address === entry.address),
  );
}

function addressObstacles(address: string, { spec, status }: Subnet, taken: boolean): Found {
  const number = (text: string): number => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const [base = '', prefix] = spec.cidr.split('/');
  const offset = number(address) - number(base);
  const size = 2 ** (32 - Number(prefix));
  if (offset < 0 || offset >= size) return [['AddressOutsideSubnet', `${address} is outside ${spec.cidr}`]];
  if (offset === 0 || offset === size - 1 || address === status?.gateway)
    return [['AddressReserved', `${address} is not for guests`]];
  return taken ? [['AddressInUse', `${address} is held by another interface`]] : [];
}

function userDataObstacles({ spec }: Machine, cluster: Cluster): Found {
  const { secretRef } = spec.userData ?? {};
  if (!secretRef) return [];
  const value = cluster.find('Secret', secretRef.name)?.data?.[secretRef.key];
  return value === undefined
    ? [['UserDataMissing', `there is no key ${secretRef.key} of a Secret ${secretRef.name}`]]
    : [];
}

/** A guest without an operating system lets nothing go, nor does one that is busy. */
function heldDevices(machine: Machine, sight: Sight): Found {
  const { config, live } = domainOf(machine, sight) ?? {};
  if (!live || !config) return [];
  const disks = new Set(config.disks.map(({ diskUid }) => diskUid));
  const taps = new Set(config.interfaces.map(({ tap }) => tap));
  const held =
    live.disks.some(({ diskUid }) => !disks.has(diskUid)) ||
    live.interfaces.some(({ tap }) => !taps.has(tap));
  return held ? [['DeviceNotReleased', 'the guest holds a device that is not in the spec']] : [];
}

/** … nor does it shut down: where it has to, it runs on until its time is up. */
function shutdownObstacles(machine: Machine, sight: Sight): Found {
  const { runStrategy, updatePolicy, terminationGracePeriodSeconds: grace } = machine.spec;
  const { config, live } = domainOf(machine, sight) ?? {};
  if (!live || grace === 0) return [];
  const hasToStop =
    runStrategy === 'Halted' || (updatePolicy === 'Restart' && canonicalJson(config) !== canonicalJson(live));
  return hasToStop ? [['ShuttingDown', `its guest has ${grace} s to shut down`]] : [];
}

const domainOf = ({ metadata }: Machine, { picture }: Sight): SeenDomain | undefined =>
  picture.domains.find(({ machineUid }) => machineUid === metadata.uid);

/** Only as long as no Host is chosen: a binding is for life. */
function placementObstacles(machine: Machine, { cluster, picture, boundElsewhere }: Sight): Found {
  const { spec, metadata } = machine;
  const here = boundMachines(cluster);
  if (here.some((each) => each.metadata.uid === metadata.uid)) return [];
  const [host] = cluster.all('Host');
  const bound = [...here, ...boundElsewhere];
  const given = (what: (each: Machine) => number): number => bound.reduce((sum, each) => sum + what(each), 0);
  const { cpus, memoryBytes } = picture.facts;
  const left = memoryBytes - Math.floor(memoryBytes / 16) - given((each) => bytesOf(each.spec.memory) ?? 0);
  const labels = Object.entries(spec.placement?.hostSelector?.matchLabels ?? {});
  const unfit =
    host?.spec.unschedulable === true ||
    labels.some(([key, value]) => host?.metadata.labels?.[key] !== value) ||
    spec.cpus > cpus * 32 - given((each) => each.spec.cpus) ||
    (bytesOf(spec.memory) ?? 0) > left;
  return unfit ? [['Unschedulable', 'no Host fits']] : [];
}
