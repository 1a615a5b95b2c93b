import type { HostView } from '../../../src/plan/kind.ts';
import type { Outcome } from '../../../src/plan/outcome.ts';
import { FINALIZER } from '../../../src/plan/removal.ts';
import type {
  DomainSnapshot,
  HostSnapshot,
  PortSnapshot,
  SegmentSnapshot,
} from '../../../src/plan/snapshot.ts';
import type {
  Disk,
  Host,
  Image,
  IPAddress,
  Machine,
  Placement,
  Subnet,
} from '../../../src/resources/kinds.ts';
import type { ObjectMeta } from '../../../src/resources/metadata.ts';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { definitionOf } from '../../../src/kinds/machine/definition.ts';
import { segmentOf } from '../../../src/kinds/subnet/segment.ts';
import { reservationsHash, segmentHash, tapName } from '../../../src/values/links.ts';
import { addressName, placementName } from '../../../src/values/names.ts';

/** What a test changes of an object; everything else is as a healthy object has it. */
interface Changes<Kind extends { spec: unknown; status?: unknown }> {
  metadata?: Partial<ObjectMeta>;
  spec?: Partial<Kind['spec']>;
  status?: Kind['status'];
}

const metadata = (name: string, changes: Partial<ObjectMeta> = {}): ObjectMeta => ({
  name,
  namespace: 'default',
  uid: `uid-of-${name}`,
  resourceVersion: '7',
  generation: 1,
  creationTimestamp: '2026-01-01T00:00:00Z',
  finalizers: [FINALIZER],
  ...changes,
});

const object = <Kind extends string>(kind: Kind, name: string, changes: Partial<ObjectMeta> | undefined) => ({
  apiVersion: 'purlin.dev/v1alpha1',
  kind,
  metadata: metadata(name, changes),
});

/** Metadata of an object that somebody deleted. */
export const deleted: Partial<ObjectMeta> = { deletionTimestamp: '2026-01-02T00:00:00Z' };

/** A status whose only condition is Ready. */
export const readyStatus = (ready: boolean, message = 'everything is as the spec says') => ({
  conditions: [
    {
      type: 'Ready',
      status: ready ? ('True' as const) : ('False' as const),
      reason: ready ? 'Ready' : 'NotYet',
      message,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
});

export const machine = (name = 'web', { metadata, spec, status }: Changes<Machine> = {}): Machine => ({
  ...object('Machine', name, metadata),
  spec: {
    cpus: 1,
    memory: '256Mi',
    firmware: 'BIOS',
    runStrategy: 'Always',
    updatePolicy: 'OnRestart',
    terminationGracePeriodSeconds: 30,
    ...spec,
  },
  ...(status && { status }),
});

export const disk = (name = 'data', { metadata, spec, status }: Changes<Disk> = {}): Disk => ({
  ...object('Disk', name, metadata),
  spec: {
    size: '1Gi',
    format: 'qcow2',
    bindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
    ...spec,
  },
  ...(status && { status }),
});

export const image = (name = 'debian', { metadata, spec, status }: Changes<Image> = {}): Image => ({
  ...object('Image', name, metadata),
  spec: {
    source: { url: 'https://images.example/debian.qcow2' },
    checksum: `sha256:${'0'.repeat(64)}`,
    format: 'qcow2',
    compression: 'None',
    ...spec,
  },
  ...(status && { status }),
});

export const subnet = (name = 'frontend', { metadata, spec, status }: Changes<Subnet> = {}): Subnet => ({
  ...object('Subnet', name, metadata),
  spec: { cidr: '10.20.0.0/24', egress: 'NAT', mtu: 1500, ...spec },
  ...(status && { status }),
});

export const placement = (of: Machine, hostName = 'h1', changes: Partial<ObjectMeta> = {}): Placement => ({
  ...object('Placement', placementName(of.metadata.uid), changes),
  spec: { machineRef: { name: of.metadata.name, uid: of.metadata.uid }, hostName },
});

export const ipAddress = (
  address: string,
  of: { machine?: Machine; subnet?: Subnet; interface?: string; metadata?: Partial<ObjectMeta> } = {},
): IPAddress => {
  const holder = of.machine ?? machine();
  const network = of.subnet ?? subnet();
  return {
    ...object('IPAddress', addressName(network.metadata.name, address), of.metadata),
    spec: {
      address,
      macAddress: '02:00:00:00:00:01',
      subnetRef: { name: network.metadata.name, uid: network.metadata.uid },
      machineRef: { name: holder.metadata.name, uid: holder.metadata.uid },
      interface: of.interface ?? 'eth0',
    },
  };
};

export const hostObject = (name = 'h1', { metadata, spec }: Changes<Host> = {}): Host => ({
  ...object('Host', name, metadata),
  spec: { ...spec },
});

export const snapshot = (changes: Partial<HostSnapshot> = {}): HostSnapshot => ({
  hostName: 'h1',
  agentUid: 'agent-1',
  incarnation: 'incarnation-1',
  bootId: 'boot-1',
  sequence: 10,
  complete: true,
  earlierOrdersEnded: true,
  epoch: 1,
  facts: {
    cpus: 4,
    memoryBytes: 8 * 2 ** 30,
    accelerator: 'TCG',
    acceleratorReason: 'the probe guest did not run on KVM',
    versions: { purlin: '0.1.0', libvirt: '9.0.0', qemu: '7.2.0', kernel: '6.1' },
    architecture: 'x86_64',
  },
  domains: {},
  foreignDomains: 0,
  disks: {},
  images: {},
  seeds: {},
  segments: {},
  ports: {},
  hostCidrs: [],
  storage: { freeBytes: 2 ** 40, totalBytes: 2 ** 41 },
  results: {},
  removed: {},
  ...changes,
});

/** A host that reports; name it to have several. */
export const host = (changes: Partial<HostSnapshot> = {}): HostView => {
  const seen = snapshot(changes);
  return { name: seen.hostName, registered: true, alive: true, snapshot: seen, incomplete: false };
};

export const silentHost = (name = 'h1'): HostView => ({
  name,
  registered: true,
  alive: false,
  snapshot: 'unknown',
  incomplete: false,
});

/** The port of interface eth0 of Machine `web`, as it is while its guest runs. */
export const port = (changes: Partial<PortSnapshot> = {}): PortSnapshot => ({
  tap: tapName('uid-of-web', 'eth0'),
  machineUid: 'uid-of-web',
  interfaceName: 'eth0',
  subnetUid: 'uid-of-frontend',
  state: 'up',
  carrier: 'present',
  attached: true,
  rules: 'present',
  ...changes,
});

/** A segment exactly as the Subnet with these addresses asks for. */
export const segment = (
  of: Subnet,
  addresses: IPAddress[] = [],
  changes: Partial<SegmentSnapshot> = {},
): SegmentSnapshot => {
  const wanted = segmentOf(of, addresses);
  return {
    subnetUid: of.metadata.uid,
    bridge: 'up',
    gatewayCidr: `${wanted.gateway}/${wanted.cidr.split('/')[1]}`,
    mtu: wanted.mtu,
    dnsmasq: 'running',
    rules: 'present',
    forwarding: 'on',
    specHash: segmentHash(wanted),
    reservationsHash: reservationsHash(wanted.reservations),
    ...changes,
  };
};

/** The domain of a Machine as defined from its input, running unless told otherwise. */
export function domainOf(input: MachineInput, changes: Partial<DomainSnapshot> = {}): DomainSnapshot {
  const { definitionHash, cpus, memoryBytes, disks, interfaces, restartToken } = definitionOf(input);
  const hardware = {
    cpus,
    maxCpus: Math.max(cpus, 4),
    memoryBytes,
    disks: disks.map(({ diskUid }, index) => ({ diskUid, target: `vd${'abc'[index]}` })),
    interfaces: interfaces.map(({ name, macAddress, mtu }) => ({
      tap: tapName(input.machine.metadata.uid, name),
      macAddress,
      mtu,
    })),
  };
  const running = changes.power !== 'shutoff';
  return {
    machineUid: input.machine.metadata.uid,
    power: 'running',
    persistent: true,
    config: hardware,
    definitionHash,
    ...(running && { live: hardware, restartToken }),
    ...changes,
  };
}

/** An outcome as a sentence: what is done where, or what is waited for, and why. */
export function sentence(outcome: Outcome): string {
  switch (outcome.type) {
    case 'settled':
      return 'settled';
    case 'waiting':
      return `wait (${outcome.reason}): ${outcome.on}`;
    case 'blocked':
      return `blocked (${outcome.reason}): ${outcome.message}`;
    case 'act': {
      const { step } = outcome;
      const what = step.on === 'host' ? `${step.action.name} on ${step.hostName}` : step.action.name;
      return `${what} (${outcome.reason}${outcome.drift ? ', drift' : ''}): ${outcome.because}`;
    }
  }
}
