/** What a Machine's spec means on its host, worked out anew: nothing here comes from Purlin's planners. */
import { parse } from 'yaml';
import type { Machine, Subnet } from '../../../src/resources/kinds.ts';
import { tapName } from '../../../src/values/links.ts';
import { bytesOf } from '../generator/quantities.ts';
import type { Sight } from '../ground.ts';
import { type Cluster, conditionOf } from './cluster.ts';
import { machineObstacles } from './machine-obstacles.ts';
import type { Hardware, SeenDomain } from './picture.ts';
import { differences, unexplained } from './words.ts';

const MEBIBYTE = 2 ** 20;

/** Everything in which a Machine and what it says of itself do not agree with its spec. */
export function machineFaults(machine: Machine, sight: Sight): string[] {
  const ready = conditionOf(machine);
  const domain = sight.picture.domains.find(({ machineUid }) => machineUid === machine.metadata.uid);
  const obstacles = machineObstacles(machine, sight);
  const complete = ready?.reason === 'Ready' || ready?.reason === 'Stopped';
  return [
    ...unexplained(machine, complete, obstacles),
    ...saysWhatRuns(machine, domain),
    ...(complete ? [...isAsSpecified(machine, domain, sight), ...networkFaults(machine, sight)] : []),
    ...(domain ? restartFaults(machine, domain, complete) : []),
  ];
}

/** Ready and phase agree with the power of the guest. */
function saysWhatRuns({ status }: Machine, domain: SeenDomain | undefined): string[] {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const running = domain?.power === 'running';
  return [
    ...(ready?.status === 'True' && !running ? ['Ready is True, but no guest runs'] : []),
    ...(status?.phase === 'Running' && !running ? ['the phase is Running, but no guest runs'] : []),
    ...(ready?.reason === 'Stopped' && running ? ['Ready says Stopped, but the guest runs'] : []),
  ];
}

function isAsSpecified(machine: Machine, domain: SeenDomain | undefined, sight: Sight): string[] {
  const { spec } = machine;
  if (!domain) return ['the domain does not exist'];
  const wanted = asFarAsSeen(wantedHardware(machine, sight.cluster), domain.config);
  const shutOff = spec.runStrategy === 'Halted';
  const free = spec.runStrategy === 'Manual' || spec.runStrategy === 'RerunOnFailure';
  return [
    ...(free || (domain.power === 'shutoff') === shutOff
      ? []
      : [`runStrategy is ${spec.runStrategy}, the guest is ${domain.power}`]),
    ...(domain.config
      ? differences('the definition', described(wanted), described(domain.config))
      : ['the domain is not defined']),
    ...seedFaults(machine, sight),
    ...templateFaults(machine, sight.cluster),
  ];
}

/** The Disk of a template is at least as large, and holds what the template says. */
function templateFaults({ spec, metadata }: Machine, cluster: Cluster): string[] {
  return (spec.disks ?? []).flatMap(({ name, template }) => {
    const disk = template && cluster.find('Disk', `${metadata.name}-${name}`);
    if (!disk) return [];
    const { size, source, format } = template.spec;
    const small = (bytesOf(disk.spec.size) ?? 0) < (bytesOf(size) ?? 0);
    return [
      ...(small ? [`the template of disk ${name} asks for ${size}, its Disk has ${disk.spec.size}`] : []),
      ...differences(
        `the Disk of ${name}`,
        { image: source?.imageRef?.name, format },
        { image: disk.spec.source?.imageRef?.name, format: disk.spec.format },
      ),
    ];
  });
}

export function wantedHardware({ spec, metadata }: Machine, cluster: Cluster): Hardware {
  const entries = spec.disks ?? [];
  const bootName = entries.find(({ boot }) => boot)?.name ?? entries[0]?.name;
  return {
    cpus: spec.cpus,
    memoryBytes: Math.ceil((bytesOf(spec.memory) ?? 0) / MEBIBYTE) * MEBIBYTE,
    firmware: spec.firmware === 'UEFI' ? 'uefi' : 'bios',
    disks: entries.map(({ name, diskRef }) => {
      const disk = cluster.find('Disk', diskRef?.name ?? `${metadata.name}-${name}`);
      return {
        diskUid: disk?.metadata.uid ?? 'missing',
        format: disk?.spec.format ?? '',
        boot: name === bootName,
      };
    }),
    hasSeed: true,
    interfaces: (spec.interfaces ?? []).map(({ name, subnetRef }) => ({
      tap: tapName(metadata.uid, name),
      macAddress: addressOf(metadata.uid, name, cluster)?.macAddress ?? 'none',
      mtu: cluster.find('Subnet', subnetRef.name)?.spec.mtu,
    })),
  };
}

const addressOf = (machineUid: string, interfaceName: string, cluster: Cluster) =>
  cluster
    .all('IPAddress')
    .find(({ spec }) => spec.machineRef.uid === machineUid && spec.interface === interfaceName)?.spec;

/** A simulated domain does not tell from which disk it boots. */
const asFarAsSeen = (wanted: Hardware, seen: Hardware | undefined): Hardware =>
  seen?.disks.some(({ boot }) => boot !== undefined)
    ? wanted
    : { ...wanted, disks: wanted.disks.map(({ diskUid, format }) => ({ diskUid, format })) };

/** Hardware by what people can compare; a disk keeps its target, so that their order tells nothing. */
function described({ disks, interfaces, ...rest }: Hardware) {
  const sorted = (lines: string[]): string => lines.sort().join(', ');
  return {
    ...rest,
    disks: sorted(disks.map(({ diskUid, format }) => `${diskUid} ${format}`)),
    boot: disks.find(({ boot }) => boot)?.diskUid,
    interfaces: sorted(interfaces.map(({ tap, macAddress, mtu }) => `${tap} ${macAddress} mtu ${mtu}`)),
  };
}

/** Fields of the spec whose change may wait for a restart, by what shows them. */
const restartable = {
  cpus: 'cpus',
  memory: 'memoryBytes',
  disks: 'disks',
  interfaces: 'interfaces',
} as const;

/** A running guest differs from its definition exactly where the status says so. */
function restartFaults({ status }: Machine, { config, live }: SeenDomain, complete: boolean): string[] {
  const told = new Set(status?.restartRequired ?? []);
  const condition = status?.conditions?.find(({ type }) => type === 'RestartRequired');
  const faults =
    (condition?.status === 'True') === told.size > 0
      ? []
      : ['condition RestartRequired and status.restartRequired do not agree'];
  if (!config || !live || !complete) return faults;
  const [wanted, present] = [described(config), described(live)];
  for (const [field, member] of Object.entries(restartable)) {
    const differs = wanted[member] !== present[member];
    if (differs === told.has(`spec.${field}`)) continue;
    faults.push(
      differs
        ? `the running guest has ${field} ${present[member]} instead of ${wanted[member]}, and the status does not say so`
        : `the status says that ${field} need a restart, but the running guest has them`,
    );
  }
  return faults;
}

function seedFaults({ spec, metadata }: Machine, { cluster, picture }: Sight): string[] {
  const seed = picture.seeds.find(({ machineUid }) => machineUid === metadata.uid);
  if (!seed) return ['there is no seed'];
  const { inline, secretRef } = spec.userData ?? {};
  const value = secretRef && cluster.find('Secret', secretRef.name)?.data?.[secretRef.key];
  const secret = value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  return differences(
    'the seed',
    {
      metaData: {
        'instance-id': metadata.uid,
        'local-hostname': spec.hostname ?? metadata.name,
        'public-keys': spec.sshAuthorizedKeys ?? [],
      },
      userData: inline ?? secret ?? '',
    },
    { metaData: parse(seed.metaData) as unknown, userData: seed.userData },
  );
}

/** Addresses, taps and what they let through. */
function networkFaults({ spec, metadata, status }: Machine, { cluster, picture }: Sight): string[] {
  const running = status?.phase === 'Running';
  const interfaces = spec.interfaces ?? [];
  return [
    ...interfaces.flatMap((entry) => {
      const held = addressOf(metadata.uid, entry.name, cluster);
      const subnet = cluster.find('Subnet', entry.subnetRef.name);
      if (!held || !subnet) return [`interface ${entry.name} has no address`];
      const port = picture.ports.find(({ tap }) => tap === tapName(metadata.uid, entry.name));
      const told = status?.addresses?.find((each) => each.interface === entry.name);
      return [
        ...differences(
          `interface ${entry.name}`,
          { address: entry.address ?? held.address, subnet: subnet.metadata.uid },
          { address: held.address, subnet: held.subnetRef.uid },
        ),
        ...(isUsable(held.address, subnet)
          ? []
          : [`${held.address} is no address for a guest of ${subnet.spec.cidr}`]),
        ...differences(`status.addresses of ${entry.name}`, held.address, told?.address),
        ...(running
          ? differences(
              `the tap of ${entry.name}`,
              {
                up: true,
                subnet: subnet.metadata.uid,
                allowed: { macAddress: held.macAddress, address: held.address },
                mtu: port?.mtu === undefined ? undefined : subnet.spec.mtu,
              },
              { up: port?.up, subnet: port?.subnetUid, allowed: port?.allowed, mtu: port?.mtu },
            )
          : []),
      ];
    }),
    ...differences(
      'the number of addresses',
      interfaces.length,
      cluster.all('IPAddress').filter(({ spec: { machineRef } }) => machineRef.uid === metadata.uid).length,
    ),
  ];
}

function isUsable(address: string, { spec, status }: Subnet): boolean {
  const number = (text: string): number => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const [base = '', prefix] = spec.cidr.split('/');
  const offset = number(address) - number(base);
  return offset > 0 && offset < 2 ** (32 - Number(prefix)) - 1 && address !== status?.gateway;
}
