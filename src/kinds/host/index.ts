import { type HostView, type KindDefinition, type Reader, existence } from '../../plan/kind.ts';
import { settled } from '../../plan/outcome.ts';
import type { HostSnapshot } from '../../plan/snapshot.ts';
import type { Host, Machine, Placement } from '../../resources/kinds.ts';
import type { Resource } from '../../resources/metadata.ts';
import type { WantedCondition } from '../../resources/conditions.ts';
import { CPU_OVERCOMMIT, reservedBytes } from '../../schedule/schedule.ts';
import { approximateBytes, quantityBytes } from '../../values/quantity.ts';

export interface HostInput {
  host: Host;
  view: HostView | undefined;
  /** What the Machines bound to this Host were given. */
  given: { machines: number; cpus: number; memoryBytes: number };
  /** Owners without an object: never removed automatically. */
  orphans: { kind: string; uid: string }[];
}

type OwnerKind = 'Machine' | 'Disk' | 'Subnet' | 'Image';

/** What a host has of each kind, by the UID of its owner. */
const partsOf: Record<OwnerKind, (snapshot: HostSnapshot) => Readonly<Record<string, unknown>>> = {
  Machine: ({ domains }) => domains,
  Disk: ({ disks }) => disks,
  Subnet: ({ segments }) => segments,
  Image: ({ images }) => images,
};

const ownerKinds = Object.keys(partsOf) as OwnerKind[];

/** A Host needs no steps: its agent says what is there, and the status repeats it on transitions. */
export const host: KindDefinition<Host, HostInput> = {
  kind: 'Host',
  plural: 'hosts',
  watches: [
    {
      kind: 'Placement',
      reads: ({ spec }) => spec,
      keys: (changed) => [(changed as Placement).spec.hostName],
    },
    {
      kind: 'Machine',
      reads: (machine) => {
        const { spec, status } = machine as Machine;
        return [spec.cpus, spec.memory, status?.hostName];
      },
      keys: (changed) => {
        const { hostName } = (changed as Machine).status ?? {};
        return hostName === undefined ? [] : [hostName];
      },
    },
    // What has lost its object is told of, until it has one again.
    ...ownerKinds.map((kind) => ({
      kind,
      reads: existence,
      keys: (changed: Resource, reader: Reader) => hostsWith(kind, changed.metadata.uid, reader),
    })),
  ],
  alsoConcerns: (_changedUids, _reader, hostName) => [hostName],
  gather: (host, reader) => {
    const view = reader.hosts().find(({ name }) => name === host.metadata.name);
    return {
      host,
      view,
      given: given(host.metadata.name, reader),
      orphans:
        view && view.snapshot !== 'unknown' ? orphansOf(view.snapshot, reader) : (host.status?.orphans ?? []),
    };
  },
  plan: () => settled,
  status: ({ host, view, given, orphans }) => {
    const snapshot = view && view.snapshot !== 'unknown' ? view.snapshot : undefined;
    const facts = snapshot?.facts;
    const allocatable = facts && {
      cpus: Math.max(0, facts.cpus * CPU_OVERCOMMIT - given.cpus),
      memory: approximateBytes(
        Math.max(0, facts.memoryBytes - reservedBytes(facts.memoryBytes) - given.memoryBytes),
      ),
    };
    const last = host.status;
    return {
      conditions: conditions(view, facts?.acceleratorReason ?? acceleratorMessage(host)),
      fields: {
        agentUid: snapshot?.agentUid ?? last?.agentUid,
        bootId: snapshot?.bootId ?? last?.bootId,
        capacity: facts
          ? {
              cpus: facts.cpus,
              memory: approximateBytes(facts.memoryBytes),
              storage: approximateBytes(snapshot.storage.totalBytes),
            }
          : last?.capacity,
        allocatable: allocatable ?? last?.allocatable,
        machines: given.machines,
        accelerator: facts?.accelerator ?? last?.accelerator,
        versions: facts ? { ...facts.versions } : last?.versions,
        orphans: orphans.length > 0 ? orphans : undefined,
      },
    };
  },
};

const acceleratorMessage = (host: Host): string =>
  host.status?.conditions?.find(({ type }) => type === 'HardwareAcceleration')?.message ?? 'not probed yet';

const ready = (status: WantedCondition['status'], reason: string, message: string): WantedCondition => ({
  type: 'Ready',
  status,
  reason,
  message,
});

function readiness(view: HostView | undefined): WantedCondition {
  if (!view?.alive) return ready('False', 'AgentSilent', 'the agent gives no sign of life');
  if (view.incomplete)
    return ready(
      'False',
      'SnapshotIncomplete',
      'a part of the host cannot be listed; see the log of the agent',
    );
  if (view.snapshot === 'unknown')
    return ready(
      'Unknown',
      'SnapshotUnknown',
      'the agent is being read anew, or does not obey this leader yet',
    );
  return ready('True', 'AgentReporting', 'the agent reports and obeys');
}

function conditions(view: HostView | undefined, accelerator: string): WantedCondition[] {
  const snapshot = view && view.snapshot !== 'unknown' ? view.snapshot : undefined;
  const kvm = snapshot?.facts.accelerator === 'KVM';
  return [
    readiness(view),
    {
      type: 'HardwareAcceleration',
      status: snapshot ? (kvm ? 'True' : 'False') : 'Unknown',
      reason: kvm ? 'ProbeSucceeded' : 'ProbeFailed',
      message: accelerator,
    },
  ];
}

function given(hostName: string, reader: Reader): HostInput['given'] {
  const bound = reader.find('Placement', 'hostName', hostName).flatMap(({ metadata, spec }) => {
    const { name, uid } = spec.machineRef;
    const machine = reader.get<Machine>('Machine', metadata.namespace, name);
    return machine?.metadata.uid === uid ? machine : [];
  });
  return {
    machines: bound.length,
    cpus: bound.reduce((sum, { spec }) => sum + spec.cpus, 0),
    memoryBytes: bound.reduce((sum, { spec }) => sum + quantityBytes(spec.memory), 0),
  };
}

const hostsWith = (kind: OwnerKind, uid: string, reader: Reader): string[] =>
  reader
    .hosts()
    .filter(({ snapshot }) => snapshot !== 'unknown' && partsOf[kind](snapshot)[uid] !== undefined)
    .map(({ name }) => name);

/** Whatever carries the UID of an object that is not there. */
const orphansOf = (snapshot: HostSnapshot, reader: Reader): HostInput['orphans'] =>
  ownerKinds
    .flatMap((kind) =>
      Object.keys(partsOf[kind](snapshot))
        .filter((uid) => reader.keyOfUid(kind, uid) === undefined)
        .map((uid) => ({ kind, uid })),
    )
    .sort((a, b) => (a.uid < b.uid ? -1 : 1));
